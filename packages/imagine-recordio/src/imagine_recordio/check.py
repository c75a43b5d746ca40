"""Check a RecordIO file: frames, headers, the lengths of images, and the index.

The format has no checksums, so a changed byte within an image is only found if it has a stamp.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import INT64_MAX
from imagine_common.exchange.names import natural_key
from imagine_common.files.folders import names_in
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.packers.checking import FileReport, check_file
from imagine_common.packers.images import HEAD_BYTES, is_image
from imagine_common.packers.records import BESIDE, Indexes
from imagine_common.parallel.progress import progress
from imagine_common.text import show
from imagine_recordio.framing import HEAD_BYTES as FRAME_HEAD_BYTES
from imagine_recordio.framing import RecordReader, frame_size
from imagine_recordio.index import LINE_FORMAT, MERGED, Keys, merged_lines, read_index
from imagine_recordio.shards import HEADER, LABEL_BYTES, RecordIOFormat

_LABELS_BYTES = 1 << 16
# The first and the last bytes of JPEG, PNG and GIF files.
_ENDS = ((b"\xff\xd8\xff", b"\xff\xd9"), (b"\x89PNG", b"IEND\xae\x42\x60\x82"), (b"GIF8", b"\x3b"))


def check_recordio(path: bytes, by_id: bool = False, indexes: Indexes = BESIDE) -> FileReport:
    """Read a RecordIO file to its end and report what is wrong with it.

    Its index, with `.idx` in place of `.rec`, is checked if it exists, or written with the records'
    ids or positions as keys. Memory use is bounded, whatever the file contains, except for 16 bytes
    for each line of the index, or 100 if its keys don't ascend.
    """

    def check(report: FileReport, file: InputFile) -> None:
        if path.endswith(MERGED) and not indexes.written:
            report.is_index = True
            _check_merged(report, file)
            return
        if path.endswith(b".idx"):
            raise ImagineError(f"{show(path)}: an index; give the .rec file that it belongs to")
        with file.stream() as stream:
            records = _checked_records(RecordReader(stream, report), file, report)
            lines, difference = partial(_lines, report, by_id), partial(_difference, report)
            RecordIOFormat.use_index(report, indexes, records, lines, difference)

    return check_file(path, "a RecordIO file", check)


def _lines(
    report: FileReport, by_id: bool, records: Iterator[tuple[int, int | None]]
) -> Iterator[bytes]:
    """Yield the line of each record, under its position or its id."""
    keys = Keys()
    for number, (offset, record_id) in enumerate(records):
        key = (record_id or 0) if by_id else number
        if by_id and (key > INT64_MAX or not keys.add(key)):
            reason = f"its id, {key}, is repeated or too large: use --index-key position"
            report.found(reason, offset)
        yield LINE_FORMAT % (key, offset)


def _check_merged(report: FileReport, file: InputFile) -> None:
    """Compare an index of several files with the indexes of all files in its folder."""
    folder, name = os.path.split(report.path)
    names = sorted(names_in(folder, name.removesuffix(MERGED)), key=natural_key)
    paths = (os.path.join(folder, name) for name in names if name.endswith(b".rec"))
    with file.stream() as lines:
        for path, line in merged_lines(paths):
            if lines.readline(len(line)) != line:
                report.add(f"{show(report.path)}: does not agree with the index of {show(path)}")
                return
        if lines.read(1):
            report.add(f"{show(report.path)}: it has more lines than the files have records")


def _checked_records(
    reader: RecordReader, file: InputFile, report: FileReport
) -> Iterator[tuple[int, int | None]]:
    """Check each record; yield its offset, and the id in its header if it has a whole header."""
    while reader.offset < report.size:
        begin = reader.offset
        yield begin, _check_record(reader, file, report)
        report.records += 1
        progress.advance()


def _check_record(reader: RecordReader, file: InputFile, report: FileReport) -> int | None:
    begin = reader.offset
    reader.begin()
    header = reader.take(HEADER.size)
    if len(header) < HEADER.size:
        report.found(f"its {len(header)} bytes are too few for a header", begin)
        return None
    count, label, record_id, _ = HEADER.unpack(header)
    if not count:
        report.add_labels([label])
    left = count * LABEL_BYTES
    while left:
        labels = reader.take(min(left, _LABELS_BYTES))
        left -= len(labels)
        if len(labels) % LABEL_BYTES or not labels:
            reason = f"its header gives {count} labels, but it has fewer bytes than they need"
            report.found(reason, begin)
            return int(record_id)
        report.add_labels(value for (value,) in struct.iter_unpack("<f", labels))
    head = reader.take(HEAD_BYTES)
    data: bytes | FileSlice | None = reader.finish()
    if data is None and reader.offset - begin == frame_size(reader.length):
        data = FileSlice(file.read_at, begin + FRAME_HEAD_BYTES)
    image = HEADER.size + count * LABEL_BYTES
    if data is not None:
        report.stamps.check(report, data, image, reader.length, begin)
    elif report.stamps.dataset:
        report.remark("too long to check its stamp, and split")
    size = reader.length - image
    if not is_image(head):
        report.remark("without an image after the header")
    elif _is_cut(head, size, reader.padding):
        report.found("its length is shorter than its image", begin)
    elif _ends_in_zeros(head, reader.tail, size, most=3 - reader.padding):
        report.remark("with zeros after the end of the image, or a wrong length")
    return int(record_id)


def _is_cut(head: bytes, size: int, padding: int) -> bool:
    """Return whether the padding holds the last bytes of a BMP image: zeros, as the padding is."""
    return head.startswith(b"BM") and 0 < int.from_bytes(head[2:6], "little") - size <= padding


def _ends_in_zeros(head: bytes, tail: bytes, size: int, most: int) -> bool:
    """Return whether one to `most` zeros follow the end of an image of `size` bytes.

    Cameras pad files to multiples of 4 bytes; a changed length looks the same, because the padding
    of the frame then counts as part of the image. `head` and `tail` are its first and last bytes.
    """
    if head.startswith(b"BM"):
        return 0 < size - int.from_bytes(head[2:6], "little") <= most
    end = next((end for start, end in _ENDS if head.startswith(start)), None)
    image = tail.rstrip(b"\0")
    return end is not None and 0 < len(tail) - len(image) <= most and image.endswith(end)


def _difference(
    report: FileReport, records: Iterator[tuple[int, int | None]], lines: BinaryIO
) -> str | None:
    """Describe the first difference between the records and an index."""
    try:
        keys, offsets = _read_sorted(lines, most=report.size // FRAME_HEAD_BYTES)
    except ImagineError as error:
        return str(error)
    other_ids = number = first = 0
    first_other_id = ""
    for number, (offset, record_id) in enumerate(records, 1):
        if number > len(keys):
            return f"it has no line for the record at byte {offset}"
        key, found = keys[number - 1], offsets[number - 1]
        if found != offset:
            return f"key {key} is at byte {found}, but the next record at byte {offset}"
        if key != record_id:
            if not other_ids:
                first, first_other_id = number - 1, f"key {key} is for record {record_id}"
            other_ids += 1
    if number < len(keys):
        return f"it has {len(keys)} lines for {number} records"
    # Some programs number keys and records independently: then most differ.
    if other_ids > number / 2 and number > 1:
        report.remark("under a key that is not its id", count=other_ids, first=first)
    elif other_ids:
        more = f", and {other_ids - 1} more" if other_ids > 1 else ""
        return f"keys are not the ids of their records: {first_other_id}{more}"
    return None


def _read_sorted(lines: BinaryIO, most: int) -> tuple[array[int], array[int]]:
    """Return the keys and the offsets of an index of at most `most` lines, sorted by offset."""
    keys, offsets = array("Q"), array("Q")
    seen: set[int] | None = None
    ordered = True
    for key, offset in read_index(lines):
        if keys and key <= keys[-1]:
            seen = seen or set(keys)
        if seen is not None:
            if key in seen:
                raise ImagineError(f"line {len(keys) + 1} repeats key {key}")
            seen.add(key)
        if len(keys) == most:
            raise ImagineError("it has more lines than the file can have records")
        ordered = ordered and (not offsets or offset > offsets[-1])
        keys.append(key)
        offsets.append(offset)
    if not ordered:
        order = sorted(range(len(keys)), key=offsets.__getitem__)
        keys = array("Q", [keys[i] for i in order])
        offsets = array("Q", [offsets[i] for i in order])
    return keys, offsets
