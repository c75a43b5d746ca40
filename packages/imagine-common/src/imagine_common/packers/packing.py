"""Packing images into shards: all that the packers have in common but the format itself.

A packer brings a `RecordFormat`; here entries become slices, slices go to worker processes, and
finished shards come back in order.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from imagine_common.atomic import remove_file, sync_file
from imagine_common.cpus import check_workers
from imagine_common.errors import ImagineError, UsageError, WorkerLost
from imagine_common.manifest import NUL, Entry, parse_line
from imagine_common.names import check_names
from imagine_common.packers.images import image_size, read_image
from imagine_common.packers.shards import Slice, Slicer
from imagine_common.packers.sources import FolderSource, Source
from imagine_common.packers.tar_source import TarSource
from imagine_common.parallel import ordered_map
from imagine_common.temporary import clear_leftovers, remove_temporary

Found = TypeVar("Found")
Item = TypeVar("Item")


@dataclass(frozen=True)
class PackSpec:
    """What to write where, and how.

    With `resume`, shards that are there and finished are kept. With `skip_invalid`, images that
    can't be packed are left out. With `fsync`, a shard that is given is on the disk.

    Raises
    ------
    UsageError
        From the constructor, where a value can't be meant.
    """

    dest_path: bytes
    name: bytes
    img_per_file: int
    delimiter: bytes = NUL
    resume: bool = False
    skip_invalid: bool = False
    fsync: bool = False

    def __post_init__(self) -> None:
        check_names(self.dest_path, self.name, self.delimiter)
        if not hasattr(self.img_per_file, "__index__") or self.img_per_file < 1:
            raise UsageError(
                f"argument --img-per-file: must be at least 1, not {self.img_per_file}"
            )

    def shard_path(self, number: int) -> bytes:
        """Return the path of a shard, without what its format appends."""
        return os.path.join(self.dest_path, b"%b%d" % (self.name, number))


class ImageInfo(NamedTuple):
    """An image that has been looked at: its place in the dataset, its file, and the file's size."""

    position: int
    path: bytes
    labels: tuple[int, ...]
    size: int


class Image(NamedTuple):
    """An image on its way into a record: its place in the dataset, and its file."""

    position: int
    path: bytes
    labels: tuple[int, ...]
    data: bytes


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


class PackSummary(NamedTuple):
    """What a run has written, or kept; `seconds` is its duration."""

    files: int
    records: int
    bytes: int
    seconds: float


class RecordFormat(NamedTuple):
    """What a packer knows about its format.

    A shard's files are its path with each of `suffixes`. `write(path, images, fsync)` makes them;
    `match(path, images)` takes those that are there, raising an `ImagineError` where they are not
    the images' own. `image_limit(entry)` returns the most bytes that an entry's image may have,
    raising an `ImagineError` for labels that the format can't hold.
    """

    suffixes: tuple[bytes, ...]
    write: Callable[[bytes, Iterator[Image], bool], Shard]
    match: Callable[[bytes, Iterator[ImageInfo]], Shard]
    image_limit: Callable[[Entry], int]


def pack(
    source: Source | TarSource, spec: PackSpec, form: RecordFormat, workers: int | None = None
) -> Generator[Shard]:
    """Pack the images of a source and yield each shard once it is complete, in order.

    Parameters
    ----------
    source : Source or TarSource
        A manifest, a folder or a tar stream.
    spec : PackSpec
    form : RecordFormat
    workers : int, optional
        Processes, each of which writes one shard at a time. All usable processors unless given; a
        tar stream is packed by one.

    Raises
    ------
    ImagineError
        For an image that can't be packed, naming it, unless such are skipped; a shard that can't be
        resumed; and a target that can't be written. Shards finished before stay.
    UsageError
        Where `workers` is below 1.
    """
    workers = check_workers(workers)
    if isinstance(source, TarSource):
        from imagine_common.packers.tar_packing import pack_tar

        yield from pack_tar(source, spec, form)
        return
    slicer = Slicer(
        spec.dest_path, spec.img_per_file, source.delimiter, source.is_manifest, spec.fsync
    )
    spools: set[bytes] = set()
    empty: list[int] = []
    records = 0

    def slices(cut: Iterator[Slice | None], *ahead: Slice) -> Generator[Slice | None]:
        yield from ahead
        for part in cut:
            if part is not None:
                spools.add(part.spool)
            yield part

    clear_leftovers(spec.dest_path)
    with closing(slicer.cut(source.lines())) as cut:
        first = next((part for part in slices(cut) if part is not None), None)
        if first is None:
            return
        # A single shard is written at once, here: starting processes would take longer.
        count = 1 if slicer.is_single else workers
        function = partial(_pack_slice, spec, form)
        try:
            with closing(ordered_map(function, slices(cut, first), count)) as shards:
                for number, (shard, spool) in enumerate(shards):
                    spools.discard(spool)
                    remove_temporary(spool)
                    records += shard.records
                    if not shard.records:
                        empty.append(number)
                    yield shard
        except WorkerLost:
            clear_leftovers(spec.dest_path)
            raise
        finally:
            for spool in spools:
                remove_temporary(spool)
    if not records:
        raise ImagineError("all images were skipped: there is nothing to pack")
    # What an earlier run had there is not of this dataset.
    for number in empty:
        for file in reversed(shard_files(spec, form, number)):
            remove_file(file, spec.fsync)


def pack_folder(
    source_path: str | bytes | os.PathLike[str],
    dest_path: str | bytes | os.PathLike[str],
    name: str,
    img_per_file: int,
    form: RecordFormat,
    workers: int | None,
    *,
    resume: bool,
    skip_invalid: bool,
    fsync: bool,
) -> PackSummary:
    """Pack the images of a folder, wait for the end and return the summary.

    Raises
    ------
    ImagineError
        As `pack` does.
    """
    start = time.perf_counter()
    spec = PackSpec(
        os.fsencode(dest_path),
        os.fsencode(name),
        img_per_file,
        resume=resume,
        skip_invalid=skip_invalid,
        fsync=fsync,
    )
    files = records = size = 0
    source = FolderSource(os.fsencode(source_path), spec.skip_invalid)
    for shard in pack(source, spec, form, workers):
        files += shard.records > 0
        records += shard.records
        size += shard.size
    return PackSummary(files, records, size, time.perf_counter() - start)


def _pack_slice(spec: PackSpec, form: RecordFormat, part: Slice) -> tuple[Shard, bytes]:
    """Write a slice's shard, or take the one that is there; return it and the slice's file."""
    path = spec.shard_path(part.number)
    files = shard_files(spec, form, part.number)
    images = _SliceImages(part, form.image_limit, spec.skip_invalid)
    if spec.resume and all(map(os.path.lexists, files)):
        shard = form.match(path, images.look_at())._replace(kept=True)
        for file in files if spec.fsync else ():
            sync_file(file)
    else:
        shard = write_images(spec, form, part.number, images.read())
    return shard._replace(skipped=tuple(images.skipped)), part.spool


def write_images(spec: PackSpec, form: RecordFormat, number: int, images: Iterator[Image]) -> Shard:
    """Write a shard of images; without any, it has no records and no file."""
    first = list(islice(images, 1))
    if not first:
        return Shard(shard_files(spec, form, number)[0], 0, 0)
    return form.write(spec.shard_path(number), rejoin(first, images), spec.fsync)


def shard_files(spec: PackSpec, form: RecordFormat, number: int) -> list[bytes]:
    """Return the paths of a shard's files."""
    return [spec.shard_path(number) + suffix for suffix in form.suffixes]


def rejoin(first: list[Item], rest: Iterator[Item]) -> Iterator[Item]:
    """Yield the first of some things, of which this keeps no hold, then the rest."""
    yield first.pop()  # Nothing here may keep an image that has been written.
    yield from rest


class _SliceImages:
    """The images of a slice. `skipped` tells which of them were bad, where these are skipped."""

    def __init__(self, part: Slice, limit: Callable[[Entry], int], skip_invalid: bool) -> None:
        self.skipped: list[str] = []
        self._part = part
        self._limit = limit
        self._skip_invalid = skip_invalid

    def read(self) -> Iterator[Image]:
        for position, entry, data in self._each(read_image):
            yield Image(position, entry.path, entry.labels, data)

    def look_at(self) -> Iterator[ImageInfo]:
        for position, entry, size in self._each(image_size):
            yield ImageInfo(position, entry.path, entry.labels, size)

    def _each(self, function: Callable[[bytes, int], Found]) -> Iterator[tuple[int, Entry, Found]]:
        for position, line in self._part.lines():
            try:
                entry = parse_line(line)
                found = function(entry.path, self._limit(entry))
            except ImagineError as error:
                message = f"{error}{self._part.locate(position)}"
                if not self._skip_invalid:
                    raise ImagineError(message) from error
                self.skipped.append(message)
            else:
                yield position, entry, found
