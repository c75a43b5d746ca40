"""Images from im2rec's list: lines of index, label or labels, and path, separated by tabs.

Lines are read as MXNet's tools/im2rec.py reads them: space around a line and its fields is ignored,
the last field is the path, relative to a root, and the fields between are labels. A line that
im2rec ignores with a message is an error here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from math import isinf

from imagine_common.errors import ImagineError, file_errors
from imagine_common.exchange.manifest import NEWLINE
from imagine_common.files.reading import refuse_special
from imagine_common.files.urls import local_path
from imagine_common.packers.records import Image
from imagine_common.packers.sources.base import LineSource
from imagine_common.text import counted, show
from imagine_recordio.index import Keys

_INDEX = re.compile(rb"[0-9]{1,19}")
_MAX_INDEX = 2**63 - 1
# A label's notation decides whether it is a whole number: im2rec writes 7 as 7.000000.
_WHOLE = re.compile(rb"([+-]?[0-9]{1,40})(?:\.0*)?")
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_MAX_NUMBER_BYTES = 100
_MAX_LINE_BYTES = 1 << 20
_BATCH = 256


class ListSource(LineSource):
    """The images of a list at `path`, whose paths are relative to `root`.

    An image's position in the dataset is its index, which is unique. Detecting repeated indexes
    takes 2 bytes of memory for each line if the indexes are dense, as im2rec's are, and about 100
    if they are far apart.
    """

    delimiter = NEWLINE

    def __init__(self, path: bytes, root: bytes) -> None:
        self.line_format = self
        self._path = path
        self._root = root

    def parse(self, line: bytes, _position: int) -> Image:
        """Return the image in a line; its position in the dataset is its index."""
        fields = [field.strip() for field in line.strip().split(b"\t")]
        if len(fields) < 3:
            raise ImagineError(
                f"{_shortened(line)}: expected index, label and path, separated by tabs;"
                f" found {counted(len(fields), 'field')}"
            )
        index = _parse_index(line)
        if index is None:
            raise ImagineError(
                f"{_shortened(fields[0])}: not an index, a whole number up to {_MAX_INDEX}"
            )
        if b"\0" in fields[-1]:
            raise ImagineError(f"{_shortened(fields[-1])}: the path contains a NUL byte")
        labels = tuple(map(_parse_label, fields[1:-1]))
        return Image(index, os.path.join(self._root, fields[-1]), labels)

    def locate(self, position: int) -> str:
        """Return the end of an error message that gives the line's number."""
        return f" (line {position + 1} of {show(self._path)})"

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the list's lines; raise an `ImagineError` at a repeated index, too."""
        seen = Keys()
        batch: list[bytes] = []
        position = -1
        path = local_path(self._path)
        with file_errors(self._path):
            refuse_special(path, "a list")
        with file_errors(self._path), open(path, "rb") as file:
            for position, line in enumerate(iter(partial(file.readline, _MAX_LINE_BYTES + 1), b"")):
                if len(line) > _MAX_LINE_BYTES:
                    raise ImagineError(f"a line of over 1 MiB{self.locate(position)}")
                index = _parse_index(line)
                if index is not None and not seen.add(index):
                    raise ImagineError(f"the index {index} is repeated{self.locate(position)}")
                batch.append(line.removesuffix(NEWLINE))
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch
        elif position < 0:
            raise ImagineError(f"{show(self._path)}: the list is empty")


def _parse_index(line: bytes) -> int | None:
    """Return the index at the beginning of a line; None if it is invalid."""
    field = line.strip().partition(b"\t")[0].strip()
    if not _INDEX.fullmatch(field) or int(field) > _MAX_INDEX:
        return None
    return int(field)


def _parse_label(field: bytes) -> float:
    if whole := _WHOLE.fullmatch(field):
        return int(whole[1])
    if len(field) > _MAX_NUMBER_BYTES or not _NUMBER.fullmatch(field) or isinf(float(field)):
        raise ImagineError(f"{_shortened(field)}: not a label, a number that fits in float32")
    return float(field)


def _shortened(field: bytes) -> str:
    return show(field[:_MAX_NUMBER_BYTES])
