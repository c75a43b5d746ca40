"""Pack the images of a source into shards, or work out what that would write.

The lines of a manifest, a list or a folder are cut into slices, which worker processes pack. The
images of a tar stream arrive in order through one pipe, so this process packs them itself, one at a
time, and writes nothing but the shards to the disk.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import NamedTuple

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.names import WHOLE
from imagine_common.files.folders import clear_leftovers, scratch_folder
from imagine_common.files.storage import exists, sync_file
from imagine_common.files.temporary import release_folders, remove_temporary
from imagine_common.files.urls import refuse_store, rooted
from imagine_common.host.limits import keep_freed_memory
from imagine_common.packers.line_images import Found, line_images, usable
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, RecordFile
from imagine_common.packers.shards.files import ShardFiles
from imagine_common.packers.shards.record_format import RecordFormat
from imagine_common.packers.shards.slices import Slice, cut_here, cut_slices, require_count
from imagine_common.packers.sources.base import LineFormat, LineSource, Source, StreamSource
from imagine_common.packers.sources.folder import FolderSource
from imagine_common.parallel.ordered_map import Workers, base_of, choose_workers, ordered_map
from imagine_common.parallel.progress import progress


def pack(
    source: Source,
    files: ShardFiles,
    workers: Workers | None = None,
    written: Callable[[RecordFile], object] = lambda _: None,
    warn: Callable[[str], object] = warnings.warn,
) -> Generator[RecordFile]:
    """Pack the images of a source into the files of a run.

    Yields each shard, in order, once it has its name. Other arguments, and errors, are those of the
    public functions, `pack_tfrecords` and `pack_recordio`.
    """
    workers = choose_workers(workers)
    spec, record_format = files.spec, files.record_format
    folders = [os.path.dirname(file) for file in record_format.files(spec.shard_path(0))]
    if record_format.needs_local_files:
        refuse_store("--writer", *folders)
    if spec.waits_for_total:
        refuse_store("--name-format", *folders)
    if not isinstance(workers, int):
        # Slices wait for the workers in the destination folder, which all of them can read.
        refuse_store("--scheduler", spec.dest_path)
    if spec.settles_others_first:
        files.others_to_remove(spec.total or 0, warn, UsageError)
    _leave_out_outputs(source, files)
    if isinstance(source, StreamSource):
        packed = _pack_stream(source, files)
    else:
        packed = _pack_lines(source, files, workers)
    shards = record_format.merge(files.publish(packed, written, warn), spec.fsync)
    return _to_the_end(shards, all_at_once=spec.waits_for_total)


def _leave_out_outputs(source: Source, files: ShardFiles) -> None:
    """Let a folder's listing pass over what the run itself writes there."""
    if isinstance(source, FolderSource):
        source.listing.outputs = files.patterns()


def _to_the_end(shards: Generator[RecordFile], all_at_once: bool) -> Generator[RecordFile]:
    """Yield shards; if `all_at_once`, when all are finished, since the caller may end early."""
    finished: list[RecordFile] = []
    try:
        with closing(shards):
            for shard in shards:
                if all_at_once:
                    finished.append(shard)
                else:
                    yield shard
    except ImagineError:
        yield from finished
        raise
    finally:
        release_folders()
    yield from finished


def _pack_stream(source: StreamSource, files: ShardFiles) -> Generator[RecordFile]:
    spec, record_format = files.spec, files.record_format
    keep_freed_memory()
    for number, found in _cut_stream(source, spec, record_format):
        skipped: list[str] = []
        images = usable(found, spec, skipped)
        shard = _write(record_format, files.place(number), images, spec.fsync)
        yield shard._replace(skipped=tuple(skipped))


def _cut_stream(
    source: StreamSource, spec: PackSpec, record_format: RecordFormat
) -> Generator[tuple[int, Iterable[Found]]]:
    with closing(source.images(record_format, spec.label_offset, spec.skip_invalid)) as found:
        batches = require_count(([image] for image in found), spec.expect)
        for number, images in cut_here(batches, spec.img_per_file, spec.part):
            yield number, map(itemgetter(1), images)


def _pack_lines(source: LineSource, files: ShardFiles, workers: Workers) -> Generator[RecordFile]:
    spec = files.spec
    delimiter = source.line_format.delimiter
    folder = scratch_folder(spec.dest_path)
    base = base_of(workers)
    spools: deque[bytes] = deque()  # of the slices that are being worked on

    def placed(slices: Iterable[Slice | None]) -> Generator[Slice | None]:
        for slice_ in slices:
            if spec.part == WHOLE:
                progress.listed = getattr(source, "listed", 0)
                progress.total = getattr(source, "total", None) or progress.total
            progress.advance(0)
            if slice_ is None:
                yield None
            else:
                spools.append(slice_.spool)
                places = tuple(rooted(file, base) for file in files.place(slice_.number))
                yield slice_._replace(spool=rooted(slice_.spool, base), files=places)

    lines = require_count(source.lines(), spec.expect)
    with closing(
        cut_slices(lines, folder, spec.img_per_file, delimiter, spec.fsync, spec.part)
    ) as slices:
        todo = placed(slices)
        first = next(filter(None, todo), None)
        if isinstance(workers, int) and (first is None or first.is_single):
            workers = 1  # Starting processes would take longer than writing it here.
        tidy = partial(clear_leftovers, *(rooted(folder, base) for folder in files.folders))
        pack_slice = partial(_pack_slice, source.line_format, spec, files.record_format, base)
        try:
            with closing(ordered_map(pack_slice, chain([first], todo), workers, tidy)) as shards:
                for shard in shards:
                    remove_temporary(spools.popleft())
                    yield shard
        finally:
            for spool in spools:
                remove_temporary(spool)


def _pack_slice(
    line_format: LineFormat, spec: PackSpec, record_format: RecordFormat, base: bytes, slice_: Slice
) -> RecordFile:
    """Write a slice's shard, or keep the one that is there if it is complete."""
    keeps = spec.resume and all(map(exists, slice_.files))
    skipped: list[str] = []

    def images(with_data: bool) -> Iterator[Image]:
        skipped.clear()
        lines = slice_.lines(line_format.delimiter)
        found = line_images(lines, line_format, spec, record_format, base=base, with_data=with_data)
        return usable(found, spec, skipped)

    kept = record_format.match(slice_.files, images(with_data=False)) if keeps else None
    for file in slice_.files if kept and spec.fsync else ():
        sync_file(file)
    shard = kept or _write(record_format, slice_.files, images(with_data=True), spec.fsync)
    return shard._replace(kept=kept is not None, skipped=tuple(skipped))


def _write(
    record_format: RecordFormat, files: Sequence[bytes], images: Iterator[Image], fsync: bool
) -> RecordFile:
    """Write a shard of images; without any, it has no records and no file."""
    first = list(islice(images, 1))
    if not first:
        return RecordFile(os.fsdecode(files[0]), 0, 0)
    # An image that has been written must not stay in memory.
    return record_format.write(files, chain(map(first.pop, (0,)), images), fsync)


class Plan(NamedTuple):
    """What a run would write."""

    total: int  # of files, if those whose images were all skipped have a number
    files: int  # with records
    written: int  # these and their indexes
    images: int
    bytes: int  # in all files
    skipped: tuple[str, ...]  # the error of each image that would be left out


def plan_packing(source: Source, files: ShardFiles) -> Plan:
    """Return what packing a source would write; shards that `resume` would keep count too.

    Reads only the beginning of each image's file, but all of a tar stream.
    """
    spec, record_format = files.spec, files.record_format
    _leave_out_outputs(source, files)
    total = with_records = images = size = base = 0
    skipped: list[str] = []
    shards: Iterable[tuple[int, Iterable[Found]]]
    if isinstance(source, StreamSource):
        shards = _cut_stream(source, spec, record_format)
    else:
        line_format = source.line_format
        lines = require_count(source.lines(), spec.expect)
        shards = (
            (number, line_images(slice_, line_format, spec, record_format, with_data=False))
            for number, slice_ in cut_here(lines, spec.img_per_file, spec.part)
        )
    for number, found in shards:
        offset = 0
        for image in usable(found, spec, skipped):
            length = record_format.record_size(image)
            size += len(record_format.index_line(image.position, offset, length))
            if record_format.merged:
                size += len(record_format.index_line(image.position, base + offset, length))
            offset += length
            images += 1
        size += offset
        base += offset
        with_records += offset > 0
        total = with_records if spec.waits_for_total else number + 1
    written = with_records * len(record_format.files(b"x")) + record_format.merged
    return Plan(total, with_records, written, images, size, tuple(skipped))
