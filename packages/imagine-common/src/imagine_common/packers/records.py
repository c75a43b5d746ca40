"""The values that go from a source to a shard, and what a packer asks of a record format."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header
    from imagine_common.files.reading import FileSlice


class Image(NamedTuple):
    """An image on its way into a record.

    Attributes
    ----------
    position : int
        Its place in the dataset, or the index that a list gives it: the key of its record.
    path : bytes
        The path of its file, or its name in a tar stream.
    labels : tuple of float
    size : int
        The size of its file in bytes; 0 until the file has been opened.
    data : bytes
        The bytes of its file; empty if only the size and the header are needed.
    header : Header, optional
        The result of the format's `examine`.
    """

    position: int
    path: bytes
    labels: tuple[float, ...] = ()
    size: int = 0
    data: bytes = b""
    header: Header | None = None


class Shard(NamedTuple):
    """A finished shard. If all of its images were skipped, it has no file.

    Attributes
    ----------
    path : bytes
        The file with the records.
    records : int
    size : int
        Bytes in all of its files, the index included.
    kept : bool
        Whether an earlier run wrote it.
    skipped : tuple of str
        The error of each image that was left out.
    """

    path: bytes
    records: int
    size: int
    kept: bool = False
    skipped: tuple[str, ...] = ()


class RecordFormat(Protocol):
    """What a packer asks of its record format. Worker processes get a pickled copy."""

    @property
    def merged(self) -> bool:
        """Return whether the dataset has one more index of all shards, with running offsets."""

    @property
    def outdated(self) -> tuple[bytes, ...]:
        """Return the files that describe all shards, and are wrong once one is written."""

    @property
    def needs_local_files(self) -> bool:
        """Return whether the format's writer can't write to object stores."""

    def files(self, path: bytes) -> tuple[bytes, ...]:
        """Return a shard's files, given its path without a suffix: the records, then any index."""

    def write(self, files: Sequence[bytes], images: Iterator[Image], fsync: bool) -> Shard:
        """Write the images into a shard's files, which appear whole or not at all.

        Raises
        ------
        ImagineError
            If a file can't be written.
        """

    def match(self, files: Sequence[bytes], images: Iterator[Image]) -> Shard:
        """Return the shard that an earlier run wrote, given its images without their data.

        Raises
        ------
        ImagineError
            If the files don't hold the records of these images.
        """

    def merge(self, shards: Generator[Shard], fsync: bool) -> Generator[Shard]:
        """Yield finished shards unchanged; if `merged`, write the index of all of them."""

    def image_limit(self, image: Image) -> int:
        """Return the largest size in bytes of an image with this image's path and labels.

        Raises
        ------
        ImagineError
            If the format can't hold the labels.
        """

    def record_size(self, image: Image) -> int:
        """Return the bytes of an image's record in its frame."""

    def index_line(self, position: int, offset: int, size: int) -> bytes:
        """Return a record's line in the index, given its image's position, its offset and size."""

    def examine(self, path: bytes, file: bytes | FileSlice) -> Header | None:
        """Return the image's header, if records depend on it.

        Raises
        ------
        ImagineError
            If the image can't be in a record.
        """
