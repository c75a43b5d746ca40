"""The index of a RecordIO file: a line for each record with its key, a tab and its offset.

A merged index is for all files of a dataset together. DALI reads several files as if they were one,
in the order in which it gets them, so offsets run on from file to file
(dali/operators/reader/loader/recordio_loader.h).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError, file_errors
from imagine_common.files.storage import open_input
from imagine_common.packers.records import index_of

MERGED = b"merged.idx"  # the end of the name of a merged index
LINE_FORMAT = b"%d\t%d\n"
INDEX_LINE = re.compile(rb"([0-9]{1,19})\t([0-9]{1,19})\n")
_MAX_LINE_BYTES = 40


class Keys:
    """A set of keys, which takes 2 bytes for each if they are dense, and about 100 otherwise."""

    def __init__(self) -> None:
        self._pages: defaultdict[int, int] = defaultdict(int)  # the bits of 64 keys each

    def add(self, key: int) -> bool:
        """Add a key; return whether it is new."""
        page, bit = key >> 6, 1 << (key & 63)
        is_new = not self._pages[page] & bit
        self._pages[page] |= bit
        return is_new


def read_index(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the key and the offset of each record; an invalid line is an `ImagineError`."""
    number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        number += 1
        match = INDEX_LINE.fullmatch(line)
        if not match:
            raise ImagineError(f"line {number} ({line!r}) is not key, tab, offset, newline")
        yield int(match[1]), int(match[2])


def merged_lines(paths: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the lines of the files' merged index, each with the path of its file."""
    base = 0
    for path in paths:
        index = index_of(path, None, b".rec")
        with file_errors(index), open_input(index, "an index") as found, found.stream() as lines:
            for key, offset in read_index(lines):
                yield path, LINE_FORMAT % (key, base + offset)
        with open_input(path, "a RecordIO file") as file:
            base += file.size
