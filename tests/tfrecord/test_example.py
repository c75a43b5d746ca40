"""tf.train.Example, against bytes that TensorFlow 2.21 made."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_common.files.image_headers import Header
from imagine_common.packers.records import Image
from imagine_tfrecord.example import varint
from imagine_tfrecord.schemas import find_schema


def example_head(labels: tuple[int, ...], size: int) -> bytes:
    """Return the Example of the basic schema up to where the image follows, as its end."""
    before, after = find_schema("basic").surroundings(Image(0, b"x", labels, size))
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

# The same, of the features that the schema imagenet has, for d/cat.jpg of 500x375 with label 7.
IMAGENET_BY_TENSORFLOW = (
    "0acc030a170a0e696d6167652f6368616e6e656c7312051a030a01030a1a0a11696d6167652f636c6173732f6c6162"
    "656c12051a030a01070a230a12696d6167652f636c6173732f73796e736574120d0a0b0a096e30303030303030370a"
    "1f0a10696d6167652f636c6173732f74657874120b0a090a07636c6173735f370a1b0a10696d6167652f636f6c6f72"
    "737061636512070a050a035247420a180a0d696d6167652f656e636f64656412070a050a03494d470a1d0a0e696d61"
    "67652f66696c656e616d65120b0a090a076361742e6a70670a180a0c696d6167652f666f726d617412080a060a044a"
    "5045470a160a0c696d6167652f68656967687412061a040a02f7020a200a17696d6167652f6f626a6563742f62626f"
    "782f6c6162656c12051a030a01070a220a16696d6167652f6f626a6563742f62626f782f786d6178120812060a0400"
    "00803f0a220a16696d6167652f6f626a6563742f62626f782f786d696e120812060a04000000000a220a16696d6167"
    "652f6f626a6563742f62626f782f796d6178120812060a040000803f0a220a16696d6167652f6f626a6563742f6262"
    "6f782f796d696e120812060a04000000000a150a0b696d6167652f776964746812061a040a02f403"
)
DLIO_BY_TENSORFLOW = "0a210a100a05696d61676512070a050a03494d470a0d0a0473697a6512051a030a0103"


@pytest.mark.parametrize(
    ("schema", "expected"), [("imagenet", IMAGENET_BY_TENSORFLOW), ("dlio", DLIO_BY_TENSORFLOW)]
)
def test_other_schemas_are_tensorflows_bytes(schema: str, expected: str) -> None:
    image = Image(0, b"d/cat.jpg", (7,), 3, header=Header("jpg", 500, 375, "RGB", 3))
    before, after = find_schema(schema).surroundings(image)
    assert (before + b"IMG" + after).hex() == expected


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
def test_every_length_counts_the_bytes_after_it(size: int) -> None:
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
