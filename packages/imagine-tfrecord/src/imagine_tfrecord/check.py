"""Check a TFRecord file: every CRC, whether its records are Examples, and its index."""

from __future__ import annotations

import re
from functools import partial
from typing import BinaryIO

from imagine_common.errors import ImagineError
from imagine_common.files.reading import PIECE_BYTES, FileSlice, InputFile, read_pieces
from imagine_common.files.storage import exists
from imagine_common.packers.checking import (
    FileReport,
    IndexInspection,
    Inspection,
    check_file,
    open_index,
)
from imagine_common.text import show
from imagine_tfrecord.example_reader import NoExampleError, read_labels
from imagine_tfrecord.framing import (
    CRC_BYTES,
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
    """Read a TFRecord file to its end and report what is wrong with it.

    Memory use is bounded, whatever the file contains.

    Parameters
    ----------
    path : bytes
    index_path : bytes, optional
        A folder that must contain the file's index in DALI's format. By default, an index beside
        the file, under its name and `.idx`, is checked if it exists.
    """
    return check_file(path, "a TFRecord file", partial(_check, index_path))


def _check(index_path: bytes | None, inspection: Inspection, file: InputFile) -> None:
    path = inspection.path
    if path.endswith(b".idx") and exists(path[:-4]):
        raise ImagineError(f"{show(path)}: an index; give the file that it belongs to")
    index_file = index_of(path, index_path)
    with file.stream() as stream, open_index(index_file, index_path is not None) as lines:
        index = _Index(index_file, inspection, lines) if lines else None
        offset = 0
        while offset < inspection.size:
            size = _check_record(offset, stream, file, inspection)
            if size is None:
                return
            if index:
                index.expect(offset, size)
            inspection.records += 1
            offset += size
        if index:
            index.expect_end()


def _check_record(
    offset: int, stream: BinaryIO, file: InputFile, inspection: Inspection
) -> int | None:
    """Check the next record; return its size with its frame, or None if the next can't be found."""
    head = stream.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        inspection.found(f"cut off: the file ends at byte {offset + len(head)}", offset)
        return None
    length = unpack_length(head)
    if length is None:
        inspection.found(f"the CRC of its length is wrong; {_hint(head, offset)}", offset)
        return None
    missing = offset + FRAME_BYTES + length - inspection.size
    if missing > 0:
        inspection.found(f"cut off: the file ends {missing} bytes too early", offset)
        return None
    data: bytes | FileSlice
    if length <= PIECE_BYTES:
        data = stream.read(length)
        actual_crc = masked_crc32c([data])
    else:
        data = FileSlice(file, offset + HEAD_BYTES)
        actual_crc = masked_crc32c(read_pieces(stream, length))
    crc = stream.read(CRC_BYTES)
    if len(crc) < CRC_BYTES:
        raise ImagineError(f"{show(inspection.path)}: became shorter while being read")
    if unpack_crc(crc) != actual_crc:
        inspection.found("the CRC of its data is wrong", offset)
    else:
        try:
            inspection.add_labels(read_labels(data, length))
        except NoExampleError as error:
            inspection.remark("not of tf.train.Example", f": {error}")
    return FRAME_BYTES + length


def _hint(head: bytes, offset: int) -> str:
    if offset:
        return "the rest can't be read"
    if head.startswith(_GZIP):
        return "the file is compressed: gunzip it first"
    return "is it a TFRecord file?"


class _Index(IndexInspection):
    """An index in DALI's format, read line by line along with the records."""

    def __init__(self, path: bytes, inspection: Inspection, lines: BinaryIO) -> None:
        super().__init__(path, inspection)
        self._lines = lines

    def expect(self, offset: int, size: int) -> None:
        """Compare the next line with a record."""
        if not self.agrees:
            return
        number = self.inspection.records + 1
        line = self._lines.readline(_MAX_INDEX_LINE_BYTES)
        match = _INDEX_LINE.fullmatch(line)
        if not match:
            self.differs(f"line {number} ({line!r}) is not offset, space, size, newline")
        elif (int(match[1]), int(match[2])) != (offset, size):
            found = f"{int(match[1])} {int(match[2])}"
            self.differs(f"line {number} is {found}, but the record is {offset} {size}")

    def expect_end(self) -> None:
        """Check that no line is left."""
        if self.agrees and self._lines.read(1):
            self.differs("it has more lines than the file has records")
