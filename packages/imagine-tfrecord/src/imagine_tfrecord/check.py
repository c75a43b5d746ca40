"""Check a TFRecord file: every CRC, whether its records are Examples, and its index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from imagine_common.errors import ImagineError
from imagine_common.files.reading import PIECE_BYTES, FileSlice, InputFile, read_pieces
from imagine_common.files.storage import exists
from imagine_common.packers.checking import FileReport, check_file
from imagine_common.packers.records import BESIDE, Indexes, index_of
from imagine_common.parallel.progress import progress
from imagine_common.text import show
from imagine_tfrecord import framing
from imagine_tfrecord.example_reader import NoExampleError, read_example
from imagine_tfrecord.index import INDEX_LINE, LINE_FORMAT, dlio_index_folder
from imagine_tfrecord.schemas import FEATURE_NAMES, IMAGE_FEATURES, recognize_schema
from imagine_tfrecord.shards import TFRecordFormat

_GZIP = b"\x1f\x8b"
_MAX_INDEX_LINE_BYTES = 42


def check_tfrecord(path: bytes, schema: str | None = None, indexes: Indexes = BESIDE) -> FileReport:
    """Read a TFRecord file to its end and report what is wrong with it.

    Its index in DALI's format is written, or checked if it exists, beside the file or where DLIO
    has it. If a `schema` is given, all records must be of it. Memory use is bounded, whatever the
    file contains.
    """

    def check(report: FileReport, file: InputFile) -> None:
        if path.endswith(b".idx") and (exists(path[:-4]) or INDEX_LINE.match(file.read_at(0, 42))):
            raise ImagineError(
                f"{show(path)}: an index; give the file that it belongs to, and --index-path if"
                " that is in another folder"
            )
        place = indexes
        if indexes == BESIDE and not exists(index_of(path, None)):
            place = Indexes(dlio_index_folder(path))
        with file.stream() as stream:
            records = _checked_records(stream, file, schema, report)
            lines = map(LINE_FORMAT.__mod__, records)
            TFRecordFormat.use_index(report, place, lines, iter, _difference)

    return check_file(path, "a TFRecord file", check)


def _checked_records(
    stream: BinaryIO, file: InputFile, schema: str | None, report: FileReport
) -> Iterator[tuple[int, int]]:
    """Check each record, and yield its offset and its size with its frame."""
    offset = 0
    while offset < report.size:
        head = stream.read(framing.HEAD_BYTES)
        if len(head) < framing.HEAD_BYTES:
            raise report.error(f"cut off: the file ends at byte {offset + len(head)}", offset)
        length = framing.unpack_length(head)
        if length is None:
            reason = f"the CRC of its length is wrong; {_hint(head, offset)}"
            raise report.error(reason, offset)
        size = framing.FRAME_BYTES + length
        missing = offset + size - report.size
        if missing > 0:
            raise report.error(f"cut off: the file ends {missing} bytes too early", offset)
        data: bytes | FileSlice
        if length <= PIECE_BYTES:
            data = stream.read(length)
            actual_crc = framing.masked_crc32c([data])
        else:
            data = FileSlice(file.read_at, offset + framing.HEAD_BYTES)
            actual_crc = framing.masked_crc32c(read_pieces(stream, length))
        crc = stream.read(framing.CRC_BYTES)
        if len(crc) < framing.CRC_BYTES:
            raise ImagineError(f"{show(report.path)}: became shorter while being read")
        if framing.unpack_crc(crc) != actual_crc:
            report.found("the CRC of its data is wrong", offset)
        else:
            _check_example(data, length, schema, offset, report)
        del data  # Its memory is used again for the next record.
        yield offset, size
        report.records += 1
        progress.advance()
        offset += size


def _check_example(
    data: bytes | FileSlice, length: int, schema: str | None, offset: int, report: FileReport
) -> None:
    try:
        labels, features, images = read_example(data, length, FEATURE_NAMES, IMAGE_FEATURES)
    except NoExampleError as error:
        if schema is None:
            report.remark("not of tf.train.Example", f": {error}")
        else:
            report.found(f"not of tf.train.Example: {error}", offset)
        return
    report.add_labels(labels)
    for begin, end in images:
        report.stamps.check(report, data, begin, end, offset)
    found = recognize_schema(features)
    report.schemas.add(found)
    if schema not in (None, found):
        report.found(f"its schema is {found}, not {schema}", offset)


def _hint(head: bytes, offset: int) -> str:
    if offset:
        return "the rest can't be read"
    if head.startswith(_GZIP):
        return "the file is compressed: gunzip it first"
    return "is it a TFRecord file?"


def _difference(expected: Iterator[bytes], lines: BinaryIO) -> str | None:
    """Describe the first difference between the records' lines and an index in DALI's format."""
    for number, line in enumerate(expected, 1):
        if (found := lines.readline(_MAX_INDEX_LINE_BYTES)) != line:
            return f"line {number} is {found!r}, but its record's offset and size are {line!r}"
    return "it has more lines than the file has records" if lines.read(1) else None
