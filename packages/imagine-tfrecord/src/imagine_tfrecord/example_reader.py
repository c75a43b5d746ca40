"""Reading `tf.train.Example` messages without TensorFlow, and without the images in them.

As protobuf's parsers do, by its encoding guide: unknown fields are passed over, fields of the wrong
type are unknown, of a repeated message field both count.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

from imagine_common.files.reading import FileSlice

Source: TypeAlias = "bytes | FileSlice"
Field: TypeAlias = tuple[int, int, int, int]  # number, wire type, begin and end of what it holds

_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES = 10
_MAX_DEPTH = 100
_MAX_MESSAGE_BYTES = 2**31 - 1
_MAX_KEY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16

_BAD_VARINTS = re.compile(rb"(?s)[\x80-\xff]{10}|[\x80-\xff]\Z")
_CONTINUED = re.compile(rb"(?s)[\x80-\xff]{1,9}\Z")
_VARINTS = re.compile(rb"(?s)[\x80-\xff]*[\x00-\x7f]")

_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3  # Feature's fields
_LABEL = b"image/class/label"


class NoExampleError(Exception):
    """Bytes are no message, or none of this type."""


def read_labels(source: Source, size: int) -> list[int]:
    """Return the values of `image/class/label` in an Example; only the least and the greatest.

    Parameters
    ----------
    source : bytes or FileSlice
        What begins with the message.
    size : int
        The message's, in bytes.

    Raises
    ------
    NoExampleError
        Where the bytes are no Example.
    """
    if size > _MAX_MESSAGE_BYTES:
        raise NoExampleError("over 2 GiB")
    labels: list[int] = []
    for begin, end in _messages(source, 0, size, 1):  # Example.features
        for entry in _messages(source, begin, end, 1):  # Features.feature
            labels = _spread([*labels, *_entry_labels(source, *entry)])
    return labels


def _entry_labels(source: Source, begin: int, end: int) -> list[int]:
    """Check an entry of the map of features and return its labels, where it is the one of these."""
    key = b""
    values: list[tuple[int, int]] = []
    for number, wire, first, last in _fields(source, begin, end):
        if wire == _LENGTH and number == 1:
            key = _text(source, first, last)
        if wire == _LENGTH and number == 2:
            values.append((first, last))
    labels: list[int] = []
    for first, last in values:
        labels = _spread([*labels, *_feature_values(source, first, last, key == _LABEL)])
    return labels


def _feature_values(source: Source, begin: int, end: int, wanted: bool) -> list[int]:
    """Check a Feature and return, if wanted, the least and greatest value of its int64 list."""
    values: list[int] = []
    for kind, wire, first, last in _fields(source, begin, end):
        if wire != _LENGTH or kind not in (_BYTES_LIST, _FLOAT_LIST, _INT64_LIST):
            continue
        for number, item_wire, item, item_end in _fields(source, first, last):
            if number != 1:
                continue
            if kind == _FLOAT_LIST and item_wire == _LENGTH and (item_end - item) % 4:
                raise NoExampleError(f"a list of floats at byte {item} is cut off")
            if kind == _INT64_LIST and item_wire == _VARINT and wanted:
                values = _spread([*values, _signed(_varint(source, item, item_end)[0])])
            if kind == _INT64_LIST and item_wire == _LENGTH:
                values = _spread([*values, *_packed(source, item, item_end, wanted)])
    return values


def _messages(source: Source, begin: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Yield where each message of a field begins and ends."""
    for found, wire, first, last in _fields(source, begin, end):
        if found == number and wire == _LENGTH:
            yield first, last


def _fields(
    source: Source, begin: int, end: int, group: int = 0, depth: int = 0
) -> Iterator[Field]:
    """Yield the fields of a message, or of a group, whose last one is its end."""
    while begin < end:
        tag, begin = _varint(source, begin, end)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise NoExampleError(f"no field has the number {number}, before byte {begin}")
        first = begin
        if wire == _VARINT:
            begin = _varint(source, begin, end)[1]
        elif wire == _LENGTH:
            length, first = _varint(source, begin, end)
            begin = first + length
        elif wire in _FIXED_BYTES:
            begin += _FIXED_BYTES[wire]
        elif wire == _GROUP and depth < _MAX_DEPTH:
            inner = _fields(source, begin, end, number, depth + 1)
            begin = deque(inner, maxlen=1)[0][3]
        elif wire != _END_GROUP or number != group:
            raise NoExampleError(f"a field of an unknown type before byte {begin}")
        if begin > end:
            raise NoExampleError(f"a field at byte {first} goes beyond its message's end")
        yield number, wire, first if wire != _END_GROUP else begin, begin
        if wire == _END_GROUP:
            return
    if group:
        raise NoExampleError("a group has no end")


def _varint(source: Source, begin: int, end: int) -> tuple[int, int]:
    """Return a varint and where it ends."""
    value = 0
    for place, octet in enumerate(source[begin : min(begin + _MAX_VARINT_BYTES, end)]):
        value |= (octet & 0x7F) << 7 * place
        if octet < 0x80:
            return value & 2**64 - 1, begin + place + 1
    raise NoExampleError(f"the number at byte {begin} has no end")


def _packed(source: Source, begin: int, end: int, wanted: bool) -> list[int]:
    """Check a packed list of int64 and return, if wanted, its least and greatest value."""
    values: list[int] = []
    while begin < end:
        piece = source[begin : min(begin + _PIECE_BYTES, end)]
        if begin + len(piece) < end:  # A piece ends where a number does.
            piece = _CONTINUED.sub(b"", piece)
        if not piece or _BAD_VARINTS.search(piece):
            raise NoExampleError(f"the list of numbers at byte {begin} is broken")
        if wanted:
            varints = _VARINTS.findall(piece)
            values += [_signed(_varint(varint, 0, len(varint))[0]) for varint in varints]
            values = _spread(values)
        begin += len(piece)
    return values


def _text(source: Source, begin: int, end: int) -> bytes:
    if end - begin > _MAX_KEY_BYTES:
        raise NoExampleError(f"the feature's name at byte {begin} is over 1 MiB")
    text = source[begin:end]
    try:
        text.decode()
    except UnicodeDecodeError:
        raise NoExampleError(f"the feature's name at byte {begin} is no UTF-8") from None
    return text


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _spread(values: list[int]) -> list[int]:
    return [min(values), max(values)] if len(values) > 2 else values
