"""Packing images into shards: all that the packers have in common but the format itself.

A packer brings a `RecordFormat`; here entries become slices, slices go to worker processes, and
finished shards come back in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from imagine_common.errors import ImagineError
from imagine_common.exchange.parts import WHOLE
from imagine_common.files.folders import clear_leftovers, scratch_folder
from imagine_common.files.storage import exists, sync_file
from imagine_common.files.temporary import remove_temporary
from imagine_common.files.urls import refuse_store, rooted
from imagine_common.packers.images.slice_images import SliceImages
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, RecordFormat, Shard
from imagine_common.packers.shards.files import ShardFiles
from imagine_common.packers.shards.slices import Slice, Slicer
from imagine_common.packers.sources.manifest import Source
from imagine_common.parallel.ordered_map import (
    Workers,
    base_of,
    choose_workers,
    ordered_map,
)

if TYPE_CHECKING:  # Who packs something else is spared these at run time.
    from typing import TypeGuard

    from imagine_common.packers.sources.tar import TarSource

Item = TypeVar("Item")


def pack(
    source: Source | TarSource,
    spec: PackSpec,
    form: RecordFormat,
    workers: Workers | None = None,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a source and yield each shard once it has its name, in order.

    Parameters
    ----------
    source : Source or TarSource
        A manifest, a list, a folder or a tar stream.
    spec : PackSpec
    form : RecordFormat
    workers : int or Cluster, optional
        Processes, each of which writes one shard at a time, or a cluster. All usable processors
        unless given; a tar stream is packed by one.
    written : callable, optional
        Called with each shard once it is complete, which is earlier where names wait for the total.

    Raises
    ------
    ImagineError
        For an image that can't be packed, naming it, unless such are skipped; a shard that can't be
        resumed; and a target that can't be written. Shards finished before stay, if they have their
        names.
    UsageError
        Where `workers` is below 1, and for a cluster with shards that go to an object store.
    """
    workers = choose_workers(workers)
    if not isinstance(workers, int):
        # Their lines wait for the workers in the folder for the shards, which all can read.
        refuse_store("--scheduler", spec.dest_path)
    if _is_tar(source):
        from imagine_common.packers.tar_packing import pack_tar

        return pack_tar(source, spec, form, written)
    return _pack_lines(cast(Source, source), spec, form, workers, written)


def _pack_lines(
    source: Source,
    spec: PackSpec,
    form: RecordFormat,
    workers: Workers,
    written: Callable[[Shard], object],
) -> Generator[Shard]:
    scratch = scratch_folder(spec.dest_path)
    slicer = Slicer(scratch, spec.img_per_file, source.line_format, spec.fsync, spec.part)
    base = base_of(workers)
    spools: deque[bytes] = deque()  # of the slices that are being worked on
    records = 0

    def jobs(cut: Iterable[Slice | None]) -> Generator[_Job | None]:
        for part in cut:
            if part is None:
                yield None
            else:
                spools.append(part.spool)
                places = tuple(rooted(file, base) for file in files.place(part.number))
                yield _Job(part._replace(spool=rooted(part.spool, base)), places, base)

    with ShardFiles(spec, form) as files, closing(slicer.cut(source.lines())) as cut:
        files.clear()
        todo = jobs(cut)
        first = next((job for job in todo if job is not None), None)
        if first is None:
            return
        files.begin()
        if slicer.is_single and isinstance(workers, int):
            workers = 1  # It is written at once, here: starting processes would take longer.
        function = partial(_write, spec, form)
        tidy = partial(clear_leftovers, *(rooted(folder, base) for folder in files.folders()))
        try:
            with closing(ordered_map(function, chain([first], todo), workers, tidy)) as shards:
                for place, shard in enumerate(shards):
                    remove_temporary(spools.popleft())
                    records += shard.records
                    written(shard)
                    yield from files.add(spec.part.nth(place), shard)
        finally:
            for spool in spools:
                remove_temporary(spool)
        if not records and spec.part == WHOLE:
            raise ImagineError("all images were skipped: there is nothing to pack")
        yield from files.finish()


def _is_tar(source: Source | TarSource) -> TypeGuard[TarSource]:
    return hasattr(source, "images")


class _Job(NamedTuple):
    """A slice, and where its shard's files are to be written."""

    part: Slice
    files: tuple[bytes, ...]
    base: bytes  # of relative paths in the slice


def _write(spec: PackSpec, form: RecordFormat, job: _Job) -> Shard:
    """Write a slice's shard, or take the one that is there."""
    images = SliceImages(job.part.lines(), job.part.line_format, spec, form, job.base)
    if spec.resume and all(map(exists, job.files)):
        shard = form.match(job.files, images.look_at())._replace(kept=True)
        for file in job.files if spec.fsync else ():
            sync_file(file)
    else:
        shard = write_images(form, job.files, images.read(), spec.fsync)
    return shard._replace(skipped=tuple(images.skipped))


def write_images(
    form: RecordFormat, files: Sequence[bytes], images: Iterator[Image], fsync: bool
) -> Shard:
    """Write a shard of images; without any, it has no records and no file."""
    first = list(islice(images, 1))
    if not first:
        return Shard(files[0], 0, 0)
    return form.write(files, rejoin(first, images), fsync)


def rejoin(first: list[Item], rest: Iterator[Item]) -> Iterator[Item]:
    """Yield the first of some things, of which this keeps no hold, then the rest."""
    yield first.pop()  # Nothing here may keep an image that has been written.
    yield from rest
