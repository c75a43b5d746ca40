"""Checking a RecordIO file: frames, headers, what an image's end tells of its length, the index.

The format has no checksum, so a changed byte within an image is not found.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imagine_common.errors import ImagineError
from imagine_common.packers.checking import FileReport, Inspection
from imagine_common.packers.images.files import HEAD_BYTES, is_image
from imagine_common.text import show
from imagine_recordio.index import Index, load_index
from imagine_recordio.record import HEADER, LABEL_BYTES
from imagine_recordio.record_reader import FrameError, RecordReader

_LABELS_BYTES = 1 << 16
_TAIL_BYTES = 16
# What an image ends with, by what it begins with: JPEG, PNG, GIF.
_ENDS = ((b"\xff\xd8\xff", b"\xff\xd9"), (b"\x89PNG", b"IEND\xae\x42\x60\x82"), (b"GIF8", b"\x3b"))


def check_recordio(path: bytes) -> FileReport:
    """Read a RecordIO file to its end and return what it was found to be.

    Its index is compared where there is one: beside it, with `.idx` in the place of `.rec`. Memory
    is bounded, whatever the file says about itself, but for 16 bytes (where keys don't ascend, 100)
    for each line of the index.
    """
    with Inspection(path) as inspection:
        if path.endswith(b".idx"):
            raise ImagineError(f"{show(path)}: an index; give the .rec file that it belongs to")
        with inspection.open("a RecordIO file") as file:
            if inspection.size:
                index = load_index(path.removesuffix(b".rec") + b".idx", inspection)
                reader = RecordReader(file, inspection.size, inspection.found)
                _check_records(reader, index, inspection)
    return inspection.report()


def _check_records(reader: RecordReader, index: Index | None, inspection: Inspection) -> None:
    while reader.offset < inspection.size:
        begin = reader.offset
        try:
            number = _check_record(reader, inspection)
        except FrameError as error:
            inspection.found(str(error), error.offset)
            return
        if index:
            index.expect(begin, number)
        inspection.records += 1
    if index:
        index.expect_end()


def _check_record(reader: RecordReader, inspection: Inspection) -> int | None:
    """Check a record and return the id in its header, if it has one."""
    begin = reader.offset
    data = _Data(reader.pieces())
    header = data.take(HEADER.size)
    if len(header) < HEADER.size:
        inspection.found(f"its {len(header)} bytes are too few for a header", begin)
        return None
    count, label, number, _ = HEADER.unpack(header)
    if not count:
        inspection.add_labels([label])
    if not _check_labels(data, count, inspection):
        inspection.found(f"its header gives {count} labels, more than it has bytes for", begin)
        return int(number)
    head = data.take(HEAD_BYTES)
    tail = data.finish()
    if not is_image(head):
        inspection.remark("without an image after the header")
    elif _has_wrong_length(
        head, tail, reader.length - HEADER.size - count * LABEL_BYTES, reader.padding
    ):
        inspection.found("its length is not that of its image, or that ends in zeros", begin)
    return int(number)


def _check_labels(data: _Data, count: int, inspection: Inspection) -> bool:
    """Read the labels after a header; tell whether all are there."""
    left = count * LABEL_BYTES
    while left:
        labels = data.take(min(left, _LABELS_BYTES))
        left -= len(labels)
        if len(labels) % LABEL_BYTES or not labels:
            return False
        inspection.add_labels(value for (value,) in struct.iter_unpack("<f", labels))
    return True


def _has_wrong_length(head: bytes, tail: bytes, size: int, padding: int) -> bool:
    """Tell whether a length is wrong by so little that no record moves: padding hides it.

    `head` and `tail` are the first and last bytes of an image of a size in bytes, which `padding`
    bytes follow.
    """
    most = 3 - padding  # bytes that would be padding, were the length right
    if head.startswith(b"BM"):
        size_in_file = int.from_bytes(head[2:6], "little")
        return size_in_file != size and -padding <= size - size_in_file <= most
    end = next((end for start, end in _ENDS if head.startswith(start)), None)
    image = tail.rstrip(b"\0")
    return end is not None and 0 < len(tail) - len(image) <= most and image.endswith(end)


class _Data:
    """A record's data, of which first some bytes are taken, then all others."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._begin = 0
        self._tail = b""

    def take(self, size: int) -> bytes:
        """Return the next bytes; fewer only where the record ends."""
        taken = [self._piece[self._begin : self._begin + size]]
        left = size - len(taken[0])
        self._begin += len(taken[0])
        while left and self._next():
            taken.append(self._piece[:left])
            self._begin = len(taken[-1])
            left -= self._begin
        return b"".join(taken)

    def finish(self) -> bytes:
        """Read the rest and return the last bytes of all."""
        while self._next():
            pass
        return self._tail

    def _next(self) -> bool:
        self._piece = next(self._pieces, b"")
        self._begin = 0
        self._tail = (self._tail + self._piece[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return bool(self._piece)
