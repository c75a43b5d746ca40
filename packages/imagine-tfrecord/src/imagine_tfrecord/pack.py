"""Pack images into TFRecord files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.packers.pack_spec import PackSpec, require_writer
from imagine_common.packers.packing import pack
from imagine_common.packers.records import Shard
from imagine_common.packers.sources.base import Source
from imagine_common.parallel.ordered_map import Workers
from imagine_tfrecord import WRITERS
from imagine_tfrecord.index import require_folder_name
from imagine_tfrecord.schemas import find_schema
from imagine_tfrecord.shards import TFRecordFormat

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from imagine_common.packers.create import PackOptions, PackSummary, PathLike

_INSTALL = "pip install 'imagine-tfrecord[tensorflow]'"


def pack_tfrecords(
    source: Source,
    spec: PackSpec,
    writer: str = "native",
    workers: Workers | None = None,
    *,
    schema: str = "basic",
    index: bool = False,
    index_path: bytes | None = None,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a source into TFRecord files of `tf.train.Example` records.

    Parameters
    ----------
    source : Source
        A manifest, a folder or a tar stream.
    spec : PackSpec
    writer : {"native", "tensorflow"}
        The code that writes the files; both write the same bytes.
    workers : int or Cluster, optional
        The number of processes, each of which writes one file at a time, or a cluster. By default,
        a process for each usable CPU.
    schema : {"basic", "imagenet", "dlio"}
        The features of a record.
    index : bool
        Whether to write an index for DALI beside each file.
    index_path : bytes, optional
        A folder to write the indexes into instead.
    written : callable, optional
        Called with each shard once it is complete. If names contain the total, that is earlier than
        it is yielded.

    Yields
    ------
    Shard
        Each shard, in order, once it has its name.

    Raises
    ------
    UsageError
        If the writer or the schema is unknown, the writer's library is not installed, or options
        can't be used together.
    ImagineError
        If an image can't be packed and `skip_invalid` is off, a file can't be resumed, or the
        target can't be written. Files that have their names stay.
    """
    form = record_format(writer, schema, index, index_path)
    return pack(source, spec, form, workers, written)


def create_tfrecords(
    source_path: PathLike,
    dest_path: PathLike,
    name: str,
    img_per_file: int,
    *,
    writer: str = "native",
    workers: Workers | None = None,
    schema: str = "basic",
    index: bool = False,
    index_path: PathLike | None = None,
    **options: Unpack[PackOptions],
) -> PackSummary:
    """Pack the images of a folder into TFRecord files and return what was written.

    Parameters
    ----------
    source_path : path-like
        A folder of images, packed in natural order. Other files are skipped.
    dest_path : path-like
        The folder for the files; created if missing.
    name : str
        The prefix of the files' names; a number from 0 follows.
    img_per_file : int
        The number of images in a file; the last file has the rest.
    writer : {"native", "tensorflow"}
        The code that writes the files; both write the same bytes.
    workers : int or Cluster, optional
        The number of processes, each of which writes one file at a time, or a cluster. By default,
        a process for each usable CPU.
    schema : {"basic", "imagenet", "dlio"}
        The features of a record.
    index : bool
        Whether to write an index for DALI beside each file.
    index_path : path-like, optional
        A folder to write the indexes into instead.
    **options
        The keywords of `imagine_common.packers.create.PackOptions`: `resume`, `skip_invalid`,
        `fsync`, `recursive`, `labels_from_dirs`, `label_offset` and `name_format`.

    Raises
    ------
    UsageError
        If an argument is invalid, or the writer's library is not installed.
    ImagineError
        If an image can't be packed and `skip_invalid` is off, a file can't be resumed, or the
        target can't be written. Files that have their names stay.
    """
    from imagine_common.packers.create import create_records

    pack_folder = partial(
        pack_tfrecords,
        writer=writer,
        workers=workers,
        schema=schema,
        index=index,
        index_path=None if index_path is None else os.fsencode(index_path),
    )
    return create_records(pack_folder, source_path, dest_path, name, img_per_file, **options)


def record_format(
    writer: str = "native",
    schema: str = "basic",
    index: bool = False,
    index_path: bytes | None = None,
) -> TFRecordFormat:
    """Return the record format of the options of `pack_tfrecords`.

    Raises
    ------
    UsageError
        If an option is invalid, or the writer's library is not installed.
    """
    if index_path is not None:
        require_folder_name(index_path)
    indexed = index or index_path is not None
    require_writer(writer, WRITERS, _INSTALL)
    if writer == "native":
        return TFRecordFormat(find_schema(schema), indexed, index_path)
    from imagine_tfrecord.tensorflow_writer import TensorFlowFormat

    return TensorFlowFormat(find_schema(schema), indexed, index_path)
