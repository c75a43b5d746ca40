"""Checking a TFRecord file: every CRC, whether its records are Examples, and its index."""

from __future__ import annotations

import re
from contextlib import closing
from typing import BinaryIO

from imagine_common.errors import ImagineError
from imagine_common.files.reading import PIECE_BYTES, FileSlice, InputFile, read_pieces
from imagine_common.files.storage import exists, open_input
from imagine_common.packers.checking import FileReport, Inspection
from imagine_common.text import show
from imagine_tfrecord.example_reader import NoExampleError, read_labels
from imagine_tfrecord.framing import (
    FRAME_BYTES,
    HEAD_BYTES,
    masked_crc32c,
    unpack_crc,
    unpack_length,
)
from imagine_tfrecord.index import index_of

_GZIP = b"\x1f\x8b"
_INDEX_LINE = re.compile(rb"([0-9]{1,20}) ([0-9]{1,20})\n")
_MAX_INDEX_LINE_BYTES = 42


def check_tfrecord(path: bytes, index_path: bytes | None = None) -> FileReport:
    """Read a TFRecord file to its end and return what it was found to be.

    An index in DALI's format, lines of offset and size, is compared where there is one beside it,
    under the file's name and `.idx`; with `index_path` it must be in that folder. Memory is
    bounded, whatever the file says about itself.
    """
    with Inspection(path) as inspection:
        if path.endswith(b".idx") and exists(path[:-4]):
            raise ImagineError(f"{show(path)}: an index; give the file that it belongs to")
        with (
            inspection.open("a TFRecord file") as file,
            closing(_Index(inspection, index_path)) as index,
        ):
            _check_records(file, inspection, index)
    return inspection.report()


def _check_records(file: BinaryIO, inspection: Inspection, index: _Index) -> None:
    size = inspection.size
    offset = 0
    while offset < size:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            inspection.found(f"cut off: the file ends at byte {offset + len(head)}", offset)
            return
        length = unpack_length(head)
        if length is None:
            inspection.found(f"the CRC of its length is wrong; {_hint(head, offset)}", offset)
            return
        end = offset + FRAME_BYTES + length
        if end > size:
            inspection.found(f"cut off: the file ends {end - size} bytes too early", offset)
            return
        _check_data(file, offset, length, inspection)
        index.expect(offset, end - offset)
        inspection.records += 1
        offset = end
    index.expect_end()


def _check_data(file: BinaryIO, offset: int, length: int, inspection: Inspection) -> None:
    data: bytes | FileSlice
    if length <= PIECE_BYTES:
        data = file.read(length)
        crc = masked_crc32c([data])
    else:
        data = FileSlice(inspection.file, offset + HEAD_BYTES)
        crc = masked_crc32c(read_pieces(file, length))
    stored = file.read(4)
    if len(stored) < 4:
        raise ImagineError(f"{show(inspection.path)}: it became shorter while being read")
    if unpack_crc(stored) != crc:
        inspection.found("the CRC of its data is wrong", offset)
        return
    try:
        inspection.add_labels(read_labels(data, length))
    except NoExampleError as error:
        inspection.remark("not of tf.train.Example", f": {error}")


def _hint(head: bytes, offset: int) -> str:
    if offset:
        return "what follows can't be read"
    if head.startswith(_GZIP):
        return "the file is compressed: gunzip it first"
    return "is it a TFRecord file?"


class _Index:
    """The index of a file, if there is one, compared with the records as they are read."""

    def __init__(self, inspection: Inspection, folder: bytes | None) -> None:
        self._inspection = inspection
        self._path = index_of(inspection.path, folder)
        self._line = 0
        self._input: InputFile | None = None
        self._file: BinaryIO | None = None
        if folder is not None or exists(self._path):
            self._input = open_input(self._path, "an index")
            self._file = self._input.stream()

    def expect(self, offset: int, size: int) -> None:
        """Compare the next line with a record."""
        if self._file is None:
            return
        self._line += 1
        line = self._file.readline(_MAX_INDEX_LINE_BYTES)
        match = _INDEX_LINE.fullmatch(line)
        if not match:
            self._give_up(f"line {self._line} ({line!r}) is not offset, space, size, newline")
        elif (int(match[1]), int(match[2])) != (offset, size):
            found = f"{int(match[1])} {int(match[2])}"
            self._give_up(f"line {self._line} is {found}, but the record is {offset} {size}")

    def expect_end(self) -> None:
        """Look for lines without a record."""
        if self._file is not None and self._file.read(1):
            self._give_up("it has more lines than the file has records")

    def close(self) -> None:
        """Close the index."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._input is not None:
            self._input.close()
            self._input = None

    def _give_up(self, reason: str) -> None:
        self._inspection.found_in_index(self._path, reason)
        self.close()
