"""The RecordIO frame, against bytes that MXNet 1.9.1 made and a reader of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_recordio.framing import MAGIC_BYTES, frame, magic_offsets
from support import read_recordio

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
    assert b"".join(frame([data])) == bytes.fromhex(expected)


def test_a_magic_number_across_two_pieces_at_an_odd_offset_stays() -> None:
    record = b"".join(frame([b"ab" + MAGIC_BYTES[:2], MAGIC_BYTES[2:] + b"cd"]))
    assert record == bytes.fromhex("0a23d7ce 08000000 6162 0a23d7ce 6364")


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
    assert magic_offsets(data.replace(b"M", MAGIC_BYTES)) == offsets


def test_the_data_is_not_copied() -> None:
    data = bytes(100)
    assert any(piece is data for piece in frame([b"head", data]))


words = st.sampled_from([MAGIC_BYTES, MAGIC_BYTES[:2], MAGIC_BYTES[1:], b"a", b"abcd", bytes(4)])
payloads = st.lists(words, max_size=12).map(b"".join)
heads = st.lists(st.sampled_from([MAGIC_BYTES, b"head", bytes(4)]), max_size=4).map(b"".join)


@given(st.lists(st.tuples(heads, payloads), max_size=4))
def test_records_of_any_bytes_read_back(records: list[tuple[bytes, bytes]]) -> None:
    file = b"".join(b"".join(frame(list(pieces))) for pieces in records)
    assert len(file) % 4 == 0
    assert [record.data for record in read_recordio(file)] == [b"".join(r) for r in records]
