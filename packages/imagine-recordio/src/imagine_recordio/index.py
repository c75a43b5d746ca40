"""The index of a RecordIO file: a line for each record with its key, a tab and its offset.

A merged index is for all files of a dataset together. DALI reads several files as if they were one,
in the order in which it gets them, so offsets run on from file to file
(dali/operators/reader/loader/recordio_loader.h).
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain
from typing import BinaryIO

from imagine_common.errors import ImagineError, file_errors
from imagine_common.files.storage import open_input, output_file
from imagine_common.packers.records import RecordFile

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


def merge_indexes(shards: Generator[RecordFile], path: bytes, fsync: bool) -> Generator[RecordFile]:
    """Yield finished shards unchanged, and write the index of all of them, whole or not at all."""
    with closing(shards):
        # The first shard's folder must exist before the index is created in it.
        first = next(shards, None)
        if first is None:
            return
        base = 0
        with output_file(path, fsync) as merged:
            for shard in chain([first], shards):
                if shard.records:
                    file = os.fsencode(shard.path)
                    for line in shifted_lines(file, base):
                        merged.write([line])
                    base += size_of(file)
                yield shard


def shifted_lines(path: bytes, base: int) -> Iterator[bytes]:
    """Yield the lines of a file's index, with `base` bytes of other files before the file."""
    index = index_of(path)
    with file_errors(index), open_input(index, "an index") as found, found.stream() as file:
        for key, offset in read_index(file):
            yield LINE_FORMAT % (key, base + offset)


def size_of(path: bytes) -> int:
    """Return the bytes of a RecordIO file."""
    with open_input(path, "a RecordIO file") as file:
        return file.size
