"""The index of a RecordIO file: a line for each record with its key, a tab and its offset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError

_LINE = re.compile(rb"([0-9]{1,19})\t([0-9]{1,19})\n")
_MAX_LINE_BYTES = 40


def index_line(key: int, offset: int) -> bytes:
    """Return the line of a record at an offset in bytes."""
    return b"%d\t%d\n" % (key, offset)


def read_index(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the key and the offset of each record in an index.

    Raises
    ------
    ImagineError
        If a line is invalid.
    """
    number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        number += 1
        match = _LINE.fullmatch(line)
        if not match:
            raise ImagineError(f"line {number} ({line!r}) is not key, tab, offset, newline")
        yield int(match[1]), int(match[2])
