"""Packing images into shards: all that the packers have in common but the format itself.

A packer brings a function that writes one shard; here entries become slices, slices go to worker
processes, and finished shards come back in order.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from imagine_common.atomic import clear_leftovers, remove_temporary
from imagine_common.cpus import check_workers
from imagine_common.errors import ImagineError, UsageError, WorkerLost
from imagine_common.images import read_image
from imagine_common.manifest import NUL
from imagine_common.names import check_names
from imagine_common.parallel import ordered_map
from imagine_common.shards import Slice, Slicer
from imagine_common.sources import FolderSource, Source


@dataclass(frozen=True)
class PackSpec:
    """What to write where.

    Raises
    ------
    UsageError
        From the constructor, where a value can't be meant.
    """

    dest_path: bytes
    name: bytes
    img_per_file: int
    delimiter: bytes = NUL

    def __post_init__(self) -> None:
        check_names(self.dest_path, self.name, self.delimiter)
        if not hasattr(self.img_per_file, "__index__") or self.img_per_file < 1:
            raise UsageError(
                f"argument --img-per-file: must be at least 1, not {self.img_per_file}"
            )

    def shard_path(self, number: int) -> bytes:
        """Return the path of a shard, without what its format appends."""
        return os.path.join(self.dest_path, b"%b%d" % (self.name, number))


class Image(NamedTuple):
    """An image on its way into a record: its place in the dataset, and its file."""

    position: int
    path: bytes
    labels: tuple[int, ...]
    data: bytes


class Shard(NamedTuple):
    """A finished shard: its file, how many records it has, and bytes (its index included)."""

    path: bytes
    records: int
    size: int


class PackSummary(NamedTuple):
    """What a run has written; `seconds` is its duration."""

    files: int
    records: int
    bytes: int
    seconds: float


class ShardWriter(NamedTuple):
    """A record format: the function that writes a shard, and the most bytes an image may have."""

    write: Callable[[bytes, Iterator[Image]], Shard]
    max_image_bytes: int


def pack(
    source: Source, spec: PackSpec, writer: ShardWriter, workers: int | None = None
) -> Generator[Shard]:
    """Pack the images of a source and yield each shard once it is complete, in order.

    Parameters
    ----------
    source : Source
        A manifest or a folder.
    spec : PackSpec
    writer : ShardWriter
    workers : int, optional
        Processes, each of which writes one shard at a time. All usable processors unless given.

    Raises
    ------
    ImagineError
        For an image that can't be read or is none, naming it, and a target that can't be written.
        Shards finished before stay.
    UsageError
        Where `workers` is below 1.
    """
    workers = check_workers(workers)
    slicer = Slicer(spec.dest_path, spec.img_per_file, source.delimiter, source.is_manifest)
    spools: set[bytes] = set()

    def slices(cut: Iterator[Slice | None], *ahead: Slice) -> Generator[Slice | None]:
        yield from ahead
        for part in cut:
            if part is not None:
                spools.add(part.spool)
            yield part

    with closing(slicer.cut(source.lines())) as cut:
        first = next((part for part in slices(cut) if part is not None), None)
        if first is None:
            return
        # A single shard is written at once, here: starting processes would take longer.
        count = 1 if slicer.is_single else workers
        function = partial(_write_slice, spec, writer)
        try:
            with closing(ordered_map(function, slices(cut, first), count)) as shards:
                for shard, spool in shards:
                    spools.discard(spool)
                    remove_temporary(spool)
                    yield shard
        except WorkerLost:
            clear_leftovers(spec.dest_path)
            raise
        finally:
            for spool in spools:
                remove_temporary(spool)


def pack_folder(
    source_path: str | bytes | os.PathLike[str],
    dest_path: str | bytes | os.PathLike[str],
    name: str,
    img_per_file: int,
    writer: ShardWriter,
    workers: int | None,
) -> PackSummary:
    """Pack the images of a folder, wait for the end and return the summary.

    Raises
    ------
    ImagineError
        As `pack` does.
    """
    start = time.perf_counter()
    spec = PackSpec(os.fsencode(dest_path), os.fsencode(name), img_per_file)
    files = records = size = 0
    for shard in pack(FolderSource(os.fsencode(source_path)), spec, writer, workers):
        files += 1
        records += shard.records
        size += shard.size
    return PackSummary(files, records, size, time.perf_counter() - start)


def _write_slice(spec: PackSpec, writer: ShardWriter, part: Slice) -> tuple[Shard, bytes]:
    shard = writer.write(spec.shard_path(part.number), _images(part, writer.max_image_bytes))
    return shard, part.spool


def _images(part: Slice, limit: int) -> Iterator[Image]:
    for position, entry in part.entries():
        try:
            data = read_image(entry.path, limit)
        except ImagineError as error:
            raise ImagineError(f"{error}{part.locate(position)}") from error
        yield Image(position, entry.path, entry.labels, data)
