"""The same files through TensorFlow itself: for those who trust nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from types import ModuleType

from imagine_common.atomic import AtomicFile
from imagine_common.errors import ImagineError, UsageError, show
from imagine_common.packers.packing import Image, Shard


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


def write_shard(path: bytes, images: Iterator[Image], fsync: bool) -> Shard:
    """Write one TFRecord file, whole or not at all, with `tf.io.TFRecordWriter`."""
    tf = _import_tensorflow()
    train = tf.train
    records = 0
    with AtomicFile(path, fsync) as file:
        try:
            with tf.io.TFRecordWriter(file.temporary) as writer:
                for image in images:
                    features = {
                        "image/encoded": train.Feature(
                            bytes_list=train.BytesList(value=[image.data])
                        ),
                        "image/class/label": train.Feature(
                            int64_list=train.Int64List(value=image.labels or (0,))
                        ),
                    }
                    example = train.Example(features=train.Features(feature=features))
                    writer.write(example.SerializeToString(deterministic=True))
                    records += 1
        except tf.errors.OpError as error:
            raise ImagineError(f"{show(path)}: TensorFlow: {error.message}") from error
        size = os.path.getsize(file.temporary)
    return Shard(path, records, size)


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
