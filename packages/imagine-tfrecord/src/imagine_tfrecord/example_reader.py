"""Read labels and names of features from `tf.train.Example` messages, without TensorFlow.

Images are not read. Messages are parsed as protobuf's encoding guide requires: unknown fields are
ignored, a field of the wrong wire type counts as unknown, and repeated occurrences of a message are
merged. Bytes that are not an Example are a `NoExampleError`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from typing import NamedTuple, TypeAlias

from imagine_common.files.reading import FileSlice
from imagine_tfrecord.example import BYTES, FEATURE, FEATURES, FLOATS, INTEGERS, ITEMS, KEY, VALUE

Source: TypeAlias = "bytes | FileSlice"

_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)  # protobuf's wire types
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES = 10
_MAX_DEPTH = 100
_MAX_MESSAGE_BYTES = 2**31 - 1
_MAX_KEY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
_LABEL = b"image/class/label"

_BAD_VARINTS = re.compile(rb"(?s)[\x80-\xff]{10}|[\x80-\xff]\Z")
_UNFINISHED = re.compile(rb"(?s)[\x80-\xff]{1,9}\Z")


class NoExampleError(Exception):
    """The bytes are not a message, or not one of this type."""


class _Field(NamedTuple):
    """A field of a message: its number and wire type, and the offsets of its content."""

    number: int
    wire: int
    begin: int
    end: int


class Example(NamedTuple):
    """The lowest and the highest label of an Example, and the name and list of features in it.

    If the labels are the same, there is one number; without a label, none. `images` are the offsets
    of the begin and the end of each image.
    """

    labels: list[int]
    features: frozenset[tuple[bytes, int]]
    images: list[tuple[int, int]]


def read_example(
    source: Source, size: int, names: Collection[bytes] = (), image_names: Collection[bytes] = ()
) -> Example:
    """Read the Example that begins a source and has a size in bytes, without the images.

    The label is `image/class/label`. Only features with one of the `names` are in the result, and
    images are in those with one of the `image_names`.
    """
    if size > _MAX_MESSAGE_BYTES:
        raise NoExampleError("over 2 GiB")
    lowest, highest = 1 << 64, -(1 << 64)
    found: set[tuple[bytes, int]] = set()
    images: list[tuple[int, int]] = []
    for features in _fields(source, 0, size, FEATURES):
        for entry in _fields(source, features.begin, features.end, FEATURE):
            for name, kind in _lists(source, entry):
                if name in names:
                    found.add((name, kind.number))
                if name in image_names and kind.number == BYTES:
                    items = _fields(source, kind.begin, kind.end, ITEMS)
                    images += [(item.begin, item.end) for item in items]
                for label in _integers(source, kind, name == _LABEL):
                    lowest, highest = min(lowest, label), max(highest, label)
    labels = sorted({lowest, highest}) if lowest <= highest else []
    return Example(labels, frozenset(found), images)


def _lists(source: Source, entry: _Field) -> Iterator[tuple[bytes, _Field]]:
    """Yield the name of an entry of the map of features, and each of its lists."""
    key = b""
    values = []
    for field in _fields(source, entry.begin, entry.end, KEY, VALUE):
        if field.number == KEY:
            key = _key(source, field)
        else:
            values.append(field)
    for value in values:
        for kind in _fields(source, value.begin, value.end, BYTES, FLOATS, INTEGERS):
            yield key, kind


def _key(source: Source, field: _Field) -> bytes:
    if field.end - field.begin > _MAX_KEY_BYTES:
        raise NoExampleError(f"the feature's name at byte {field.begin} is over 1 MiB")
    text = source[field.begin : field.end]
    try:
        text.decode()
    except UnicodeDecodeError:
        raise NoExampleError(f"the feature's name at byte {field.begin} is not UTF-8") from None
    return text


def _integers(source: Source, values: _Field, wanted: bool) -> Iterator[int]:
    """Check a list of values; yield them if they are integers and wanted."""
    for item in _fields(source, values.begin, values.end):
        if item.number != ITEMS:
            continue
        if values.number == FLOATS and item.wire == _LENGTH and (item.end - item.begin) % 4:
            raise NoExampleError(f"the list of floats at byte {item.begin} is cut off")
        if values.number == INTEGERS and item.wire == _VARINT and wanted:
            yield _Cursor(source, item.begin).integer()
        if values.number == INTEGERS and item.wire == _LENGTH:
            yield from _packed_integers(source, item, wanted)


def _packed_integers(source: Source, packed: _Field, wanted: bool) -> Iterator[int]:
    begin = packed.begin
    while begin < packed.end:
        piece = source[begin : min(begin + _PIECE_BYTES, packed.end)]
        if begin + len(piece) < packed.end:
            piece = _UNFINISHED.sub(b"", piece)
        if not piece or _BAD_VARINTS.search(piece):
            raise NoExampleError(f"the list of integers at byte {begin} is damaged")
        cursor = _Cursor(piece, 0)
        while wanted and cursor.offset < len(piece):
            yield cursor.integer()
        begin += len(piece)


def _fields(
    source: Source, begin: int, end: int, *numbers: int, group: int = 0, depth: int = 0
) -> Iterator[_Field]:
    """Yield the fields of a message, or only those that have a length and one of the numbers.

    Of a group, the field that ends it is yielded, too.
    """
    cursor = _Cursor(source, begin)
    while cursor.offset < end:
        tag = cursor.varint()
        number, wire = tag >> 3, tag & 7
        begin = cursor.offset
        if not 0 < number < 1 << 29:
            raise NoExampleError(f"invalid field number {number} before byte {begin}")
        if wire == _LENGTH:
            length = cursor.varint()
            begin = cursor.offset
            cursor.offset += length
        elif wire == _VARINT:
            cursor.varint()
        elif wire in _FIXED_BYTES:
            cursor.offset += _FIXED_BYTES[wire]
        elif wire == _GROUP and depth < _MAX_DEPTH:
            fields = _fields(source, begin, end, group=number, depth=depth + 1)
            cursor.offset = deque(fields, maxlen=1)[0].end
        elif wire != _END_GROUP or number != group:
            raise NoExampleError(f"a field of unknown type before byte {begin}")
        if cursor.offset > end:
            raise NoExampleError(f"the field at byte {begin} goes beyond the end of its message")
        if not numbers or (wire == _LENGTH and number in numbers):
            yield _Field(number, wire, begin, cursor.offset)
        if wire == _END_GROUP:
            return
    if group:
        raise NoExampleError("a group has no end")


class _Cursor:
    """Reads numbers from an offset on."""

    __slots__ = ("_source", "offset")

    def __init__(self, source: Source, offset: int) -> None:
        self.offset = offset
        self._source = source

    def varint(self) -> int:
        begin = self.offset
        octets = self._source[begin : begin + _MAX_VARINT_BYTES]
        if octets and octets[0] < 0x80:  # Most are short.
            self.offset = begin + 1
            return octets[0]
        value = 0
        for place, octet in enumerate(octets):
            value |= (octet & 0x7F) << 7 * place
            if octet < 0x80:
                self.offset = begin + place + 1
                return value & 2**64 - 1
        raise NoExampleError(f"the number at byte {begin} has no end")

    def integer(self) -> int:
        value = self.varint()
        return value - (1 << 64) if value >> 63 else value
