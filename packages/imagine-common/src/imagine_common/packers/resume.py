"""Telling whether a shard that is there is the one that would be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from imagine_common.errors import ImagineError, file_error, show
from imagine_common.files import compare, open_regular
from imagine_common.output import Buffer
from imagine_common.packers.images import read_image
from imagine_common.packers.packing import Image, ImageInfo, Shard


def match_records(
    path: bytes,
    images: Iterator[ImageInfo],
    record: Callable[[Image], Sequence[Buffer]],
    record_size: Callable[[ImageInfo, int, int], int],
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
        Returns how many bytes the record of an image has, given the file's descriptor and where in
        it the record begins.

    Raises
    ------
    ImagineError
        Where the file's size is not that of these images' records, or its first or last record is
        not theirs.
    """
    fd, size = open_regular(path, "a finished file")
    try:
        offset = records = 0
        last = None
        for image in images:
            if last is None:
                _require_record(fd, path, 0, image, record)
            last = (offset, image)
            offset += record_size(image, fd, offset)
            records += 1
        if last is None or offset != size:
            raise cannot_resume(path, f"it has {size} bytes, but its images give {offset}")
        _require_record(fd, path, *last, record)
    except OSError as error:
        raise file_error(path, error) from error
    finally:
        os.close(fd)
    return Shard(path, records, size)


def cannot_resume(path: bytes, reason: str) -> ImagineError:
    """Return the error about a file that is there but not the one that would be written."""
    return ImagineError(
        f"{show(path)}: can't be resumed: {reason}; remove it, or leave out --resume to replace it"
    )


def _require_record(
    fd: int,
    path: bytes,
    offset: int,
    file: ImageInfo,
    record: Callable[[Image], Sequence[Buffer]],
) -> None:
    image = Image(file.position, file.path, file.labels, read_image(file.path, file.size))
    same, _ = compare(fd, offset, record(image))
    if not same:
        raise cannot_resume(path, f"its record at byte {offset} is not that of {show(file.path)}")
