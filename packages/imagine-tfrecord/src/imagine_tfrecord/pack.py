"""Packing images into TFRecord files."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

from imagine_common.atomic import AtomicFile
from imagine_common.errors import UsageError
from imagine_common.manifest import Entry
from imagine_common.packers.packing import (
    Image,
    ImageInfo,
    PackSpec,
    PackSummary,
    RecordFormat,
    Shard,
    pack,
    pack_folder,
)
from imagine_common.packers.resume import match_records
from imagine_common.packers.sources import Source
from imagine_common.packers.tar_source import TarSource
from imagine_tfrecord import WRITERS
from imagine_tfrecord.example import example_head
from imagine_tfrecord.framing import FRAME_BYTES, frame

_MAX_EXAMPLE_BYTES = 2**31 - 1  # protobuf's limit for any message


def pack_tfrecords(
    source: Source | TarSource, spec: PackSpec, writer: str = "native", workers: int | None = None
) -> Generator[Shard]:
    """Pack the images of a source into TFRecord files and yield each once it is complete.

    Each record is a `tf.train.Example` of `image/encoded`, the file as it is, and
    `image/class/label`, the labels, or [0].

    Parameters
    ----------
    source : imagine_common.packers.sources.Source or imagine_common.packers.tar_source.TarSource
        A manifest, a folder or a tar stream.
    spec : imagine_common.packers.packing.PackSpec
    writer : {"native", "tensorflow"}
        Both write the same bytes.
    workers : int, optional
        Processes, each of which writes one file at a time. All usable processors unless given.

    Raises
    ------
    UsageError
        For an unknown writer, and for TensorFlow's where it is not installed.
    ImagineError
        For an image that can't be packed, unless such are skipped; a file that can't be resumed;
        and a target that can't be written. Files finished before stay.
    """
    return pack(source, spec, _record_format(writer), workers)


def create_tfrecords(
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

    Raises
    ------
    UsageError, ImagineError
        As `pack_tfrecords` does.
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
    """Write one TFRecord file, whole or not at all."""
    records = 0
    with AtomicFile(path, fsync) as file:
        for image in images:
            file.write(_record(image))
            records += 1
    return Shard(path, records, file.size)


def match_shard(path: bytes, images: Iterator[ImageInfo]) -> Shard:
    """Return the shard that a file is, which must be that of these images.

    Raises
    ------
    ImagineError
        As `match_records` does.
    """
    return match_records(path, images, _record, _record_size)


def _record(image: Image) -> list[bytes]:
    return frame([example_head(image.labels, len(image.data)), image.data])


def _record_size(image: ImageInfo, _fd: int, _offset: int) -> int:
    return FRAME_BYTES + len(example_head(image.labels, image.size)) + image.size


def _image_limit(entry: Entry) -> int:
    return _MAX_EXAMPLE_BYTES - len(example_head(entry.labels, _MAX_EXAMPLE_BYTES))


def _record_format(writer: str) -> RecordFormat:
    form = RecordFormat((b"",), write_shard, match_shard, _image_limit)
    if writer == "native":
        return form
    if writer == "tensorflow":
        from imagine_tfrecord import tensorflow_writer

        tensorflow_writer.require_tensorflow()
        return form._replace(write=tensorflow_writer.write_shard)
    raise UsageError(
        f"argument --writer: unknown writer {writer!r}; known are {', '.join(WRITERS)}"
    )
