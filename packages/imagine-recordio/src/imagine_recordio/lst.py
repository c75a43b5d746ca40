"""im2rec's list of images: lines of index, label or labels, and path, with tabs between.

Read as MXNet's tools/im2rec.py reads it: space around a line and its fields does not count, the
last field is the path, below a root, and what stands between is labels. Lines that it would pass
over with a remark are errors here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from math import isinf
from typing import BinaryIO

from imagine_common.errors import ImagineError, file_error
from imagine_common.exchange.manifest import NEWLINE, Entry
from imagine_common.files.urls import local_path
from imagine_common.packers.shards.slices import LineFormat
from imagine_common.text import show

_INDEX = re.compile(rb"[0-9]{1,19}")
_MAX_INDEX = 2**63 - 1
# Whole numbers are told from others by how they are written: im2rec writes 7 as 7.000000.
_WHOLE = re.compile(rb"([+-]?[0-9]{1,40})(?:\.0*)?")
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_MAX_NUMBER_BYTES = 100
_MAX_LINE_BYTES = 1 << 20
_BATCH = 256
_PAGE_BITS = 6


class ListSource:
    """The images of a list; an image's place in the dataset is its index, which no other has.

    To tell that an index comes again takes 2 bytes of memory a line where they are dense, as
    im2rec's are, and about 100 where they are far apart.
    """

    def __init__(self, path: bytes, root: bytes) -> None:
        self._path = path
        self.line_format = LineFormat(
            NEWLINE, partial(parse_list_line, root), partial(line_of_list, path)
        )

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the list's lines.

        Raises
        ------
        ImagineError
            Where the list can't be read, has no line, a line over 1 MiB, or an index again.
        """
        seen = _Seen()
        position = 0
        try:
            with open(local_path(self._path), "rb") as file:
                while batch := self._read_batch(file, position):
                    for line in batch:
                        index = _index(line)
                        if index is not None and not seen.add(index):
                            where = line_of_list(self._path, position)
                            raise ImagineError(f"the index {index} comes again{where}")
                        position += 1
                    yield batch
        except OSError as error:
            raise file_error(self._path, error) from error
        if not position:
            raise ImagineError(f"{show(self._path)}: the list is empty")

    def warnings(self) -> list[str]:
        """Return nothing: all lines are packed."""
        return []

    def _read_batch(self, file: BinaryIO, position: int) -> list[bytes]:
        batch: list[bytes] = []
        while len(batch) < _BATCH and (line := file.readline(_MAX_LINE_BYTES + 1)):
            if len(line) > _MAX_LINE_BYTES:
                where = line_of_list(self._path, position + len(batch))
                raise ImagineError(f"over 1 MiB in one line{where}")
            batch.append(line.removesuffix(NEWLINE))
        return batch


def parse_list_line(root: bytes, line: bytes, _position: int) -> tuple[int, Entry]:
    """Return the index, and the path and labels, in a line.

    Raises
    ------
    ImagineError
        Where it is no such line.
    """
    fields = [field.strip() for field in line.strip().split(b"\t")]
    if len(fields) < 3:
        raise ImagineError(
            f"{_shown(line)}: {len(fields)} of at least three fields: index, label and path, with"
            " tabs between"
        )
    index = _index(line)
    if index is None:
        raise ImagineError(f"{_shown(fields[0])}: no index, a whole number up to {_MAX_INDEX}")
    if b"\0" in fields[-1]:
        raise ImagineError(f"{_shown(fields[-1])}: no name holds a NUL byte")
    labels = tuple(_label(field) for field in fields[1:-1])
    return index, Entry(os.path.join(root, fields[-1]), labels)


def line_of_list(path: bytes, position: int) -> str:
    """Return words for an error's end that tell in which line of a list an image stood."""
    return f" (line {position + 1} of {show(path)})"


def _index(line: bytes) -> int | None:
    field = line.strip().partition(b"\t")[0].strip()
    if not _INDEX.fullmatch(field) or int(field) > _MAX_INDEX:
        return None
    return int(field)


def _label(field: bytes) -> float:
    if whole := _WHOLE.fullmatch(field):
        return int(whole[1])
    if len(field) > _MAX_NUMBER_BYTES or not _NUMBER.fullmatch(field) or isinf(float(field)):
        raise ImagineError(f"{_shown(field)}: no label, which is a number of float32")
    return float(field)


def _shown(field: bytes) -> str:
    return show(field[:_MAX_NUMBER_BYTES])


class _Seen:
    """A set of indexes, as bits of numbers: the usual list's are 0 to its length."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}

    def add(self, index: int) -> bool:
        """Add an index; tell whether it is new."""
        page, bit = index >> _PAGE_BITS, 1 << (index & (1 << _PAGE_BITS) - 1)
        bits = self._pages.get(page, 0)
        self._pages[page] = bits | bit
        return not bits & bit
