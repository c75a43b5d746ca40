"""`tf.train.Example` messages, written without TensorFlow and without copying an image.

The bytes are those of protobuf's deterministic serialization of example.proto and feature.proto in
tensorflow/core/example: features sorted by name, each list packed.
"""

from __future__ import annotations

from functools import lru_cache

# Tags of length-delimited fields (protobuf's encoding guide: field number << 3 | wire type 2).
_FIELD_1 = b"\x0a"  # Example.features, Features.feature, a map entry's key, a list's value
_FIELD_2 = b"\x12"  # a map entry's value
_BYTES_LIST = b"\x0a"  # Feature.bytes_list, field 1
_INT64_LIST = b"\x1a"  # Feature.int64_list, field 3

_LABEL = b"image/class/label"
_ENCODED = b"image/encoded"


def example_head(labels: tuple[int, ...], image_bytes: int) -> bytes:
    """Return the Example of an image up to where the image's own bytes follow, as its end.

    The features are `image/class/label`, int64 of shape (len(labels),), with [0] for no label, and
    `image/encoded`, bytes of shape (1,).
    """
    # Generated images have few different sizes; many labels are not worth remembering.
    return (_head if len(labels) > 1 else _remembered_head)(labels, image_bytes)


def _head(labels: tuple[int, ...], image_bytes: int) -> bytes:
    # From the inside out: every message around the image counts its bytes too.
    value = _FIELD_1 + varint(image_bytes)
    feature = _BYTES_LIST + varint(len(value) + image_bytes) + value
    entry = _ENCODED_KEY + _FIELD_2 + varint(len(feature) + image_bytes) + feature
    label = _label_feature(labels or (0,))
    features = label + _FIELD_1 + varint(len(entry) + image_bytes) + entry
    return _FIELD_1 + varint(len(features) + image_bytes) + features


def varint(value: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 as a base-128 varint."""
    octets = []
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _label_feature(labels: tuple[int, ...]) -> bytes:
    values = b"".join(varint(label) for label in labels)
    feature = _field(_INT64_LIST, _field(_FIELD_1, values))
    return _field(_FIELD_1, _field(_FIELD_1, _LABEL) + _field(_FIELD_2, feature))


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content


_remembered_head = lru_cache(maxsize=4096)(_head)
_ENCODED_KEY = _field(_FIELD_1, _ENCODED)
