"""The index of a RecordIO file: lines of a record's key, a tab, and its offset in bytes."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError
from imagine_common.files.storage import exists, open_input
from imagine_common.packers.checking import Inspection
from imagine_recordio.framing import HEAD_BYTES

_LINE = re.compile(rb"([0-9]{1,19})\t([0-9]{1,19})\n")
_MAX_LINE_BYTES = 40


def index_line(key: int, offset: int, _size: int = 0) -> bytes:
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


def load_index(path: bytes, inspection: Inspection) -> Index | None:
    """Return an index that can be compared with its file; None where there is none, or a bad one.

    What is wrong with it goes to `inspection`.

    Raises
    ------
    ImagineError
        Where it is no regular file, or can't be opened.
    OSError
        Where it can't be read.
    """
    if not exists(path):
        return None
    index = Index(path, inspection)
    with open_input(path, "an index") as found, found.stream() as file:
        try:
            index.load(file)
        except ImagineError as error:
            inspection.found_in_index(path, str(error))
            return None
    return index


class Index:
    """An index that is compared with the records of its file."""

    def __init__(self, path: bytes, inspection: Inspection) -> None:
        self._path = path
        self._inspection = inspection
        self._keys = array("Q")
        self._offsets = array("Q")
        self._next: int | None = 0  # None once it has been found not to agree
        self._unlike = 0
        self._first_unlike = ""

    def load(self, file: BinaryIO) -> None:
        """Read all lines.

        Raises
        ------
        ImagineError
            For a line that is none, a key that comes again, and more lines than can be.
        """
        most = self._inspection.size // HEAD_BYTES
        seen: set[int] | None = None
        ordered = True
        for key, offset in read_index(file):
            if self._keys and key <= self._keys[-1]:
                seen = seen or set(self._keys)
            if seen is not None:
                if key in seen:
                    raise ImagineError(f"line {len(self._keys) + 1} has key {key} again")
                seen.add(key)
            if len(self._keys) == most:
                raise ImagineError("it has more lines than the file can have records")
            ordered = ordered and (not self._offsets or offset > self._offsets[-1])
            self._keys.append(key)
            self._offsets.append(offset)
        if not ordered:
            order = sorted(range(len(self._keys)), key=self._offsets.__getitem__)
            self._keys = array("Q", [self._keys[i] for i in order])
            self._offsets = array("Q", [self._offsets[i] for i in order])

    def expect(self, offset: int, number: int | None) -> None:
        """Compare with the next record: where it begins, and the id in its header."""
        if self._next is None:
            return
        if self._next == len(self._keys):
            self._give_up(f"it has no line for the record at byte {offset}")
        elif self._offsets[self._next] != offset:
            key, found = self._keys[self._next], self._offsets[self._next]
            self._give_up(f"key {key} is at byte {found}, but the next record at byte {offset}")
        else:
            key = self._keys[self._next]
            if key != number:
                self._unlike += 1
                self._first_unlike = self._first_unlike or f"key {key} is for a record of {number}"
            self._next += 1

    def expect_end(self) -> None:
        """Compare with the end of the file."""
        if self._next is None:
            return
        if self._next < len(self._keys):
            self._give_up(f"it has {len(self._keys)} lines for {self._next} records")
        # Some programs number keys and records apart: then most differ.
        elif self._unlike > self._next / 2 and self._next > 1:
            self._inspection.remark("under a key that is not its id")
        elif self._unlike:
            more = f", and {self._unlike - 1} more" if self._unlike > 1 else ""
            self._give_up(f"keys are not the ids of their records: {self._first_unlike}{more}")

    def _give_up(self, reason: str) -> None:
        self._next = None
        self._inspection.found_in_index(self._path, reason)
