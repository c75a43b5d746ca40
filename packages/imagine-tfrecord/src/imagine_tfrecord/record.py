"""The record of an image: a `tf.train.Example` of a schema, in its frame."""

from __future__ import annotations

from imagine_common.packers.records import Image
from imagine_tfrecord.framing import FRAME_BYTES, frame
from imagine_tfrecord.schemas import Schema, Subject

_MAX_EXAMPLE_BYTES = 2**31 - 1  # protobuf's limit for any message
_MAX_HEADER_FEATURE_BYTES = 1024  # in an Example, the file's name not included


def image_record(schema: Schema, image: Image) -> list[bytes]:
    """Return an image's record in its frame, as buffers: the image itself is not copied."""
    before, after = schema.parts(Subject(image.path, image.labels, image.size, image.header))
    return frame([before, image.data, after] if after else [before, image.data])


def record_size(schema: Schema, image: Image) -> int:
    """Return the bytes of an image's record in its frame."""
    subject = Subject(image.path, image.labels, image.size, image.header)
    return FRAME_BYTES + sum(map(len, schema.parts(subject))) + image.size


def image_limit(schema: Schema, image: Image) -> int:
    """Return the largest size in bytes of an image with this image's path and labels.

    Raises
    ------
    ImagineError
        If the schema can't hold the labels.
    """
    schema.require_labels(image)
    if schema.examine is not None:
        return _MAX_EXAMPLE_BYTES - _MAX_HEADER_FEATURE_BYTES - len(image.path)
    subject = Subject(image.path, image.labels, _MAX_EXAMPLE_BYTES, None)
    return _MAX_EXAMPLE_BYTES - sum(map(len, schema.parts(subject)))
