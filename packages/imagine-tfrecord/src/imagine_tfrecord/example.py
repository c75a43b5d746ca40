"""`tf.train.Example` messages, written without TensorFlow and without copying an image.

The bytes are those of protobuf's deterministic serialization of example.proto and feature.proto in
tensorflow/core/example: features sorted by name, each list packed.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

# Tags of length-delimited fields (protobuf's encoding guide: field number << 3 | wire type 2).
_FIELD_1 = b"\x0a"  # Example.features, Features.feature, a map entry's key, a list's value
_FIELD_2 = b"\x12"  # a map entry's value

BYTES, FLOATS, INTEGERS = b"\x0a", b"\x12", b"\x1a"  # Feature's bytes, float and int64 list


class Feature(NamedTuple):
    """A feature of an Example: its name, which list it is, and the values in it."""

    name: bytes
    kind: bytes
    values: tuple[bytes, ...] | tuple[float, ...]


def example_parts(
    image: bytes, before: bytes, after: bytes, image_bytes: int
) -> tuple[bytes, bytes]:
    """Return what stands in an Example before the image's own bytes, and what after them.

    Parameters
    ----------
    image : bytes
        The name of the feature that is the image.
    before, after : bytes
        The entries of the features whose names come before and after it, in their order.
    image_bytes : int
        The size of the image.
    """
    # From the inside out: every message around the image counts its bytes too.
    value = _FIELD_1 + varint(image_bytes)
    feature = BYTES + varint(len(value) + image_bytes) + value
    entry = _field(_FIELD_1, image) + _FIELD_2 + varint(len(feature) + image_bytes) + feature
    features = before + _FIELD_1 + varint(len(entry) + image_bytes) + entry
    return _FIELD_1 + varint(len(features) + image_bytes + len(after)) + features, after


def encode(feature: Feature) -> bytes:
    """Return a feature as an entry of the map of features."""
    name, kind, values = feature
    if kind == BYTES:
        content = b"".join(_field(_FIELD_1, value) for value in values if isinstance(value, bytes))
    elif kind == FLOATS:
        content = _field(_FIELD_1, struct.pack(f"<{len(values)}f", *values))
    else:
        content = _field(_FIELD_1, b"".join(varint(int(value)) for value in values))
    entry = _field(_FIELD_1, name) + _field(_FIELD_2, _field(kind, content))
    return _field(_FIELD_1, entry)


def varint(value: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 as a base-128 varint."""
    octets = []
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content
