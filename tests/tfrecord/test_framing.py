"""The TFRecord frame, against its specification and a reader of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_tfrecord.framing import FRAME_BYTES, frame, masked_crc32c
from support import read_tfrecords


@pytest.mark.parametrize("data", [[b"123456789"], [b"1234", b"56789"], [b"", b"123456789", b""]])
def test_the_checksum_is_the_masked_crc_of_the_specification(data: list[bytes]) -> None:
    assert masked_crc32c(data) == 0xC78AB0E5


def test_a_record_is_tensorflows_bytes() -> None:
    assert b"".join(frame([b"12345", b"6789"])).hex() == (
        "0900000000000000"  # length
        "37f97139"  # its masked CRC
        "313233343536373839"
        "e5b08ac7"
    )


def test_the_data_is_not_copied() -> None:
    data = bytes(100)
    assert any(piece is data for piece in frame([b"head", data]))


@given(st.lists(st.lists(st.binary(max_size=40), max_size=3), max_size=5))
def test_records_read_back(records: list[list[bytes]]) -> None:
    file = b"".join(b"".join(frame(pieces)) for pieces in records)
    assert [record.data for record in read_tfrecords(file)] == [b"".join(r) for r in records]
    assert len(file) == sum(len(b"".join(r)) + FRAME_BYTES for r in records)
