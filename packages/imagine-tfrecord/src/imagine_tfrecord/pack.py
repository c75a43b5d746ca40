"""Packing images into TFRecord files."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

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
from imagine_tfrecord import WRITERS
from imagine_tfrecord.example import example_head
from imagine_tfrecord.framing import frame

# A protobuf message is under 2 GiB; what else an Example holds is far under 1 MiB.
_MAX_IMAGE_BYTES = 2**31 - 2**20


def pack_tfrecords(
    source: Source, spec: PackSpec, writer: str = "native", workers: int | None = None
) -> Generator[Shard]:
    """Pack the images of a source into TFRecord files and yield each once it is complete.

    Each record is a `tf.train.Example` of `image/encoded`, the file as it is, and
    `image/class/label`, the labels, or [0].

    Parameters
    ----------
    source : imagine_common.sources.Source
        A manifest or a folder.
    spec : imagine_common.packing.PackSpec
    writer : {"native", "tensorflow"}
        Both write the same bytes.
    workers : int, optional
        Processes, each of which writes one file at a time. All usable processors unless given.

    Raises
    ------
    UsageError
        For an unknown writer, and for TensorFlow's where it is not installed.
    ImagineError
        For an image that can't be read or is none, and a target that can't be written. Files
        finished before stay.
    """
    return pack(source, spec, _shard_writer(writer), workers)


def create_tfrecords(
    source_path: str | bytes | os.PathLike[str],
    dest_path: str | bytes | os.PathLike[str],
    name: str,
    img_per_file: int,
    *,
    writer: str = "native",
    workers: int | None = None,
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

    Raises
    ------
    UsageError, ImagineError
        As `pack_tfrecords` does.
    """
    return pack_folder(source_path, dest_path, name, img_per_file, _shard_writer(writer), workers)


def write_shard(path: bytes, images: Iterator[Image]) -> Shard:
    """Write one TFRecord file, whole or not at all."""
    records = 0
    with AtomicFile(path) as file:
        for image in images:
            file.write(frame([example_head(image.labels, len(image.data)), image.data]))
            records += 1
    return Shard(path, records, file.size)


def _shard_writer(name: str) -> ShardWriter:
    if name == "native":
        return ShardWriter(write_shard, _MAX_IMAGE_BYTES)
    if name == "tensorflow":
        from imagine_tfrecord import tensorflow_writer

        tensorflow_writer.require_tensorflow()
        return ShardWriter(tensorflow_writer.write_shard, _MAX_IMAGE_BYTES)
    raise UsageError(f"argument --writer: unknown writer {name!r}; known are {', '.join(WRITERS)}")
