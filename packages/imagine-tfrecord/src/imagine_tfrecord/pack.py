"""Packing images into TFRecord files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.files.urls import refuse_store
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.packing import PackSummary, pack, summarize
from imagine_common.packers.records import RecordFormat, Shard
from imagine_common.packers.sources.manifest import Source
from imagine_common.parallel.ordered_map import Workers
from imagine_tfrecord import WRITERS
from imagine_tfrecord.index import index_line, require_folder_name
from imagine_tfrecord.schemas import find_schema
from imagine_tfrecord.shards import (
    image_limit,
    match_shard,
    record_size,
    shard_files,
    write_shard,
)

if TYPE_CHECKING:  # Who packs something else is spared it at run time.
    from imagine_common.packers.sources.tar import TarSource


def pack_tfrecords(
    source: Source | TarSource,
    spec: PackSpec,
    writer: str = "native",
    workers: Workers | None = None,
    *,
    schema: str = "basic",
    index: bool = False,
    index_path: bytes | None = None,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a source into TFRecord files and yield each once it has its name.

    Each record is a `tf.train.Example`.

    Parameters
    ----------
    source : Source or TarSource
        A manifest, a folder or a tar stream.
    spec : PackSpec
    writer : {"native", "tensorflow"}
        Both write the same bytes.
    workers : int or Cluster, optional
        Processes, each of which writes one file at a time, or a cluster. All usable processors
        unless given.
    schema : {"basic", "imagenet", "dlio"}
        The records' features: the image and its labels, or what certain readers ask for.
    index : bool
        Whether each file gets an index for DALI.
    index_path : bytes, optional
        The folder for the indexes, which there are then; beside the files unless given.
    written : callable, optional
        Called with each file once it is complete, which is earlier where names wait for the total.

    Raises
    ------
    UsageError
        For an unknown writer or schema, and for TensorFlow's writer where it is not installed.
    ImagineError
        For an image that can't be packed, unless such are skipped; a file that can't be resumed;
        and a target that can't be written. Files finished before stay, if they have their names.
    """
    form = record_format(writer, schema, index, index_path)
    if writer != "native":
        refuse_store("--writer", spec.dest_path, index_path)
    if spec.names.needs_total:
        refuse_store("--name-format", index_path)
    return pack(source, spec, form, workers, written)


def create_tfrecords(
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
    schema: str = "basic",
    index: bool = False,
    index_path: str | bytes | os.PathLike[str] | None = None,
) -> PackSummary:
    """Pack the images of a folder into TFRecord files and return what was written.

    Parameters
    ----------
    source_path : path-like
        A folder of images, taken in natural order. What is no image is passed over.
    dest_path : path-like
        The folder for the files; created if missing.
    name : str
        Files are called by this prefix and their number, from 0.
    img_per_file : int
        Images in a file; the last has the rest.
    writer, workers
        As `pack_tfrecords` takes them.
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
    schema, index, index_path
        As `pack_tfrecords` takes them.

    Raises
    ------
    UsageError, ImagineError
        As `pack_tfrecords` does.
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
    folder = None if index_path is None else os.fsencode(index_path)
    return summarize(
        pack_tfrecords(source, spec, writer, workers, schema=schema, index=index, index_path=folder)
    )


def record_format(
    writer: str = "native",
    schema: str = "basic",
    index: bool = False,
    index_path: bytes | None = None,
) -> RecordFormat:
    """Return what there is to know about TFRecord files.

    Raises
    ------
    UsageError
        As `pack_tfrecords` does.
    """
    if index_path is not None:
        require_folder_name(index_path)
    features = find_schema(schema)
    indexed = index or index_path is not None
    form = RecordFormat(
        files=partial(shard_files, indexed, index_path),
        write=partial(write_shard, features),
        match=partial(match_shard, features),
        image_limit=partial(image_limit, features),
        record_size=partial(record_size, features),
        index_line=index_line if indexed else None,
        examine=features.examine,
    )
    if writer == "native":
        return form
    if writer == "tensorflow":
        from imagine_tfrecord import tensorflow_writer

        tensorflow_writer.require_tensorflow()
        return form._replace(write=partial(tensorflow_writer.write_shard, features))
    raise UsageError(
        f"argument --writer: unknown writer {writer!r}; known are {', '.join(WRITERS)}"
    )
