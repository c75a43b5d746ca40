"""The values that go from a source to a shard, and the name of a shard's index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import ImagineError

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header


def index_of(path: bytes, folder: bytes | None, suffix: bytes = b"") -> bytes:
    """Return the path of a file's index: `.idx` for the suffix, beside the file or in a folder."""
    path = path if folder is None else os.path.join(folder, os.path.basename(path))
    return path.removesuffix(suffix) + b".idx"


class Indexes(NamedTuple):
    """What happens to the indexes of existing files: they are compared with the files, or written.

    They are beside the files, or in a folder, which then must have all those to compare.
    """

    folder: bytes | None = None
    written: bool = False
    fsync: bool = False


BESIDE = Indexes()


class Image(NamedTuple):
    """An image on its way into a record."""

    position: int  # in the dataset, or the index that a list gives it: the key of its record
    path: bytes  # of its file, or its name in a tar stream
    labels: tuple[float, ...] = ()
    size: int = 0  # of its file in bytes; 0 until the file has been opened
    data: bytes = b""  # of its file; empty if only the size and the header are needed
    header: Header | None = None  # the result of the record format's `examine`


class InvalidSample(ImagineError):
    """Several images that can't be packed, in the place of one; `args` has an error for each."""

    def __str__(self) -> str:
        return str(self.args[0])


class RecordFile(NamedTuple):
    """The finished file of a shard. If all of its images were skipped, there is none."""

    path: str  # of the file with the records
    records: int
    size: int  # bytes in all of its files, the index included
    kept: bool = False  # because an earlier run wrote it
    skipped: tuple[str, ...] = ()  # the error of each image that was left out
