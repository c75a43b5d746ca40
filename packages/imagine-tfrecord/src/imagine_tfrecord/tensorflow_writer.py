"""Write the same files with TensorFlow's own writer."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from imagine_common.errors import ImagineError
from imagine_common.files.output import OutputFile
from imagine_common.packers.records import Image
from imagine_common.text import show
from imagine_tfrecord.example import BYTES, FLOATS, Feature
from imagine_tfrecord.framing import FRAME_BYTES
from imagine_tfrecord.shards import TFRecordFormat


class TensorFlowFormat(TFRecordFormat):
    """TFRecord files, written by `tf.io.TFRecordWriter`."""

    needs_local_files = True

    def append(self, file: OutputFile, images: Iterator[Image]) -> Iterator[tuple[int, int]]:
        """Write records to a file; yield each image's position and its record's size in bytes."""
        tf = _import_tensorflow()
        try:
            with tf.io.TFRecordWriter(file.unfinished_path()) as writer:
                for image in images:
                    example = tf.train.Example(features=self._features(tf.train, image))
                    record = example.SerializeToString(deterministic=True)
                    writer.write(record)
                    yield image.position, FRAME_BYTES + len(record)
        except tf.errors.OpError as error:
            raise ImagineError(f"{show(file.path)}: TensorFlow: {error.message}") from error

    def _features(self, train: Any, image: Image) -> Any:
        features = [Feature(self.schema.image_feature, BYTES, (image.data,))]
        features += self.schema.features(image)
        encoded = {name.decode(): _feature(train, kind, values) for name, kind, values in features}
        return train.Features(feature=encoded)


def _feature(train: Any, kind: int, values: tuple[Any, ...]) -> Any:
    if kind == BYTES:
        return train.Feature(bytes_list=train.BytesList(value=values))
    if kind == FLOATS:
        return train.Feature(float_list=train.FloatList(value=values))
    return train.Feature(int64_list=train.Int64List(value=map(int, values)))


def _import_tensorflow() -> ModuleType:
    """Import TensorFlow without its messages about processors on stderr, which no option stops."""
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
