"""Telling whether a shard that is there is the one that would be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from imagine_common.errors import ImagineError, file_error
from imagine_common.files.output import Buffer
from imagine_common.files.reading import InputFile, compare
from imagine_common.files.storage import open_input
from imagine_common.packers.images.files import read_image
from imagine_common.packers.records import Image, ImageInfo, Shard
from imagine_common.text import show

_MAX_SHOWN = 60


def match_records(
    path: bytes,
    images: Iterator[ImageInfo],
    record: Callable[[Image], Sequence[Buffer]],
    record_size: Callable[[ImageInfo, InputFile, int], int],
    expect: Callable[[ImageInfo, int, int], None] | None = None,
) -> Shard:
    """Return the shard that a file is, without reading more than its first and last record.

    Parameters
    ----------
    path : bytes
    images : iterator of ImageInfo
        What should be in it.
    record : callable
        Returns the record of an image, in pieces.
    record_size : callable
        Returns how many bytes the record of an image has, given the file and where in it the
        record begins.
    expect : callable, optional
        Called with each image, and its record's offset and size, to check an index.

    Raises
    ------
    ImagineError
        Where the file's size is not that of these images' records, or its first or last record is
        not theirs.
    """
    with open_input(path, "a finished file") as file:
        try:
            offset = records = 0
            last = None
            for image in images:
                if last is None:
                    _require_record(file, path, 0, image, record)
                last = (offset, image)
                length = record_size(image, file, offset)
                if expect:
                    expect(image, offset, length)
                offset += length
                records += 1
            if last is None or offset != file.size:
                raise cannot_resume(path, f"it has {file.size} bytes, but its images give {offset}")
            _require_record(file, path, *last, record)
        except OSError as error:
            raise file_error(path, error) from error
    return Shard(path, records, file.size)


class IndexMatch:
    """An index that is there, compared with the lines that would be written."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._input = open_input(path, "a finished index")
        self.size = self._input.size
        self._file = self._input.stream()

    def expect(self, line: bytes) -> None:
        """Compare the next line.

        Raises
        ------
        ImagineError
            Where it is another one.
        """
        found = self._file.readline(len(line))
        if found != line:
            shown = f"{found[:_MAX_SHOWN]!r}" if found else "no more lines"
            raise cannot_resume(self._path, f"expected {line!r}, found {shown}")

    def expect_end(self) -> None:
        """Look for more lines.

        Raises
        ------
        ImagineError
            Where there are some.
        """
        if self._file.read(1):
            raise cannot_resume(self._path, "it has more lines than the file has records")

    def close(self) -> None:
        """Close the index."""
        self._file.close()
        self._input.close()


def cannot_resume(path: bytes, reason: str) -> ImagineError:
    """Return the error about a file that is there but not the one that would be written."""
    return ImagineError(
        f"{show(path)}: can't be resumed: {reason}; remove it, or leave out --resume to replace it"
    )


def _require_record(
    file: InputFile,
    path: bytes,
    offset: int,
    info: ImageInfo,
    record: Callable[[Image], Sequence[Buffer]],
) -> None:
    same, _ = compare(file, offset, record(load(info)))
    if not same:
        raise cannot_resume(path, f"its record at byte {offset} is not that of {show(info.path)}")


def load(info: ImageInfo) -> Image:
    """Return an image that has been looked at, with its data.

    Raises
    ------
    ImagineError
        As `read_image` does.
    """
    data = read_image(info.path, info.size)
    return Image(info.position, info.path, info.labels, data, info.header)
