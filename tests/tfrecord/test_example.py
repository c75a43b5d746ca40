"""tf.train.Example, against bytes that TensorFlow 2.21 made."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_tfrecord.example import varint
from imagine_tfrecord.schemas import Subject, find_schema


def example_head(labels: tuple[int, ...], size: int) -> bytes:
    """Return the Example of the basic schema up to where the image follows, as its end."""
    before, after = find_schema("basic").parts(Subject(b"x", labels, size, None))
    assert not after
    return before


# tf.train.Example(...).SerializeToString(deterministic=True) with image/encoded = [b"IMG"].
BY_TENSORFLOW = [
    (
        (),
        "0a360a1a0a11696d6167652f636c6173732f6c6162656c12051a030a01000a180a0d696d6167652f"
        "656e636f64656412070a050a03494d47",
    ),
    (
        (5,),
        "0a360a1a0a11696d6167652f636c6173732f6c6162656c12051a030a01050a180a0d696d6167652f"
        "656e636f64656412070a050a03494d47",
    ),
    (
        (300,),
        "0a370a1b0a11696d6167652f636c6173732f6c6162656c12061a040a02ac020a180a0d696d616765"
        "2f656e636f64656412070a050a03494d47",
    ),
    (
        (1, 5, 7),
        "0a380a1c0a11696d6167652f636c6173732f6c6162656c12071a050a030105070a180a0d696d6167"
        "652f656e636f64656412070a050a03494d47",
    ),
    (
        (2**62,),
        "0a3e0a220a11696d6167652f636c6173732f6c6162656c120d1a0b0a098080808080808080400a18"
        "0a0d696d6167652f656e636f64656412070a050a03494d47",
    ),
]


@pytest.mark.parametrize(("labels", "expected"), BY_TENSORFLOW)
def test_examples_are_tensorflows_bytes(labels: tuple[int, ...], expected: str) -> None:
    assert (example_head(labels, 3) + b"IMG").hex() == expected


def test_many_labels_are_not_kept_in_memory() -> None:
    tracemalloc.start()
    try:
        for start in range(200):
            example_head(tuple(range(start, start + 2_000)), 3)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 100_000


@given(st.integers(0, 2**64 - 1))
def test_varints_read_back(value: int) -> None:
    octets = varint(value)
    assert sum((octet & 0x7F) << 7 * i for i, octet in enumerate(octets)) == value
    assert [octet >> 7 for octet in octets] == [1] * (len(octets) - 1) + [0]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2**31 - 2**20])
def test_every_length_counts_what_follows(size: int) -> None:
    """Walk down the nested messages: each must end where the image does."""
    head = example_head((1, 2), size)
    end = len(head) + size
    offset = 0
    for tag, skip_entry in ((0x0A, False), (0x0A, True), (0x0A, False), (0x0A, True)):
        offset, length = field(head, offset, tag)
        if skip_entry:
            offset += length
            continue
        assert offset + length == end
    for tag in (0x12, 0x0A, 0x0A):
        offset, length = field(head, offset, tag)
        assert offset + length == end
    assert offset == len(head)


def field(data: bytes, offset: int, tag: int) -> tuple[int, int]:
    """Return where a length-delimited field's content begins, and its length."""
    assert data[offset] == tag
    length = shift = 0
    while True:
        offset += 1
        length |= (data[offset] & 0x7F) << shift
        shift += 7
        if data[offset] < 0x80:
            return offset + 1, length
