"""Packing images into RecordIO files and their indexes."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import suppress

from imagine_common.atomic import AtomicFile
from imagine_common.errors import UsageError
from imagine_common.packing import (
    Image,
    PackSpec,
    PackSummary,
    Shard,
    ShardWriter,
    pack,
    pack_folder,
)
from imagine_common.sources import Source
from imagine_recordio import WRITERS
from imagine_recordio.framing import MAX_LENGTH, frame
from imagine_recordio.header import image_header


def pack_recordio(
    source: Source, spec: PackSpec, writer: str = "native", workers: int | None = None
) -> Generator[Shard]:
    """Pack the images of a source into RecordIO files and yield each once it is complete.

    Each `.rec` file comes with an `.idx` file of lines `key<TAB>offset`. Key, and id in the
    record's IRHeader, is the image's position in the dataset.

    Parameters
    ----------
    source : imagine_common.sources.Source
        A manifest or a folder.
    spec : imagine_common.packing.PackSpec
    writer : {"native", "mxnet"}
        Both write the same bytes.
    workers : int, optional
        Processes, each of which writes one file at a time. All usable processors unless given.

    Raises
    ------
    UsageError
        For an unknown writer, and for MXNet's where it is not installed.
    ImagineError
        For an image that can't be read or is none, a label that float32 can't hold, and a target
        that can't be written. Files finished before stay.
    """
    return pack(source, spec, _shard_writer(writer), workers)


def create_recordio(
    source_path: str | bytes | os.PathLike[str],
    dest_path: str | bytes | os.PathLike[str],
    name: str,
    img_per_file: int,
    *,
    writer: str = "native",
    workers: int | None = None,
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

    Raises
    ------
    UsageError, ImagineError
        As `pack_recordio` does.
    """
    return pack_folder(source_path, dest_path, name, img_per_file, _shard_writer(writer), workers)


def write_shard(path: bytes, images: Iterator[Image]) -> Shard:
    """Write one `.rec` file and its `.idx`, whole or not at all; the index comes last."""
    records = 0
    # They are finished in the reverse order: the index once its file is there.
    with AtomicFile(path + b".idx") as index, AtomicFile(path + b".rec") as file:
        for image in images:
            index.write([b"%d\t%d\n" % (image.position, file.size)])
            file.write(frame([image_header(image), image.data]))
            records += 1
        index.flush()  # No lack of space may come between the two.
        remove_index(path)
    return Shard(path + b".rec", records, file.size + index.size)


def remove_index(path: bytes) -> None:
    """Remove an older index, so that at no moment one stands beside a file that is not its own."""
    with suppress(FileNotFoundError):
        os.unlink(path + b".idx")


def _shard_writer(name: str) -> ShardWriter:
    # A record holds a header and the labels besides the image.
    limit = MAX_LENGTH - 2**16
    if name == "native":
        return ShardWriter(write_shard, limit)
    if name == "mxnet":
        from imagine_recordio import mxnet_writer

        mxnet_writer.require_mxnet()
        return ShardWriter(mxnet_writer.write_shard, limit)
    raise UsageError(f"argument --writer: unknown writer {name!r}; known are {', '.join(WRITERS)}")
