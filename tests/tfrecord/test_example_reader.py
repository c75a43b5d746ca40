"""Reading Examples as protobuf does; the conformance tests compare with protobuf itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_common.files.reading import FileSlice, RegularFile
from imagine_common.packers.records import Image
from imagine_tfrecord.example import FLOATS, INTEGERS
from imagine_tfrecord.example_reader import NoExampleError, read_example
from imagine_tfrecord.schemas import find_schema


def example_head(labels: tuple[int, ...], size: int) -> bytes:
    """Return the Example of the basic schema up to where the image follows, as its end."""
    before, after = find_schema("basic").surroundings(Image(0, b"x", labels, size))
    assert not after
    return before


def example(*features: bytes) -> bytes:
    body = b"".join(b"\x0a" + bytes((len(entry),)) + entry for entry in features)
    return b"\x0a" + bytes((len(body),)) + body


def label(feature: bytes, key: bytes = b"image/class/label") -> bytes:
    return b"\x0a" + bytes((len(key),)) + key + b"\x12" + bytes((len(feature),)) + feature


@given(labels=st.lists(st.integers(0, 2**63 - 1), max_size=9), size=st.integers(0, 300))
def test_written_entries_read_back(labels: list[int], size: int) -> None:
    data = example_head(tuple(labels), size) + bytes(size)
    found = read_example(data, len(data)).labels
    assert (min(found), max(found)) == (min(labels or [0]), max(labels or [0]))


GOOD = [
    (b"", []),
    (example(label(b"\x1a\x04\x0a\x02\x03\x05")), [3, 5]),
    (example(label(b"\x1a\x04\x08\x03\x08\x05")), [3, 5]),  # not packed
    (example(label(b"\x1a\x0b\x08" + b"\xff" * 9 + b"\x01")), [-1]),
    (example(label(b"\x1a\x02\x0a\x00")), []),
    (example(label(b"\x12\x06\x0a\x04abcd")), []),  # floats
    (example(label(b"\x1a\x03\x0a\x01\x07", b"other")), []),
    (b"\x12\x01x" + example(), []),  # an unknown field
    (b"\x15abcd\x11abcdefgh\x18\x05", []),
    (b"\x1b\x23\x08\x01\x24\x1c", []),  # groups
    (b"\x08\x05", []),  # a known field of another type
    (example(label(b"\x3a\x01\xff")), []),  # an unknown field of a feature
    (example(b"\x12\x06\x1a\x04\x0a\x02\x03\x05" + label(b"")[:19]), [3, 5]),  # key last
]


@pytest.mark.parametrize(("data", "labels"), GOOD)
def test_messages_are_read(tmp_path: Path, data: bytes, labels: list[int]) -> None:
    assert read_example(data, len(data)).labels == labels
    path = tmp_path / "x"
    path.write_bytes(b"before" + data + b"after")
    with RegularFile(bytes(path), "a message") as file:
        assert read_example(FileSlice(file.read_at, 6), len(data)).labels == labels


BAD = [
    b"\x0a",
    b"\x0a\x05abc",
    b"\x0a\xff",
    b"\x00\x00",  # field 0
    b"\x0b",  # a group without an end
    b"\x0b\x14",  # ... with another's
    b"\x0c",  # an end without a group
    b"\x0e\x00",  # wire type 6
    b"\xff" * 11,
    b"\x1b" * 200 + b"\x1c" * 200,  # too deep
    example(b"\x0a\x01\xff"),  # no UTF-8
    example(label(b"\x12\x05\x0a\x03abc")),
    example(label(b"\x1a\x03\x0a\x01\x80")),
    example(label(b"\x1a\x0d\x0a\x0b" + b"\xff" * 10 + b"\x01")),
]


@pytest.mark.parametrize("data", BAD)
def test_an_invalid_message_is_refused(data: bytes) -> None:
    with pytest.raises(NoExampleError):
        read_example(data, len(data))


def test_features_are_found_by_name_and_list() -> None:
    data = example(
        label(b"\x1a\x02\x0a\x00"), label(b"\x12\x06\x0a\x04abcd", b"x"), label(b"", b"y")
    )
    names = {b"image/class/label", b"x", b"y", b"z"}
    found = read_example(data, len(data), names).features
    assert found == {(b"image/class/label", INTEGERS), (b"x", FLOATS)}
    assert read_example(data, len(data), {b"x"}).features == {(b"x", FLOATS)}


def test_long_lists_are_read_in_pieces(tmp_path: Path) -> None:
    labels = tuple(range(100, 400_000))
    data = example_head(labels, 0)
    path = tmp_path / "x"
    path.write_bytes(data)
    with RegularFile(bytes(path), "a message") as file:
        assert read_example(FileSlice(file.read_at, 0), len(data)).labels == [100, 399_999]
