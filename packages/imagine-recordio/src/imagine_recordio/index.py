"""The index of a RecordIO file: lines of a record's key, a tab, and its offset in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError

_LINE = re.compile(rb"([0-9]{1,19})\t([0-9]{1,19})\n")
_MAX_LINE_BYTES = 40


def index_line(key: int, offset: int) -> bytes:
    """Return the line of a record."""
    return b"%d\t%d\n" % (key, offset)


def read_index(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the key and the offset of each record in an index.

    Raises
    ------
    ImagineError
        For a line that is none, with its number.
    """
    number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        number += 1
        match = _LINE.fullmatch(line)
        if not match:
            raise ImagineError(f"line {number} ({line!r}) is not key, tab, offset, newline")
        yield int(match[1]), int(match[2])
