"""The record of an image: a `tf.train.Example` of a schema, in its frame."""

from __future__ import annotations

from imagine_common.packers.records import Image
from imagine_tfrecord.framing import FRAME_BYTES, frame
from imagine_tfrecord.schemas import Schema


def image_record(schema: Schema, image: Image) -> list[bytes]:
    """Return an image's record in its frame, as buffers: the image itself is not copied."""
    before, after = schema.surroundings(image)
    return frame([before, image.data, after] if after else [before, image.data])


def record_size(schema: Schema, image: Image) -> int:
    """Return the bytes of an image's record in its frame."""
    return FRAME_BYTES + sum(map(len, schema.surroundings(image))) + image.size
