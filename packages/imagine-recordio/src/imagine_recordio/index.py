"""The index of a RecordIO file: a line for each record with its key, a tab and its offset.

A merged index is for all files of a dataset together. DALI reads several files as if they were one,
in the order in which it gets them, so offsets run on from file to file
(dali/operators/reader/loader/recordio_loader.h).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError, file_errors
from imagine_common.files.storage import open_input

MERGED = b"merged.idx"  # the end of the name of a merged index
LINE_FORMAT = b"%d\t%d\n"
INDEX_LINE = re.compile(rb"([0-9]{1,19})\t([0-9]{1,19})\n")
_MAX_LINE_BYTES = 40


def index_of(path: bytes) -> bytes:
    """Return the path of a `.rec` file's index."""
    return path.removesuffix(b".rec") + b".idx"


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
        index = index_of(path)
        with file_errors(index), open_input(index, "an index") as found, found.stream() as lines:
            for key, offset in read_index(lines):
                yield path, LINE_FORMAT % (key, base + offset)
        with open_input(path, "a RecordIO file") as file:
            base += file.size
