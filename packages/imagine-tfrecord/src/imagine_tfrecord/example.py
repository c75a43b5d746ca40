"""`tf.train.Example` messages, written without TensorFlow and without copying an image.

The bytes are those of protobuf's deterministic serialization of example.proto and feature.proto in
tensorflow/core/example: features sorted by name, each list packed.
"""

from __future__ import annotations

from collections.abc import Sequence

# Tags of length-delimited fields (protobuf's encoding guide: field number << 3 | wire type 2).
_FIELD_1 = b"\x0a"  # Example.features, Features.feature, a map entry's key, a list's value
_FIELD_2 = b"\x12"  # a map entry's value
_BYTES_LIST = b"\x0a"  # Feature.bytes_list, field 1
_INT64_LIST = b"\x1a"  # Feature.int64_list, field 3

_LABEL = b"image/class/label"
_ENCODED = b"image/encoded"


def example_head(labels: Sequence[int], image_bytes: int) -> bytes:
    """Return the Example of an image up to where the image's own bytes follow, as its end.

    The features are `image/class/label`, int64 of shape (len(labels),), with [0] for no label, and
    `image/encoded`, bytes of shape (1,).
    """
    values = b"".join(varint(label) for label in labels or (0,))
    label = _field(_FIELD_1, _LABEL) + _field(
        _FIELD_2, _field(_INT64_LIST, _field(_FIELD_1, values))
    )

    # From the inside out: every message around the image counts its bytes too.
    value = _field(_FIELD_1, b"", image_bytes)
    feature = _field(_BYTES_LIST, value, image_bytes)
    encoded = _field(_FIELD_1, _ENCODED) + _field(_FIELD_2, feature, image_bytes)
    features = _field(_FIELD_1, label) + _field(_FIELD_1, encoded, image_bytes)
    return _field(_FIELD_1, features, image_bytes)


def varint(value: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 as a base-128 varint."""
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _field(tag: bytes, content: bytes, following: int = 0) -> bytes:
    """Return a length-delimited field of which the last `following` bytes come later."""
    return tag + varint(len(content) + following) + content
