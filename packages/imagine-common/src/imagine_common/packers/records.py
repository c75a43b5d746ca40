"""What goes between sources, formats and writers: images, shards, and what a format knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imagine_common.exchange.manifest import Entry
    from imagine_common.files.image_headers import Header
    from imagine_common.files.reading import FileSlice


class ImageInfo(NamedTuple):
    """An image that has been looked at: its place in the dataset, its file, and the file's size.

    `header` is what the format's `examine` has found, if it has one.
    """

    position: int
    path: bytes
    labels: tuple[float, ...]
    size: int
    header: Header | None = None


class Image(NamedTuple):
    """An image on its way into a record: its place in the dataset, and its file.

    `header` is what the format's `examine` has found, if it has one.
    """

    position: int
    path: bytes
    labels: tuple[float, ...]
    data: bytes
    header: Header | None = None


class Shard(NamedTuple):
    """A finished shard: its file, how many records it has, and bytes (its index included).

    `kept` tells that it was there before, `skipped` why images were left out. Where all were, there
    is no file.
    """

    path: bytes
    records: int
    size: int
    kept: bool = False
    skipped: tuple[str, ...] = ()


class RecordFormat(NamedTuple):
    """What a packer knows about its format.

    Attributes
    ----------
    files : callable
        Returns a shard's files, given its path without what the format appends: first the one with
        the records, then its index, if it has one.
    write : callable
        Makes these files of images, with or without syncing them to the disk.
    match : callable
        Takes the files that are there, raising an `ImagineError` where they are not the images'.
    image_limit : callable
        Returns the most bytes that an entry's image may have, raising an `ImagineError` for labels
        that the format can't hold.
    record_size : callable
        Returns the bytes of an image's record, framed.
    index_line : callable, optional
        Returns a record's line in the index, given the image's place, the record's offset and its
        size; None where there is no index.
    examine : callable, optional
        Returns what the format must know of an image besides its size, given its path and its bytes
        or their file; raises an `ImagineError` for an image that can't be in a record.
    merged : bool
        Whether there is one more index, of all shards together, with offsets that run on.
    outdated : tuple of bytes
        Files that tell of all shards together, and no longer do once one is written.
    """

    files: Callable[[bytes], tuple[bytes, ...]]
    write: Callable[[Sequence[bytes], Iterator[Image], bool], Shard]
    match: Callable[[Sequence[bytes], Iterator[ImageInfo]], Shard]
    image_limit: Callable[[Entry], int]
    record_size: Callable[[ImageInfo], int]
    index_line: Callable[[int, int, int], bytes] | None = None
    examine: Callable[[bytes, bytes | FileSlice], Header] | None = None
    merged: bool = False
    outdated: tuple[bytes, ...] = ()
