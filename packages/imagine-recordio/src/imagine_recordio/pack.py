"""Packing images into RecordIO files and their indexes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.exchange.parts import WHOLE
from imagine_common.files.storage import indexed_file
from imagine_common.files.urls import refuse_store
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.packing import PackSummary, pack, summarize
from imagine_common.packers.records import Image, RecordFormat, Shard
from imagine_common.packers.sources.manifest import Source
from imagine_common.parallel.ordered_map import Workers
from imagine_recordio import WRITERS
from imagine_recordio.index import index_line
from imagine_recordio.merged_index import merge_indexes
from imagine_recordio.record import image_limit, image_record, least_record_size
from imagine_recordio.resume import match_shard

if TYPE_CHECKING:  # Who packs something else is spared it at run time.
    from imagine_common.packers.sources.tar import TarSource


def pack_recordio(
    source: Source | TarSource,
    spec: PackSpec,
    writer: str = "native",
    workers: Workers | None = None,
    *,
    merged_index: bool = False,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a source into RecordIO files and yield each once it has its name.

    Each `.rec` file comes with an `.idx` file of lines `key<TAB>offset`. Key, and id in the
    record's IRHeader, is the image's position in the dataset, or its index in a list.

    Parameters
    ----------
    source : Source or TarSource
        A manifest, a folder, a tar stream, or an `imagine_recordio.lst.ListSource`.
    spec : PackSpec
    writer : {"native", "mxnet"}
        Both write the same bytes.
    workers : int or Cluster, optional
        Processes, each of which writes one file at a time, or a cluster. All usable processors
        unless given.
    merged_index : bool
        Whether there is one more index, of all files together, once they all are there. An older
        one is removed in any case.
    written : callable, optional
        Called with each file once it is complete, which is earlier where names wait for the total.

    Raises
    ------
    UsageError
        For an unknown writer, and for MXNet's where it is not installed.
    ImagineError
        For an image that can't be packed, a label that float32 can't hold among the reasons, unless
        such are skipped; a file that can't be resumed; and a target that can't be written. Files
        finished before stay, if they have their names.
    """
    form = record_format(spec, writer, merged_index)
    if writer != "native":
        refuse_store("--writer", spec.dest_path)
    shards = pack(source, spec, form, workers, written)
    return merge_indexes(shards, merged_path(spec), spec.fsync) if merged_index else shards


def create_recordio(
    source_path: str | bytes | os.PathLike[str],
    dest_path: str | bytes | os.PathLike[str],
    name: str,
    img_per_file: int,
    *,
    writer: str = "native",
    workers: Workers | None = None,
    resume: bool = False,
    skip_invalid: bool = False,
    fsync: bool = False,
    recursive: bool = False,
    labels_from_dirs: bool = False,
    label_offset: int = 0,
    name_format: str | None = None,
    merged_index: bool = False,
) -> PackSummary:
    """Pack the images of a folder into RecordIO files and return what was written.

    Parameters
    ----------
    source_path : path-like
        A folder of images, taken in natural order. What is no image is passed over.
    dest_path : path-like
        The folder for the files; created if missing.
    name : str
        Files are called by this prefix, their number, from 0, and `.rec` or `.idx`.
    img_per_file : int
        Images in a file; the last has the rest.
    writer, workers
        As `pack_recordio` takes them.
    resume : bool
        Whether finished files that are there are kept.
    skip_invalid : bool
        Whether images that can't be packed are left out.
    fsync : bool
        Whether a finished file is on the disk, and survives a failure of power.
    recursive : bool
        Whether images below the folder are packed too.
    labels_from_dirs : bool
        Whether an image's label is the place of its folder among those directly in `source_path`,
        sorted by name; images below are packed, and those in no folder are not.
    label_offset : int
        What is added to every label.
    name_format : str, optional
        What files are called instead, such as `train-{shard:05d}-of-{total:05d}`.
    merged_index
        As `pack_recordio` takes it.

    Raises
    ------
    UsageError, ImagineError
        As `pack_recordio` does.
    """
    from imagine_common.packers.sources.folder import FolderSource

    spec = PackSpec(
        os.fsencode(dest_path),
        os.fsencode(name),
        img_per_file,
        resume=resume,
        skip_invalid=skip_invalid,
        fsync=fsync,
        label_offset=label_offset,
        name_format=None if name_format is None else os.fsencode(name_format),
    )
    source = FolderSource(os.fsencode(source_path), skip_invalid, recursive, labels_from_dirs)
    return summarize(pack_recordio(source, spec, writer, workers, merged_index=merged_index))


def shard_files(path: bytes) -> tuple[bytes, ...]:
    """Return a shard's files: the one with the records, and its index."""
    return path + b".rec", path + b".idx"


def write_shard(files: Sequence[bytes], images: Iterator[Image], fsync: bool) -> Shard:
    """Write one `.rec` file and its `.idx`, whole or not at all; the index comes last."""
    records = 0
    with indexed_file(files[0], files[1], fsync) as (file, index):
        for image in images:
            index.write([index_line(image.position, file.size)])
            file.write(image_record(image))
            records += 1
    return Shard(files[0], records, file.size + index.size)


def merged_path(spec: PackSpec) -> bytes:
    """Return where the index of all shards together is."""
    return os.path.join(spec.dest_path, spec.names.prefix + b"merged.idx")


def record_format(
    spec: PackSpec, writer: str = "native", merged_index: bool = False
) -> RecordFormat:
    """Return what there is to know about RecordIO files.

    Raises
    ------
    UsageError
        As `pack_recordio` does.
    """
    if merged_index and spec.part != WHOLE:
        raise UsageError(
            "argument --part: not with --merged-index, which needs all files; concatenating their"
            " own indexes, offsets added up, gives the same"
        )
    form = RecordFormat(
        files=shard_files,
        write=write_shard,
        match=match_shard,
        image_limit=image_limit,
        record_size=least_record_size,
        index_line=index_line,
        merged=merged_index,
        outdated=(merged_path(spec),),
    )
    if writer == "native":
        return form
    if writer == "mxnet":
        from imagine_recordio import mxnet_writer

        mxnet_writer.require_mxnet()
        return form._replace(write=mxnet_writer.write_shard)
    raise UsageError(
        f"argument --writer: unknown writer {writer!r}; known are {', '.join(WRITERS)}"
    )
