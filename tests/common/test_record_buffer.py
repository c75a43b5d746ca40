"""The buffer between images and the files of records: every byte arrives, in order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagine_common.atomic import AtomicFile
from imagine_common.record_buffer import RecordBuffer

MIB = 1 << 20


@pytest.mark.parametrize(
    "lengths",
    [
        [],
        [0, 0],
        [1, 7, 1000],
        [MIB - 1, 1, 1],
        [MIB, MIB],
        [7, MIB, 7],
        [MIB // 2, MIB // 2 + 1, 3],
        [3 * MIB, 5, MIB + 1, 2 * MIB],
    ],
)
def test_records_arrive_in_order_at_their_offsets(tmp_path: Path, lengths: list[int]) -> None:
    path = tmp_path / "records"
    expected = b""
    with AtomicFile(os.fsencode(path)) as file, RecordBuffer(file) as buffer:
        for number, length in enumerate(lengths):
            assert buffer.offset == len(expected)
            record = buffer.reserve(length)
            assert len(record) == length
            record[:] = bytes([number]) * length
            buffer.commit(length)
            expected += bytes([number]) * length
    assert path.read_bytes() == expected
    assert file.size == len(expected)


def test_what_was_reserved_and_not_committed_is_not_written(tmp_path: Path) -> None:
    with AtomicFile(os.fsencode(tmp_path / "a")) as file, RecordBuffer(file) as buffer:
        buffer.reserve(3)[:] = b"abc"
        buffer.commit(3)
        buffer.reserve(5)[:] = b"wrong"
        buffer.reserve(2)[:] = b"de"
        buffer.commit(2)
        buffer.reserve(9)
    assert (tmp_path / "a").read_bytes() == b"abcde"


def test_small_records_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = []
    writev = os.writev

    def count(fd: int, buffers: list[memoryview]) -> int:
        writes.append(sum(map(len, buffers)))
        return writev(fd, buffers)

    monkeypatch.setattr(os, "writev", count)
    with AtomicFile(os.fsencode(tmp_path / "a")) as file, RecordBuffer(file) as buffer:
        for _ in range(400):
            buffer.reserve(10_000)
            buffer.commit(10_000)
    assert sum(writes) == 4_000_000
    assert len(writes) == 4


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with AtomicFile(os.fsencode(tmp_path / "a")) as file, RecordBuffer(file) as buffer:
            buffer.reserve(3)
            buffer.commit(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.listdir(tmp_path) == []
