"""The same files through TensorFlow itself: for those who trust nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.output import OutputFile
from imagine_common.files.storage import indexed_file, output_file
from imagine_common.packers.records import Image, Shard
from imagine_common.text import show
from imagine_tfrecord.example import BYTES, FLOATS
from imagine_tfrecord.framing import FRAME_BYTES
from imagine_tfrecord.index import index_line
from imagine_tfrecord.schemas import Schema, Subject


def require_tensorflow() -> None:
    """Check that TensorFlow is installed, without the seconds that importing it takes.

    Raises
    ------
    UsageError
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            "argument --writer: TensorFlow is not installed;"
            " pip install 'imagine-tfrecord[tensorflow]', or leave the option out"
        )


def write_shard(
    schema: Schema, files: Sequence[bytes], images: Iterator[Image], fsync: bool
) -> Shard:
    """Write one TFRecord file, whole or not at all, with `tf.io.TFRecordWriter`, and its index."""
    tf = _import_tensorflow()
    if len(files) == 1:
        with output_file(files[0], fsync) as file:
            records = sum(1 for _ in _write_records(tf, schema, file, images))
            size = os.path.getsize(file.unfinished_path())
        return Shard(files[0], records, size)
    with indexed_file(files[0], files[1], fsync) as (file, index):
        records = offset = 0
        for position, length in _write_records(tf, schema, file, images):
            index.write([index_line(position, offset, length)])
            offset += length
            records += 1
        size = os.path.getsize(file.unfinished_path())
    return Shard(files[0], records, size + index.size)


def _write_records(
    tf: ModuleType, schema: Schema, file: OutputFile, images: Iterator[Image]
) -> Iterator[tuple[int, int]]:
    """Write records and yield each image's position and its record's size with its frame."""
    train = tf.train
    try:
        with tf.io.TFRecordWriter(file.unfinished_path()) as writer:
            for image in images:
                subject = Subject(image.path, image.labels, len(image.data), image.header)
                features = {
                    schema.image.decode(): train.Feature(
                        bytes_list=train.BytesList(value=[image.data])
                    )
                }
                for name, kind, values in schema.others(subject):
                    features[name.decode()] = _feature(train, kind, values)
                example = train.Example(features=train.Features(feature=features))
                record = example.SerializeToString(deterministic=True)
                writer.write(record)
                yield image.position, FRAME_BYTES + len(record)
    except tf.errors.OpError as error:
        raise ImagineError(f"{show(file.path)}: TensorFlow: {error.message}") from error


def _feature(train: Any, kind: int, values: tuple[Any, ...]) -> Any:
    if kind == BYTES:
        return train.Feature(bytes_list=train.BytesList(value=values))
    if kind == FLOATS:
        return train.Feature(float_list=train.FloatList(value=values))
    return train.Feature(int64_list=train.Int64List(value=map(int, values)))


def _import_tensorflow() -> ModuleType:
    """Import TensorFlow without its notes on stderr about processors, which no option stops.

    Raises
    ------
    ImagineError
        Where it is installed but can't be imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        return importlib.import_module("tensorflow")
    except Exception as error:
        raise ImagineError(f"--writer tensorflow: can't import TensorFlow: {error}") from error
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
