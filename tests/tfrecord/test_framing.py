"""The TFRecord frame, against its specification and a reader of our own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagine_tfrecord.framing import HEAD_BYTES, TAIL_BYTES, close_frame, masked_crc32c
from support import read_tfrecords


def framed(data: bytes) -> bytes:
    record = bytearray(b"x" * HEAD_BYTES + data + b"x" * TAIL_BYTES)
    close_frame(memoryview(record))
    return bytes(record)


def test_the_checksum_is_the_masked_crc_of_the_specification() -> None:
    assert masked_crc32c(b"123456789") == 0xC78AB0E5


def test_a_record_is_tensorflows_bytes() -> None:
    assert framed(b"123456789").hex() == (
        "0900000000000000"  # length
        "37f97139"  # its masked CRC
        "313233343536373839"
        "e5b08ac7"
    )


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_records_read_back(records: list[bytes]) -> None:
    file = b"".join(map(framed, records))
    assert [record.data for record in read_tfrecords(file)] == records
    assert len(file) == sum(len(data) + 16 for data in records)
