"""Size lists: files of the dimensions that images have, and how likely each is.

A line is `width height [weight]`: pixels, and a whole number, by default 1. A `#` starts a comment.
The lists of the tool are in the folder `size_lists`; comments in them name their sources.
"""

from __future__ import annotations

import os
import re

from imagine_common.errors import UsageError, file_error
from imagine_common.files.urls import local_path, refuse_store
from imagine_common.text import show
from imagine_gen.dataset.dimensions import SizeList

_FOLDER = os.path.join(os.path.dirname(__file__), "size_lists")
_SUFFIX = ".txt"
_LINE = re.compile(rb"([0-9]{1,10})[ \t]+([0-9]{1,10})(?:[ \t]+([0-9]{1,10}))?")
_BOM = b"\xef\xbb\xbf"
_MAX_BYTES = 1 << 22
_SHOWN = 40  # characters of an invalid line


def size_list_names() -> list[str]:
    """Return the names of the tool's own lists."""
    files = sorted(os.listdir(_FOLDER))
    return [name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)]


def load_size_list(source: str) -> SizeList:
    """Return the list with a name, or that of a file, which may be a pipe such as `<(command)`.

    Raises
    ------
    UsageError
        If there is no such file, it is in an object store, or it is not a list of sizes.
    ImagineError
        If the file cannot be read.
    """
    refuse_store("--size-list", os.fsencode(source))
    names = size_list_names()
    path = os.path.join(_FOLDER, source + _SUFFIX) if source in names else source
    try:
        with open(local_path(os.fsencode(path)), "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"argument --size-list: {_shown(source)}: no such file; lists that come with the tool:"
            f" {', '.join(names)}"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise UsageError(f"argument --size-list: {_shown(source)}: {error}") from error
    except OSError as error:
        raise file_error(os.fsencode(source), error) from error
    where = f"argument --size-list: {_shown(source)}: "
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{where}more than {_MAX_BYTES} bytes, which no list of sizes needs")
    return parse_size_list(data, where)


def parse_size_list(data: bytes, where: str) -> SizeList:
    """Return the list in a file, or raise a `UsageError` that begins with `where`."""
    sizes: list[tuple[int, int]] = []
    weights: list[int] = []
    for number, line in enumerate(data.removeprefix(_BOM).splitlines(), 1):
        text = line.partition(b"#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        values = [int(value or 1) for value in match.groups()] if match else [0]
        if not all(values):
            raise UsageError(
                f"{where}line {number}: expected WIDTH HEIGHT [WEIGHT], whole numbers from 1 on,"
                f" not {text[:_SHOWN].decode('latin-1')!a}"
            )
        width, height, weight = values
        sizes.append((width, height))
        weights.append(weight)
    if not sizes:
        raise UsageError(f"{where}no line with a width and a height")
    return SizeList(tuple(sizes), tuple(weights))


def _shown(source: str) -> str:
    return show(os.fsencode(source))
