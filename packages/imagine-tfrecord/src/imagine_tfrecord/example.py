"""Write `tf.train.Example` messages without TensorFlow and without copying the image.

The bytes are those of protobuf's deterministic serialization of example.proto and feature.proto in
tensorflow/core/example: features sorted by name, each list packed.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

# Field numbers of the messages, from the outside in.
FEATURES = 1  # in Example
FEATURE = 1  # in Features: an entry of a map from names to features
KEY, VALUE = 1, 2  # in such an entry
BYTES, FLOATS, INTEGERS = 1, 2, 3  # in Feature: the list with its values
ITEMS = 1  # in each of the lists

_LENGTH = 2  # protobuf's wire type of all these fields
_TAGS = [bytes((number << 3 | _LENGTH,)) for number in range(4)]


class Feature(NamedTuple):
    """A feature of an Example: its name, the list it uses (`BYTES`, …), and the values in it."""

    name: bytes
    kind: int
    values: tuple[bytes, ...] | tuple[float, ...]


class Surroundings(NamedTuple):
    """The bytes before and after an image, or before and after the feature that holds it."""

    before: bytes
    after: bytes


def encode_features(image_feature: bytes, features: list[Feature]) -> Surroundings:
    """Return the encoded features whose names sort before and after that of the image."""
    ordered = sorted(features)
    return Surroundings(
        b"".join(encode(feature) for feature in ordered if feature.name < image_feature),
        b"".join(encode(feature) for feature in ordered if feature.name > image_feature),
    )


def surround(image_feature: bytes, features: Surroundings, size: int) -> Surroundings:
    """Return the bytes of an Example before and after an image of `size` bytes.

    `features` are the encoded features around `image_feature`, which holds the image.
    """
    # From the inside out: the length of every message around the image includes the image.
    before, after = features
    value = _TAGS[ITEMS] + varint(size)
    feature = _TAGS[BYTES] + varint(len(value) + size) + value
    entry = _field(KEY, image_feature) + _TAGS[VALUE] + varint(len(feature) + size) + feature
    before += _TAGS[FEATURE] + varint(len(entry) + size) + entry
    return Surroundings(_TAGS[FEATURES] + varint(len(before) + size + len(after)) + before, after)


def encode(feature: Feature) -> bytes:
    """Return a feature as an entry of the map of features."""
    name, kind, values = feature
    if kind == BYTES:
        content = b"".join(_field(ITEMS, value) for value in values if isinstance(value, bytes))
    elif kind == FLOATS:
        content = _field(ITEMS, struct.pack(f"<{len(values)}f", *values))
    else:
        content = _field(ITEMS, b"".join(varint(int(value)) for value in values))
    return _field(FEATURE, _field(KEY, name) + _field(VALUE, _field(kind, content)))


def varint(value: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 as a base-128 varint."""
    octets = []
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _field(number: int, content: bytes) -> bytes:
    return _TAGS[number] + varint(len(content)) + content
