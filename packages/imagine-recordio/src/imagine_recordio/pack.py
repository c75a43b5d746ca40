"""Packing images into RecordIO files and their indexes."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

from imagine_common.atomic import AtomicFile, remove_file
from imagine_common.errors import UsageError
from imagine_common.packers.packing import (
    Image,
    PackSpec,
    PackSummary,
    RecordFormat,
    Shard,
    pack,
    pack_folder,
)
from imagine_common.packers.sources import Source
from imagine_common.packers.tar_source import TarSource
from imagine_recordio import WRITERS
from imagine_recordio.index import index_line
from imagine_recordio.record import image_limit, image_record
from imagine_recordio.resume import match_shard


def pack_recordio(
    source: Source | TarSource, spec: PackSpec, writer: str = "native", workers: int | None = None
) -> Generator[Shard]:
    """Pack the images of a source into RecordIO files and yield each once it is complete.

    Each `.rec` file comes with an `.idx` file of lines `key<TAB>offset`. Key, and id in the
    record's IRHeader, is the image's position in the dataset.

    Parameters
    ----------
    source : imagine_common.packers.sources.Source or imagine_common.packers.tar_source.TarSource
        A manifest, a folder or a tar stream.
    spec : imagine_common.packers.packing.PackSpec
    writer : {"native", "mxnet"}
        Both write the same bytes.
    workers : int, optional
        Processes, each of which writes one file at a time. All usable processors unless given.

    Raises
    ------
    UsageError
        For an unknown writer, and for MXNet's where it is not installed.
    ImagineError
        For an image that can't be packed, a label that float32 can't hold among the reasons, unless
        such are skipped; a file that can't be resumed; and a target that can't be written. Files
        finished before stay.
    """
    return pack(source, spec, _record_format(writer), workers)


def create_recordio(
    source_path: str | bytes | os.PathLike[str],
    dest_path: str | bytes | os.PathLike[str],
    name: str,
    img_per_file: int,
    *,
    writer: str = "native",
    workers: int | None = None,
    resume: bool = False,
    skip_invalid: bool = False,
    fsync: bool = False,
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

    Raises
    ------
    UsageError, ImagineError
        As `pack_recordio` does.
    """
    return pack_folder(
        source_path,
        dest_path,
        name,
        img_per_file,
        _record_format(writer),
        workers,
        resume=resume,
        skip_invalid=skip_invalid,
        fsync=fsync,
    )


def write_shard(path: bytes, images: Iterator[Image], fsync: bool) -> Shard:
    """Write one `.rec` file and its `.idx`, whole or not at all; the index comes last."""
    records = 0
    # They are finished in the reverse order: the index once its file is there.
    with (
        AtomicFile(path + b".idx", fsync) as index,
        AtomicFile(path + b".rec", fsync) as file,
    ):
        for image in images:
            index.write([index_line(image.position, file.size)])
            file.write(image_record(image))
            records += 1
        # From here on, no lack of space may come between the two.
        file.settle()
        index.settle()
        # An older index must at no moment stand beside a file that is not its own.
        remove_file(path + b".idx", fsync)
    return Shard(path + b".rec", records, file.size + index.size)


def _record_format(writer: str) -> RecordFormat:
    form = RecordFormat((b".rec", b".idx"), write_shard, match_shard, image_limit)
    if writer == "native":
        return form
    if writer == "mxnet":
        from imagine_recordio import mxnet_writer

        mxnet_writer.require_mxnet()
        return form._replace(write=mxnet_writer.write_shard)
    raise UsageError(
        f"argument --writer: unknown writer {writer!r}; known are {', '.join(WRITERS)}"
    )
