"""What the packers ask of a record format, and the part that formats share.

Files of records are written with their indexes, and compared with existing ones for `--resume`.
Functions raise an `ImagineError` that names the file if one can't be read or written.
"""

from __future__ import annotations

import io
import os
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer, OutputFile
from imagine_common.files.reading import InputFile, compare
from imagine_common.files.storage import exists, is_file, open_input, output_file, remove_file
from imagine_common.packers.images import read_image
from imagine_common.packers.records import Image, RecordFile, index_of
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header
    from imagine_common.files.reading import FileSlice
    from imagine_common.packers.checking import FileReport
    from imagine_common.packers.records import Indexes

_Record = TypeVar("_Record")

_MAX_SHOWN = 60


class RecordFormat(ABC):
    """A format of records and their files. Worker processes get a pickled copy."""

    suffix = b""  # of a file of records; `.idx` replaces it in the name of the index
    merged = False  # whether the dataset has one more index of all shards, with running offsets
    outdated: tuple[bytes, ...] = ()  # files about all shards, which are wrong once one is written
    needs_local_files = False  # because its writer can't write to object stores
    old_index_path: bytes | None = None  # where an earlier run may have written indexes
    index_start: re.Pattern[bytes]  # matches the beginning of an index
    other_suffix: bytes  # of a file of the other packer, whose index has the same name
    other_index_start: re.Pattern[bytes]

    @abstractmethod
    def files(self, path: bytes) -> tuple[bytes, ...]:
        """Return a shard's files, given its path without a suffix: the records, then any index."""

    @abstractmethod
    def record(self, image: Image) -> Sequence[Buffer]:
        """Return an image's record in its frame, as buffers."""

    @abstractmethod
    def record_size(self, image: Image) -> int:
        """Return the bytes of an image's record in its frame."""

    @abstractmethod
    def image_limit(self, image: Image) -> int:
        """Return the largest size in bytes of an image with this image's path and labels.

        Labels that the format can't hold are an `ImagineError`.
        """

    def examine(self, _path: bytes, _file: bytes | FileSlice) -> Header | None:
        """Return the image's header, if records depend on it, after checking it."""
        return None

    def index_line(self, _position: int, _offset: int, _size: int) -> bytes:
        """Return a record's line in the index; empty if there is no index."""
        return b""

    def size_in_file(self, image: Image, _file: InputFile, _offset: int) -> int:
        """Return the bytes of an image's record, which begins at an offset of a file."""
        return self.record_size(image)

    def append(self, file: OutputFile, images: Iterator[Image]) -> Iterator[tuple[int, int]]:
        """Write records to a file; yield each image's position and its record's size in bytes."""
        begin = file.size
        for image in images:
            file.write(self.record(image))
            end = file.size
            yield image.position, end - begin
            begin = end

    def write(self, files: Sequence[bytes], images: Iterator[Image], fsync: bool) -> RecordFile:
        """Write the images into a shard's files, which appear whole or not at all."""
        records = size = 0
        with self.open_files(files, fsync) as (file, *indexes):
            for position, length in self.append(file, images):
                for index in indexes:
                    index.write([self.index_line(position, size, length)])
                size += length
                records += 1
        return RecordFile(
            os.fsdecode(files[0]), records, size + sum(index.size for index in indexes)
        )

    @contextmanager
    def open_files(self, files: Sequence[bytes], fsync: bool) -> Generator[list[OutputFile]]:
        """Open a shard's files for writing, which appear together: the records, then any index."""
        with ExitStack() as stack:  # It finishes the last file first.
            opened = [stack.enter_context(output_file(file, fsync)) for file in reversed(files)]
            yield opened[::-1]
            # From here on, a full disk must not separate them.
            for output in opened[::-1]:
                output.settle()
            self.remove_indexes(files, fsync, are_replaced=True)

    def remove_indexes(
        self, files: Sequence[bytes], fsync: bool, are_replaced: bool = False
    ) -> None:
        """Remove the indexes of an older file in the place of a shard.

        No index must ever stand beside a file that it does not describe.
        """
        places = (index_of(files[0], folder, self.suffix) for folder in (None, self.old_index_path))
        for index in dict.fromkeys((*places, *files[1:])):
            self.remove_index(index, fsync, are_replaced and index in files)

    @classmethod
    def remove_index(cls, path: bytes, fsync: bool, is_replaced: bool = False) -> None:
        """Remove an index of this format; leave any other file, which an index can't replace."""
        if not exists(path):
            return
        if is_file(path) and cls._is_own(path):
            remove_file(path, fsync)
        elif is_replaced:
            raise ImagineError(
                f"{show(path)}: not an index of these files; use another name, or remove it"
            )

    @classmethod
    def _is_own(cls, index: bytes) -> bool:
        with open_input(index, "an index") as file:
            head = file.read_at(0, _MAX_SHOWN)
        return not head or cls.index_start.match(head) is not None

    @classmethod
    def use_index(
        cls,
        report: FileReport,
        indexes: Indexes,
        records: Iterator[_Record],
        lines: Callable[[Iterator[_Record]], Iterable[bytes]],
        difference: Callable[[Iterator[_Record], BinaryIO], str | None],
    ) -> None:
        """Read all records, which checks them, and write their index, or compare an existing one.

        `lines` returns their lines, and `difference` describes the first difference, after which an
        index is not read any further. If the report has findings, no index is written. The index of
        the other packer's file is ignored if none is required.
        """
        index = index_of(report.path, indexes.folder, cls.suffix)
        if indexes.written:
            cls.remove_index(index, indexes.fsync, is_replaced=True)
            with output_file(index, indexes.fsync) as file:
                for line in lines(records):
                    file.write([line])
                report.stamps.finish(report)
                if report.findings:
                    raise ImagineError(f"{show(index)}: not written, because its file is bad")
        elif indexes.folder is not None or exists(index):
            other = report.path.removesuffix(cls.suffix) + cls.other_suffix
            with open_input(index, "an index") as found, found.stream() as stream:
                is_foreign = cls.other_index_start.match(found.read_at(0, _MAX_SHOWN))
                if is_foreign and indexes.folder is None and exists(other):
                    pass
                elif reason := difference(records, stream):
                    report.add(f"{show(index)}: {reason}")
        deque(records, maxlen=0)

    def match(self, files: Sequence[bytes], images: Iterator[Image]) -> RecordFile | None:
        """Return the shard that an earlier run wrote, given its images without their data.

        The file's size and the index must be those of these images; of the records, only the first
        and the last are read. None if they are those of the first images only: the source of the
        earlier run ended early.
        """
        path = files[0]
        index: BinaryIO = io.BytesIO()  # for none
        index_size = 0
        with ExitStack() as stack:
            file = stack.enter_context(open_input(path, "a finished file"))
            for name in files[1:]:
                opened = stack.enter_context(open_input(name, "a finished index"))
                index, index_size = stack.enter_context(opened.stream()), opened.size
            records = offset = lines = 0
            last = None
            for image in images:
                if last is None:
                    self._require_record(file, path, 0, image)
                elif (offset, lines) == (file.size, index_size):
                    self._require_record(file, path, *last)
                    return None
                last = (offset, image)
                length = self.size_in_file(image, file, offset)
                expected = self.index_line(image.position, offset, length)
                found = index.readline(len(expected))
                if found != expected:
                    shown = f"{found[:_MAX_SHOWN]!r}" if found else "no more lines"
                    raise _cannot_resume(files[1], f"expected {expected!r}, found {shown}")
                offset += length
                lines += len(expected)
                records += 1
            if last is None or offset != file.size:
                raise _cannot_resume(
                    path, f"it has {file.size} bytes, but its images give {offset}"
                )
            self._require_record(file, path, *last)
            if index.read(1):
                raise _cannot_resume(files[1], "it has more lines than the file has records")
        return RecordFile(os.fsdecode(path), records, offset + index_size)

    def merge(self, shards: Generator[RecordFile], _fsync: bool) -> Generator[RecordFile]:
        """Yield finished shards unchanged; if `merged`, write the index of all of them."""
        return shards

    def _require_record(self, file: InputFile, path: bytes, offset: int, image: Image) -> None:
        same, _ = compare(file, offset, self.record(load(image)))
        if not same:
            raise _cannot_resume(
                path, f"its record at byte {offset} is not that of {show(image.path)}"
            )


def load(image: Image) -> Image:
    """Return an image with its data; its file may have another size by now."""
    data = read_image(image.path, image.size)
    return image._replace(size=len(data), data=data)


def _cannot_resume(path: bytes, reason: str) -> ImagineError:
    return ImagineError(
        f"{show(path)}: can't be resumed: {reason}; remove it, or leave out --resume to replace it"
    )
