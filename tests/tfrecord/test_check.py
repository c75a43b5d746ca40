"""imagine-tfrecord --test: every changed bit is found, where it is."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from imagine_common.packers.checking import FileReport
from imagine_tfrecord import create_tfrecords
from imagine_tfrecord.check import check_tfrecord
from imagine_tfrecord.example import BYTES, INTEGERS, Feature, encode, varint
from imagine_tfrecord.framing import frame
from support import JPEG, read_tfrecords

FLIPS = 1000


def check(path: Path) -> FileReport:
    return check_tfrecord(os.fsencode(path))


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(12):
        (source / f"{number}.jpg").write_bytes(JPEG + bytes(number * 7))
    create_tfrecords(source, tmp_path, "r", 100)
    return tmp_path / "r0"


def test_good_file_is_reported(shard: Path) -> None:
    report = check(shard)
    assert (report.records, report.size, report.labels) == (12, shard.stat().st_size, (0, 0))
    assert (report.findings, report.remarks) == ((), ())


def test_a_thousand_flipped_bits_are_found_with_their_record(shard: Path) -> None:
    data = shard.read_bytes()
    starts = [record.offset for record in read_tfrecords(data)]
    rng = random.Random(1)
    for _ in range(FLIPS):
        place = rng.randrange(len(data))
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        shard.write_bytes(changed)
        number = sum(start <= place for start in starts) - 1
        (finding,) = check(shard).findings
        assert finding.startswith(f"{shard}: record {number} at byte {starts[number]}: the CRC of ")


def test_every_truncation_within_a_record_is_found(shard: Path) -> None:
    data = shard.read_bytes()
    starts = {record.offset for record in read_tfrecords(data)}
    for size in range(len(data) - 1, 0, -23):
        shard.write_bytes(data[:size])
        findings = check(shard).findings
        assert bool(findings) == (size not in starts)
        assert all("cut off: the file ends" in finding for finding in findings)


def test_records_after_one_with_wrong_data_are_read(shard: Path) -> None:
    data = bytearray(shard.read_bytes())
    data[50] ^= 1
    data[-5] ^= 1
    shard.write_bytes(data)
    first, last = check(shard).findings
    assert "record 0 at byte 0: the CRC of its data is wrong" in first
    assert "record 11 at byte " in last


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x1f\x8b" + bytes(30), "the file is compressed: gunzip it first"),
        (bytes(1000), "is it a TFRecord file?"),
        (b"short", "cut off: the file ends at byte 5"),
    ],
)
def test_other_files_are_bad(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(data)
    (finding,) = check(tmp_path / "x").findings
    assert words in finding


def test_a_length_beyond_all_files_needs_no_memory(tmp_path: Path) -> None:
    from imagine_tfrecord.framing import masked_crc32c

    length = struct.pack("<Q", 2**63)
    crc = struct.pack("<I", masked_crc32c([length]))
    (tmp_path / "x").write_bytes(length + crc + bytes(100))
    (finding,) = check(tmp_path / "x").findings
    assert "cut off" in finding


def test_records_larger_than_a_piece_are_checked_whole(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "0.jpg").write_bytes(JPEG + bytes(5_000_000))
    create_tfrecords(tmp_path / "source", tmp_path, "r", 1)
    report = check(tmp_path / "r0")
    assert (report.labels, report.findings, report.remarks) == ((0, 0), (), ())
    data = bytearray((tmp_path / "r0").read_bytes())
    data[3_000_000] ^= 1
    (tmp_path / "r0").write_bytes(data)
    (finding,) = check(tmp_path / "r0").findings
    assert "the CRC of its data is wrong" in finding


def test_records_that_are_not_examples_are_a_remark(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"".join(frame([b"text"]) * 3 + frame([b""])))
    report = check(tmp_path / "x")
    assert report.findings == ()
    (remark,) = report.remarks
    assert remark.startswith(f"{tmp_path}/x: 3 records not of tf.train.Example (first record 0: ")


def test_the_schema_of_other_programs_records_is_found(tmp_path: Path) -> None:
    basic = (b"image/encoded", BYTES, (b"x",)), (b"image/class/label", INTEGERS, (5,))
    records: dict[str, list[Any]] = {
        "basic": [*basic],
        "basic ": [*basic, (b"more", BYTES, (b"x",))],
        "unknown": [basic[0]],
        "unknown ": [(b"image/encoded", INTEGERS, (1,)), basic[1]],
    }
    for number, (name, features) in enumerate(records.items()):
        entries = b"".join(encode(Feature(*feature)) for feature in features)
        path = tmp_path / str(number)
        path.write_bytes(b"".join(frame([b"\x0a", varint(len(entries)), entries])))
        assert check(path).schemas == {name.strip()}
        findings = check_tfrecord(os.fsencode(path), schema="basic").findings
        assert bool(findings) == (name.strip() != "basic")
    (tmp_path / "text").write_bytes(b"".join(frame([b"text"])))
    (finding,) = check_tfrecord(os.fsencode(tmp_path / "text"), schema="basic").findings
    assert "record 0 at byte 0: not of tf.train.Example: " in finding


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:-1], " is b'', but its record's offset and size are b'"),
        (lambda lines: [*lines, b"9 9\n"], "it has more lines than the file has records"),
        (lambda lines: [b"1" + lines[0], *lines[1:]], "line 1 is b'10 "),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1 is "),
        (lambda lines: [lines[0], b"x\n", *lines[2:]], "line 2 is b'x\\n', but"),
        (lambda lines: [lines[0].replace(b"\n", b"\r\n"), *lines[1:]], "line 1 is b'0 "),
    ],
)
def test_an_index_is_compared(shard: Path, change: object, words: str) -> None:
    records = list(read_tfrecords(shard.read_bytes()))
    lines = [b"%d %d\n" % (record.offset, len(record.data) + 16) for record in records]
    index = shard.with_name("r0.idx")
    index.write_bytes(b"".join(lines))
    assert check(shard).findings == ()
    index.write_bytes(b"".join(change(lines)))  # type: ignore[operator]
    (finding,) = check(shard).findings
    assert finding.startswith(f"{index}: ")
    assert words in finding


def test_every_flipped_bit_of_an_index_is_found(shard: Path) -> None:
    records = list(read_tfrecords(shard.read_bytes()))
    data = b"".join(b"%d %d\n" % (record.offset, len(record.data) + 16) for record in records)
    index = shard.with_name("r0.idx")
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            index.write_bytes(changed)
            assert len(check(shard).findings) == 1, (place, bit)
