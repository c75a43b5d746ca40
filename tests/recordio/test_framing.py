"""The RecordIO frame, against bytes that MXNet 1.9.1 made and a reader of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_common.errors import ImagineError
from imagine_recordio.framing import HEAD_BYTES, MAGIC, close_frame, record_bytes, split_frame
from support import read_recordio

MAGIC_BYTES = MAGIC.to_bytes(4, "little")


def close(data: bytes) -> tuple[bytes, list[int]]:
    record = bytearray(b"x" * record_bytes(len(data)))
    record[HEAD_BYTES : HEAD_BYTES + len(data)] = data
    cuts = close_frame(memoryview(record), len(data))
    return bytes(record), cuts


def framed(data: bytes) -> bytes:
    record, cuts = close(data)
    return split_frame(data, cuts) if cuts else record


# Here M stands for the magic number's bytes.
BY_MXNET = [
    (b"", "0a23d7ce 00000000"),
    (b"xyzab", "0a23d7ce 05000000 78797a6162000000"),
    (b"aM", "0a23d7ce 05000000 610a23d7ce000000"),
    (b"M", "0a23d7ce 00000020 0a23d7ce 00000060"),
    (b"MM", "0a23d7ce 00000020 0a23d7ce 00000040 0a23d7ce 00000060"),
    (b"abcdM", "0a23d7ce 04000020 61626364 0a23d7ce 00000060"),
    (b"Mab", "0a23d7ce 00000020 0a23d7ce 02000060 61620000"),
    (b"abcdMefgh", "0a23d7ce 04000020 61626364 0a23d7ce 04000060 65666768"),
    (b"abcdMe", "0a23d7ce 04000020 61626364 0a23d7ce 01000060 65000000"),
]


@pytest.mark.parametrize(("data", "expected"), BY_MXNET)
def test_records_are_mxnets_bytes(data: bytes, expected: str) -> None:
    data = data.replace(b"M", MAGIC_BYTES)
    assert framed(data) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("data", "offsets"),
    [
        (b"", []),
        (b"M", [0]),
        (b"abcM", []),
        (b"abcdM", [4]),
        (b"aMabcMabM", [8]),
        (b"abcdMefghMM", [4, 12, 16]),
    ],
)
def test_the_magic_number_is_found_at_multiples_of_four_only(
    data: bytes, offsets: list[int]
) -> None:
    assert close(data.replace(b"M", MAGIC_BYTES))[1] == offsets


@pytest.mark.parametrize(("length", "size"), [(0, 8), (1, 12), (4, 12), (5, 16)])
def test_a_record_has_a_head_and_is_padded(length: int, size: int) -> None:
    assert record_bytes(length) == size


def test_data_that_29_bits_cannot_count_is_refused() -> None:
    assert record_bytes(2**29 - 1) == 2**29 + 8
    with pytest.raises(ImagineError, match="a record of 536870912 bytes is over"):
        record_bytes(2**29)


words = st.sampled_from([MAGIC_BYTES, MAGIC_BYTES[:2], MAGIC_BYTES[1:], b"a", b"abcd", bytes(4)])
payloads = st.lists(words, max_size=12).map(b"".join)


@given(st.lists(payloads, max_size=4))
def test_records_read_back_whatever_they_hold(records: list[bytes]) -> None:
    file = b"".join(map(framed, records))
    assert len(file) % 4 == 0
    assert [record.data for record in read_recordio(file)] == records
