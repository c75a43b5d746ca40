"""Pack images into RecordIO files and their indexes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.exchange.parts import WHOLE
from imagine_common.packers.pack_spec import PackSpec, require_writer
from imagine_common.packers.packing import pack
from imagine_common.packers.records import Shard
from imagine_common.packers.sources.base import Source
from imagine_common.parallel.ordered_map import Workers
from imagine_recordio import WRITERS
from imagine_recordio.shards import RecordIOFormat

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from imagine_common.packers.create import PackOptions, PackSummary, PathLike

_INSTALL = "pip install 'imagine-recordio[mxnet]' (Python 3.11 or older)"


def pack_recordio(
    source: Source,
    spec: PackSpec,
    writer: str = "native",
    workers: Workers | None = None,
    *,
    merged_index: bool = False,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a source into RecordIO files.

    Each `.rec` file has an `.idx` file of lines `key<TAB>offset`. The key, which is also the id in
    the record's IRHeader, is the image's position in the dataset, or its index in a list.

    Parameters
    ----------
    source : Source
        A manifest, a folder, a tar stream, or an `imagine_recordio.lst.ListSource`.
    spec : PackSpec
    writer : {"native", "mxnet"}
        The code that writes the files; both write the same bytes.
    workers : int or Cluster, optional
        The number of processes, each of which writes one file at a time, or a cluster. By default,
        a process for each usable CPU.
    merged_index : bool
        Whether to write one more index, of all files together, at the end. An older one is removed
        in any case.
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
        If the writer is unknown, its library is not installed, or options can't be used together.
    ImagineError
        If an image can't be packed (a label has no exact float32, for example) and `skip_invalid`
        is off, a file can't be resumed, or the target can't be written. Files that have their names
        stay.
    """
    form = record_format(spec, writer, merged_index)
    return pack(source, spec, form, workers, written)


def create_recordio(
    source_path: PathLike,
    dest_path: PathLike,
    name: str,
    img_per_file: int,
    *,
    writer: str = "native",
    workers: Workers | None = None,
    merged_index: bool = False,
    **options: Unpack[PackOptions],
) -> PackSummary:
    """Pack the images of a folder into RecordIO files and return what was written.

    Parameters
    ----------
    source_path : path-like
        A folder of images, packed in natural order. Other files are skipped.
    dest_path : path-like
        The folder for the files; created if missing.
    name : str
        The prefix of the files' names; a number from 0, and `.rec` or `.idx`, follow.
    img_per_file : int
        The number of images in a file; the last file has the rest.
    writer : {"native", "mxnet"}
        The code that writes the files; both write the same bytes.
    workers : int or Cluster, optional
        The number of processes, each of which writes one file at a time, or a cluster. By default,
        a process for each usable CPU.
    merged_index : bool
        Whether to write one more index, of all files together, at the end.
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

    pack_folder = partial(pack_recordio, writer=writer, workers=workers, merged_index=merged_index)
    return create_records(pack_folder, source_path, dest_path, name, img_per_file, **options)


def record_format(
    spec: PackSpec, writer: str = "native", merged_index: bool = False
) -> RecordIOFormat:
    """Return the record format of the options of `pack_recordio`.

    Raises
    ------
    UsageError
        If an option is invalid, or the writer's library is not installed.
    """
    if merged_index and spec.part != WHOLE:
        raise UsageError(
            "argument --part: not with --merged-index, which needs all files; to get the same"
            " index, concatenate the files' own indexes and add up their offsets"
        )
    merged_path = os.path.join(spec.dest_path, spec.names.prefix + b"merged.idx")
    require_writer(writer, WRITERS, _INSTALL)
    if writer == "native":
        return RecordIOFormat(merged_path, merged_index)
    from imagine_recordio.mxnet_writer import MXNetFormat

    return MXNetFormat(merged_path, merged_index)
