"""Check a RecordIO file: frames, headers, the lengths of images, and the index.

The format has no checksums, so a changed byte within an image is not found.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError
from imagine_common.files.reading import InputFile
from imagine_common.packers.checking import (
    FileReport,
    IndexInspection,
    Inspection,
    check_file,
    open_index,
)
from imagine_common.packers.images.files import HEAD_BYTES, is_image
from imagine_common.text import show
from imagine_recordio.framing import HEAD_BYTES as FRAME_HEAD_BYTES
from imagine_recordio.index import read_index
from imagine_recordio.record import HEADER, LABEL_BYTES
from imagine_recordio.record_reader import FrameError, RecordReader

_LABELS_BYTES = 1 << 16
_TAIL_BYTES = 16
# The first and the last bytes of JPEG, PNG and GIF files.
_ENDS = ((b"\xff\xd8\xff", b"\xff\xd9"), (b"\x89PNG", b"IEND\xae\x42\x60\x82"), (b"GIF8", b"\x3b"))


def check_recordio(path: bytes) -> FileReport:
    """Read a RecordIO file to its end and report what is wrong with it.

    An index beside the file, with `.idx` in place of `.rec`, is checked if it exists. Memory use is
    bounded, whatever the file contains, except for 16 bytes for each line of the index, or 100 if
    its keys don't ascend.
    """
    return check_file(path, "a RecordIO file", _check)


def _check(inspection: Inspection, file: InputFile) -> None:
    path = inspection.path
    if path.endswith(b".idx"):
        raise ImagineError(f"{show(path)}: an index; give the .rec file that it belongs to")
    index_path = path.removesuffix(b".rec") + b".idx"
    with open_index(index_path) as lines:
        index = _Index(index_path, inspection, lines) if lines else None
    with file.stream() as stream:
        reader = RecordReader(stream, inspection.size, inspection.found)
        while reader.offset < inspection.size:
            begin = reader.offset
            try:
                record_id = _check_record(reader, inspection)
            except FrameError as error:
                inspection.found(str(error), error.offset)
                return
            if index:
                index.expect(begin, record_id)
            inspection.records += 1
    if index:
        index.expect_end()


def _check_record(reader: RecordReader, inspection: Inspection) -> int | None:
    """Check the next record; return the id in its header, if it has a whole header."""
    begin = reader.offset
    data = _Data(reader.pieces())
    header = data.take(HEADER.size)
    if len(header) < HEADER.size:
        inspection.found(f"its {len(header)} bytes are too few for a header", begin)
        return None
    count, label, record_id, _ = HEADER.unpack(header)
    if not count:
        inspection.add_labels([label])
    if not _check_labels(data, count, inspection):
        inspection.found(
            f"its header gives {count} labels, but it has fewer bytes than they need", begin
        )
        return int(record_id)
    head = data.take(HEAD_BYTES)
    tail = data.finish()
    if not is_image(head):
        inspection.remark("without an image after the header")
    elif _has_wrong_length(
        head, tail, reader.length - HEADER.size - count * LABEL_BYTES, reader.padding
    ):
        inspection.found("its length does not match its image, or the image ends in zeros", begin)
    return int(record_id)


def _check_labels(data: _Data, count: int, inspection: Inspection) -> bool:
    """Read the labels after a header; return whether all of them exist."""
    left = count * LABEL_BYTES
    while left:
        labels = data.take(min(left, _LABELS_BYTES))
        left -= len(labels)
        if len(labels) % LABEL_BYTES or not labels:
            return False
        inspection.add_labels(value for (value,) in struct.iter_unpack("<f", labels))
    return True


def _has_wrong_length(head: bytes, tail: bytes, size: int, padding: int) -> bool:
    """Return whether a length is wrong by so little that the padding hides it.

    `head` and `tail` are the first and last bytes of an image of `size` bytes, which `padding`
    bytes follow.
    """
    most = 3 - padding  # bytes of padding that a wrong length adds to the image
    if head.startswith(b"BM"):
        size_in_file = int.from_bytes(head[2:6], "little")
        return size_in_file != size and -padding <= size - size_in_file <= most
    end = next((end for start, end in _ENDS if head.startswith(start)), None)
    image = tail.rstrip(b"\0")
    return end is not None and 0 < len(tail) - len(image) <= most and image.endswith(end)


class _Data:
    """The data of a record: some bytes are taken from its beginning, the rest is only read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._begin = 0
        self._tail = b""

    def take(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end of the record."""
        taken = [self._piece[self._begin : self._begin + size]]
        left = size - len(taken[0])
        self._begin += len(taken[0])
        while left and self._next():
            taken.append(self._piece[:left])
            self._begin = len(taken[-1])
            left -= self._begin
        return b"".join(taken)

    def finish(self) -> bytes:
        """Read the rest; return the last bytes of the record."""
        while self._next():
            pass
        return self._tail

    def _next(self) -> bool:
        self._piece = next(self._pieces, b"")
        self._begin = 0
        self._tail = (self._tail + self._piece[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return bool(self._piece)


class _Index(IndexInspection):
    """An index that is read as a whole, because its lines can be in any order."""

    def __init__(self, path: bytes, inspection: Inspection, lines: BinaryIO) -> None:
        super().__init__(path, inspection)
        self._keys = array("Q")
        self._offsets = array("Q")
        self._next = 0
        self._other_ids = 0
        self._first_other_id = ""
        try:
            self._load(lines)
        except ImagineError as error:
            self.differs(str(error))

    def expect(self, offset: int, record_id: int | None) -> None:
        """Compare the next line with a record: where it begins, and the id in its header."""
        if not self.agrees:
            return
        if self._next == len(self._keys):
            self.differs(f"it has no line for the record at byte {offset}")
            return
        key, found = self._keys[self._next], self._offsets[self._next]
        if found != offset:
            self.differs(f"key {key} is at byte {found}, but the next record at byte {offset}")
            return
        if key != record_id:
            self._other_ids += 1
            self._first_other_id = self._first_other_id or f"key {key} is for record {record_id}"
        self._next += 1

    def expect_end(self) -> None:
        """Check that no line is left, and that keys are ids."""
        if not self.agrees:
            return
        if self._next < len(self._keys):
            self.differs(f"it has {len(self._keys)} lines for {self._next} records")
        # Some programs number keys and records independently: then most differ.
        elif self._other_ids > self._next / 2 and self._next > 1:
            self.inspection.remark("under a key that is not its id")
        elif self._other_ids:
            more = f", and {self._other_ids - 1} more" if self._other_ids > 1 else ""
            self.differs(f"keys are not the ids of their records: {self._first_other_id}{more}")

    def _load(self, lines: BinaryIO) -> None:
        most = self.inspection.size // FRAME_HEAD_BYTES
        seen: set[int] | None = None
        ordered = True
        for key, offset in read_index(lines):
            if self._keys and key <= self._keys[-1]:
                seen = seen or set(self._keys)
            if seen is not None:
                if key in seen:
                    raise ImagineError(f"line {len(self._keys) + 1} repeats key {key}")
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
