"""Write files of records and their indexes, and compare existing ones for `--resume`."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from imagine_common.errors import ImagineError, file_errors
from imagine_common.files.output import Buffer, OutputFile
from imagine_common.files.reading import InputFile, compare
from imagine_common.files.storage import (
    indexed_file,
    open_input,
    output_file,
    remove_file,
)
from imagine_common.packers.images.files import read_image
from imagine_common.packers.records import Image, RecordFormat, Shard
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header
    from imagine_common.files.reading import FileSlice

_INDEX_SUFFIX = b".idx"
_MAX_SHOWN = 60


class RecordFiles(RecordFormat):
    """The part that record formats share. They add `files`, `record` and limits on sizes."""

    merged = False
    needs_local_files = False
    outdated: tuple[bytes, ...] = ()

    def record(self, image: Image) -> Sequence[Buffer]:
        """Return an image's record in its frame, as buffers."""
        raise NotImplementedError

    def index_line(self, _position: int, _offset: int, _size: int) -> bytes:
        """Return a record's line in the index; empty if there is no index."""
        return b""

    def examine(self, _path: bytes, _file: bytes | FileSlice) -> Header | None:
        """Return nothing: by default, records do not depend on an image's header."""
        return None

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

    def write(self, files: Sequence[bytes], images: Iterator[Image], fsync: bool) -> Shard:
        """Write the images into a shard's files, which appear whole or not at all.

        Raises
        ------
        ImagineError
            If a file can't be written.
        """
        records = size = 0
        with _open_files(files, fsync) as (file, index):
            for position, length in self.append(file, images):
                if index is not None:
                    index.write([self.index_line(position, size, length)])
                size += length
                records += 1
        return Shard(files[0], records, size + (0 if index is None else index.size))

    def match(self, files: Sequence[bytes], images: Iterator[Image]) -> Shard:
        """Return the shard that an earlier run wrote, given its images without their data.

        Of the records, only the first and the last are read.

        Raises
        ------
        ImagineError
            If the file's size is not that of the images' records, if its first or last record is
            another one, or if the index has other lines.
        """
        path = files[0]
        with (
            open_input(path, "a finished file") as file,
            file_errors(path),
            closing(_Index(files[1:])) as index,
        ):
            records = offset = 0
            last = None
            for image in images:
                if last is None:
                    self._require_record(file, path, 0, image)
                last = (offset, image)
                length = self.size_in_file(image, file, offset)
                index.expect(self.index_line(image.position, offset, length))
                offset += length
                records += 1
            if last is None or offset != file.size:
                raise _cannot_resume(
                    path, f"it has {file.size} bytes, but its images give {offset}"
                )
            self._require_record(file, path, *last)
            index.expect_end()
        return Shard(path, records, offset + index.size)

    def merge(self, shards: Generator[Shard], _fsync: bool) -> Generator[Shard]:
        """Return finished shards unchanged."""
        return shards

    def _require_record(self, file: InputFile, path: bytes, offset: int, image: Image) -> None:
        same, _ = compare(file, offset, self.record(load(image)))
        if not same:
            raise _cannot_resume(
                path, f"its record at byte {offset} is not that of {show(image.path)}"
            )


def load(image: Image) -> Image:
    """Return an image with its data.

    Raises
    ------
    ImagineError
        If its file can't be read, or has another size by now.
    """
    data = read_image(image.path, image.size)
    return image._replace(size=len(data), data=data)


@contextmanager
def _open_files(
    files: Sequence[bytes], fsync: bool
) -> Generator[tuple[OutputFile, OutputFile | None]]:
    """Open a shard's files for writing: the records and, if it has one, the index."""
    if len(files) > 1:
        with indexed_file(files[0], files[1], fsync) as opened:
            yield opened
        return
    with output_file(files[0], fsync) as file:
        yield file, None
        # An older index describes another file. It goes once only a rename can fail.
        file.settle()
        remove_file(files[0] + _INDEX_SUFFIX, fsync)


class _Index:
    """An index from an earlier run, or none, compared with the lines that would be written."""

    def __init__(self, paths: Sequence[bytes]) -> None:
        self.size = 0
        self._stack = ExitStack()
        self._file: BinaryIO = io.BytesIO()  # which agrees with empty lines
        for path in paths:
            self._path = path
            opened = self._stack.enter_context(open_input(path, "a finished index"))
            self.size = opened.size
            self._file = self._stack.enter_context(opened.stream())

    def expect(self, line: bytes) -> None:
        """Compare the next line."""
        found = self._file.readline(len(line))
        if found != line:
            shown = f"{found[:_MAX_SHOWN]!r}" if found else "no more lines"
            raise _cannot_resume(self._path, f"expected {line!r}, found {shown}")

    def expect_end(self) -> None:
        """Check that no line is left."""
        if self._file.read(1):
            raise _cannot_resume(self._path, "it has more lines than the file has records")

    def close(self) -> None:
        """Close the index."""
        self._stack.close()


def _cannot_resume(path: bytes, reason: str) -> ImagineError:
    return ImagineError(
        f"{show(path)}: can't be resumed: {reason}; remove it, or leave out --resume to replace it"
    )
