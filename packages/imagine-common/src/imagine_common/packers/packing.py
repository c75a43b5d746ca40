"""Pack the images of a source into shards.

The lines of a manifest, a list or a folder are cut into slices, which worker processes pack. The
images of a tar stream arrive in order through one pipe, so this process packs them itself, one at a
time, and writes nothing but the shards to the disk.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.parts import WHOLE
from imagine_common.files.folders import clear_leftovers, scratch_folder
from imagine_common.files.storage import exists, sync_file
from imagine_common.files.temporary import remove_temporary
from imagine_common.files.urls import refuse_store, rooted
from imagine_common.host.memory import keep_freed_memory
from imagine_common.packers.line_images import line_images, usable
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, RecordFormat, Shard
from imagine_common.packers.shards.files import ShardFiles
from imagine_common.packers.shards.slices import Slice, Slicer, cut_here
from imagine_common.packers.sources.base import LineSource, Source, StreamSource
from imagine_common.parallel.ordered_map import Workers, base_of, choose_workers, ordered_map


def pack(
    source: Source,
    spec: PackSpec,
    form: RecordFormat,
    workers: Workers | None = None,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a source into shards of a record format.

    Parameters
    ----------
    source : Source
        A manifest, a list, a folder or a tar stream.
    spec : PackSpec
    form : RecordFormat
    workers : int or Cluster, optional
        The number of processes, each of which writes one shard at a time, or a cluster. By default,
        a process for each usable CPU. A tar stream is packed by this process.
    written : callable, optional
        Called with each shard once it is complete. If names contain the total, that is earlier than
        it is yielded.

    Yields
    ------
    Shard
        Each shard, in order, once it has its name.

    Raises
    ------
    ImagineError
        If an image can't be packed and `skip_invalid` is off, a shard can't be resumed, or the
        target can't be written. Shards that have their names stay.
    UsageError
        If `workers` is below 1, or an object store can't be written in the way that is asked for.
    """
    workers = choose_workers(workers)
    folders = [os.path.dirname(file) for file in form.files(spec.shard_path(0))]
    if form.needs_local_files:
        refuse_store("--writer", *folders)
    if spec.names.needs_total:
        refuse_store("--name-format", *folders)
    if not isinstance(workers, int):
        # Slices wait for the workers in the destination folder, which all of them can read.
        refuse_store("--scheduler", spec.dest_path)
    return form.merge(_publish(source, spec, form, workers, written), spec.fsync)


def _publish(
    source: Source,
    spec: PackSpec,
    form: RecordFormat,
    workers: Workers,
    written: Callable[[Shard], object],
) -> Generator[Shard]:
    records = 0
    with ShardFiles(spec, form) as files:
        if isinstance(source, StreamSource):
            packed = _pack_stream(source, spec, form, files)
        else:
            packed = _pack_lines(source, spec, form, files, workers)
        with closing(packed) as shards:
            for place, shard in enumerate(shards):
                records += shard.records
                written(shard)
                yield from files.add(spec.part.nth(place), shard)
        if not records and spec.part == WHOLE:
            raise ImagineError("all images were skipped: there is nothing to pack")
        yield from files.finish()


def _pack_stream(
    source: StreamSource, spec: PackSpec, form: RecordFormat, files: ShardFiles
) -> Generator[Shard]:
    keep_freed_memory()
    with closing(source.images(form, spec.label_offset)) as found:
        batches = ([image] for image in found)
        for number, images in cut_here(batches, spec.img_per_file, spec.part):
            skipped: list[str] = []
            packed = usable(map(itemgetter(1), images), spec, skipped)
            shard = _write(form, files.place(number), packed, spec.fsync)
            yield shard._replace(skipped=tuple(skipped))


def _pack_lines(
    source: LineSource, spec: PackSpec, form: RecordFormat, files: ShardFiles, workers: Workers
) -> Generator[Shard]:
    slicer = Slicer(
        scratch_folder(spec.dest_path),
        spec.img_per_file,
        source.line_format,
        spec.fsync,
        spec.part,
    )
    base = base_of(workers)
    spools: deque[bytes] = deque()  # of the slices that are being worked on

    def jobs(slices: Iterable[Slice | None]) -> Generator[_Job | None]:
        for part in slices:
            if part is None:
                yield None
            else:
                spools.append(part.spool)
                places = tuple(rooted(file, base) for file in files.place(part.number))
                yield _Job(part._replace(spool=rooted(part.spool, base)), places, base)

    with closing(slicer.cut(source.lines())) as slices:
        todo = jobs(slices)
        first = next(filter(None, todo), None)
        if slicer.is_single and isinstance(workers, int):
            workers = 1  # Starting processes would take longer than writing it here.
        tidy = partial(clear_leftovers, *(rooted(folder, base) for folder in files.folders()))
        pack_job = partial(_pack_job, spec, form)
        try:
            with closing(ordered_map(pack_job, chain([first], todo), workers, tidy)) as shards:
                for shard in shards:
                    remove_temporary(spools.popleft())
                    yield shard
        finally:
            for spool in spools:
                remove_temporary(spool)


class _Job(NamedTuple):
    """A slice, and where its shard's files are to be written."""

    part: Slice
    files: tuple[bytes, ...]
    base: bytes  # of relative paths in the slice


def _pack_job(spec: PackSpec, form: RecordFormat, job: _Job) -> Shard:
    """Write a slice's shard, or keep the one that is there."""
    keeps = spec.resume and all(map(exists, job.files))
    lines, line_format = job.part.lines(), job.part.line_format
    skipped: list[str] = []
    found = line_images(lines, line_format, spec, form, base=job.base, with_data=not keeps)
    images = usable(found, spec, skipped)
    if keeps:
        shard = form.match(job.files, images)
        for file in job.files if spec.fsync else ():
            sync_file(file)
    else:
        shard = _write(form, job.files, images, spec.fsync)
    return shard._replace(kept=keeps, skipped=tuple(skipped))


def _write(
    form: RecordFormat, files: Sequence[bytes], images: Iterator[Image], fsync: bool
) -> Shard:
    """Write a shard of images; without any, it has no records and no file."""
    first = list(islice(images, 1))
    return form.write(files, _rejoin(first, images), fsync) if first else Shard(files[0], 0, 0)


def _rejoin(first: list[Image], rest: Iterator[Image]) -> Iterator[Image]:
    yield first.pop()  # An image that has been written must not stay in memory.
    yield from rest
