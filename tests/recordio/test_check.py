"""imagine-recordio --test: all that the format can show."""

from __future__ import annotations

import os
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imagine_common.packers.checking import FileReport
from imagine_recordio import create_recordio
from imagine_recordio.check import check_recordio
from imagine_recordio.framing import frame
from support import JPEG, PNG, Record, read_recordio, run

MAGIC = b"\x0a\x23\xd7\xce"
GIF = b"GIF89a" + bytes(7) + b";"
BMP = b"BM" + struct.pack("<IIII", 26 + 33, 0, 26, 12) + bytes(8 + 33)


def check(path: Path) -> FileReport:
    return check_recordio(os.fsencode(path))


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Pack images of every length modulo 4, with known ends, some of which have to be cut."""
    source = tmp_path / "source"
    source.mkdir()
    for number in range(24):
        cut = b"\xff\xfe" + struct.pack(">H", 2 + 2 + 12) + b"xx" + (MAGIC + b"yyyy") * 2
        comment = b"\xff\xfe" + struct.pack(">H", 2 + number) + b"c" * number
        inside = cut[:14] if number % 5 == 0 else b""
        data = (JPEG[:2] + inside + comment + JPEG[2:], PNG, GIF, BMP)[
            number % 4 if number > 8 else 0
        ]
        (source / f"{number}.jpg").write_bytes(data)
    create_recordio(source, tmp_path, "r", 100)
    return tmp_path / "r0.rec"


def heads(data: bytes) -> list[int]:
    """Return the offsets of all parts."""
    offsets = []
    offset = 0
    while offset < len(data):
        offsets.append(offset)
        length = struct.unpack_from("<I", data, offset + 4)[0] & 2**29 - 1
        offset += 8 + length + -length % 4
    return offsets


def flipped(data: bytes, place: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


def test_good_file_is_reported(shard: Path) -> None:
    report = check(shard)
    assert (report.records, report.size, report.labels) == (24, shard.stat().st_size, (0, 0))
    assert (report.findings, report.remarks) == ((), ())
    assert len(heads(shard.read_bytes())) > 24


def test_every_flip_in_magic_flag_and_length_is_found(shard: Path) -> None:
    """Lengths that stay within the padding too: the images here have ends that show them."""
    data = shard.read_bytes()
    for offset in heads(data):
        for place in range(offset, offset + 8):
            for bit in range(8):
                shard.write_bytes(flipped(data, place, bit))
                report = check(shard)
                assert report.findings or report.remarks, (offset, place - offset, bit)


def test_a_finding_names_the_record_and_its_byte(shard: Path) -> None:
    data = shard.read_bytes()
    records: list[Record] = list(read_recordio(data))
    shard.write_bytes(flipped(data, records[5].offset, 3))
    (finding,) = check(shard).findings
    assert finding.startswith(f"{shard}: record 5 at byte {records[5].offset}: no magic number")


def test_every_flip_in_the_index_is_found(shard: Path) -> None:
    index = shard.with_suffix(".idx")
    data = index.read_bytes()
    for place in range(len(data)):
        for bit in range(8):
            index.write_bytes(flipped(data, place, bit))
            (finding,) = check(shard).findings
            assert finding.startswith(f"{index}: "), (place, bit)


def test_a_flip_in_padding_is_found(shard: Path) -> None:
    data = shard.read_bytes()
    for offset in heads(data):
        length = struct.unpack_from("<I", data, offset + 4)[0] & 2**29 - 1
        for place in range(offset + 8 + length, offset + 8 + length + -length % 4):
            shard.write_bytes(flipped(data, place, 5))
            (finding,) = check(shard).findings
            assert "the padding after it is not zero" in finding


def test_every_truncation_is_found(shard: Path) -> None:
    data = shard.read_bytes()
    for size in range(0, len(data), 61):
        shard.write_bytes(data[:size])
        assert check(shard).findings


def test_a_changed_byte_in_an_image_is_not_found(shard: Path) -> None:
    """The format has no checksum, and docs say so."""
    data = shard.read_bytes()
    shard.write_bytes(flipped(data, 200, 3))
    assert check(shard).findings == ()


@pytest.mark.parametrize("keys", ["0123", "3210", "2031"])
@pytest.mark.parametrize("order", ["0123", "3210"])
def test_indexes_of_other_programs_are_read(tmp_path: Path, keys: str, order: str) -> None:
    """Im2rec shuffles keys, and rec2idx numbers them anew; lines may be sorted either way."""
    records = []
    offset = 0
    data = b""
    for key in keys:
        records.append(b"%d\t%d\n" % (int(key), len(data)))
        data += b"".join(frame([struct.pack("<IfQQ", 0, 1.5, int(key), 0) + JPEG]))
    assert offset == 0
    (tmp_path / "x.rec").write_bytes(data)
    (tmp_path / "x.idx").write_bytes(b"".join(records[int(n)] for n in order))
    report = check(tmp_path / "x.rec")
    assert (report.records, report.size, report.labels) == (4, len(data), (1.5, 1.5))
    assert (report.findings, report.remarks) == ((), ())


def test_keys_that_are_mostly_not_the_ids_are_a_remark(shard: Path) -> None:
    index = shard.with_suffix(".idx")
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(b"1" + line.zfill(12) for line in lines))
    report = check(shard)
    assert report.findings == ()
    assert report.remarks == (
        f"{shard}: 24 records under a key that is not its id (first record 0)",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines[:-1], lines[0].replace(b"0\t", b"5\t")], "repeats key 5"),
        (lambda lines: lines[:-1], "it has no line for the record at byte"),
        (lambda lines: [*lines, b"99\t99999999\n"], "it has 25 lines for 24 records"),
        (lambda lines: [*lines[:3], b"\n", *lines[4:]], "line 4 (b'\\n') is not key, tab, offset"),
        (
            lambda lines: [lines[0], b"1\t4\n", *lines[2:]],
            "key 1 is at byte 4, but the next record",
        ),
        (lambda lines: [b"77\t0\n", *lines[1:]], "key 77 is for record 0"),
    ],
)
def test_an_index_that_does_not_agree_is_found(
    shard: Path, change: Callable[[list[bytes]], list[bytes]], words: str
) -> None:
    index = shard.with_suffix(".idx")
    index.write_bytes(b"".join(change(index.read_bytes().splitlines(keepends=True))))
    (finding,) = check(shard).findings
    assert finding.startswith(f"{index}: ")
    assert words in finding


def test_a_file_without_an_index_is_good(shard: Path) -> None:
    shard.with_suffix(".idx").unlink()
    assert check(shard).findings == ()


def test_an_index_is_not_taken_for_its_file(shard: Path) -> None:
    (finding,) = check(shard.with_suffix(".idx")).findings
    assert "give the .rec file that it belongs to" in finding


@pytest.mark.parametrize(
    ("header", "labels", "words"),
    [
        (b"short", b"", "its 5 bytes are too few for a header"),
        (struct.pack("<IfQQ", 2**32 - 1, 0, 0, 0), b"", "gives 4294967295 labels, but"),
        (struct.pack("<IfQQ", 3, 0, 0, 0), struct.pack("<ff", 1, 2), "gives 3 labels"),
    ],
)
def test_a_header_that_does_not_fit_is_found(
    tmp_path: Path, header: bytes, labels: bytes, words: str
) -> None:
    (tmp_path / "x").write_bytes(b"".join(frame([header + labels])))
    (finding,) = check(tmp_path / "x").findings
    assert words in finding


def test_labels_of_all_kinds_are_read_and_non_images_are_remarks(tmp_path: Path) -> None:
    several = struct.pack("<IfQQ", 70_000, 0, 1, 0) + struct.pack("<70000f", *range(70_000))
    data = b"".join(
        b"".join(frame([record]))
        for record in (
            struct.pack("<IfQQ", 0, -2.5, 0, 0) + JPEG,
            several + PNG,
            struct.pack("<IfQQ", 2, 0, 2, 0) + struct.pack("<ff", 5, 6),  # as InsightFace has
        )
    )
    (tmp_path / "x").write_bytes(data)
    report = check(tmp_path / "x")
    assert (report.records, report.size, report.labels) == (3, len(data), (-2.5, 69_999))
    assert report.findings == ()
    assert report.remarks == (
        f"{tmp_path}/x: 1 record without an image after the header (first record 2)",
    )


def test_the_magic_number_within_a_part_is_found(tmp_path: Path) -> None:
    body = struct.pack("<IfQQ", 0, 0, 0, 0) + JPEG + bytes(-len(JPEG) % 4) + MAGIC
    head = MAGIC + struct.pack("<I", len(body))
    (tmp_path / "x").write_bytes(head + body)
    assert any("contains the magic number" in finding for finding in check(tmp_path / "x").findings)


@pytest.mark.parametrize("image", [JPEG, PNG, GIF, BMP], ids=["JPEG", "PNG", "GIF", "BMP"])
@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_images_that_are_padded_with_zeros_are_a_remark(
    tmp_path: Path, image: bytes, zeros: int
) -> None:
    """Cameras pad to multiples of 4 bytes."""
    record = struct.pack("<IfQQ", 0, 0, 0, 0) + image + bytes(zeros)
    data = b"".join(frame([record]))
    (tmp_path / "x").write_bytes(data)
    report = check(tmp_path / "x")
    assert report.findings == ()
    could_be_padding = zeros <= 3 - -len(record) % 4
    words = "1 record with zeros after the end of the image, or a wrong length (first record 0)"
    assert report.remarks == ((f"{tmp_path}/x: {words}",) if could_be_padding else ())


def test_a_length_that_is_shorter_than_a_bmp_is_found(tmp_path: Path) -> None:
    """Its last bytes are zeros, as the padding is."""
    record = struct.pack("<IfQQ", 0, 0, 0, 0) + BMP
    data = bytearray(b"".join(frame([record])))
    data[4] -= 1
    (tmp_path / "x").write_bytes(data)
    assert "its length is shorter than its image" in check(tmp_path / "x").findings[0]


@pytest.mark.parametrize("end", [b"", b"\0", b"\0\0\0\0", b"trailing"])
def test_images_with_odd_ends_are_good(tmp_path: Path, end: bytes) -> None:
    data = struct.pack("<IfQQ", 0, 0, 0, 0) + JPEG + b"x" * (-len(JPEG) % 4) + end
    (tmp_path / "x").write_bytes(b"".join(frame([data])))
    assert check(tmp_path / "x").findings == ()


def test_random_flips_never_go_unnoticed_but_within_images(shard: Path) -> None:
    data = shard.read_bytes()
    rng = random.Random(3)
    outside = {place for offset in heads(data) for place in range(offset, offset + 8)}
    for _ in range(500):
        place = rng.randrange(len(data))
        shard.write_bytes(flipped(data, place, rng.randrange(8)))
        report = check(shard)
        assert report.findings or report.remarks or place not in outside


def index_only(*args: object) -> subprocess.CompletedProcess[bytes]:
    return run("recordio", "--index-only", *args)


def test_keys_are_positions_as_rec2idx_writes_them(tmp_path: Path, shard: Path) -> None:
    create_recordio(tmp_path / "source", tmp_path, "s", 20)
    second = tmp_path / "s1.rec"
    offsets = [record.offset for record in read_recordio(second.read_bytes())]
    assert index_only(second).returncode == 0
    expected = "".join(f"{key}\t{offset}\n" for key, offset in enumerate(offsets))
    assert (tmp_path / "s1.idx").read_text() == expected
    assert b"4 records under a key that is not its id" in run("recordio", "--test", second).stderr
    assert index_only("--index-key", "ID", second).returncode == 0
    expected = "".join(f"{key}\t{offset}\n" for key, offset in enumerate(offsets, 20))
    assert (tmp_path / "s1.idx").read_text() == expected


@pytest.mark.parametrize("ids", [(4, 5, 4), (2**63,), (0, 2**64 - 1)])
def test_ids_that_no_index_can_have_are_an_error(tmp_path: Path, ids: tuple[int, ...]) -> None:
    path = tmp_path / "x.rec"
    heads = (struct.pack("<IfQQ", 0, 0, number, 0) for number in ids)
    path.write_bytes(b"".join(b"".join(map(bytes, frame([head, JPEG]))) for head in heads))
    result = index_only("--index-key", "id", path)
    assert result.returncode == 1
    words = f"its id, {ids[-1]}, is repeated or too large: use --index-key position"
    assert words in result.stderr.decode()
    assert os.listdir(tmp_path) == ["x.rec"]
    assert index_only(path).returncode == 0
    assert (tmp_path / "x.idx").read_text().startswith("0\t0\n")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--test", "--index-key", "id"), "argument --index-key: only with --index-only"),
        (("--index-key", "id"), "argument --index-key: only with --index-only"),
        (("--index-path", "x"), "argument --index-path: only with --index-only or --test"),
        (("--index-only", "--index-key", "name"), "argument --index-key: invalid choice: 'name'"),
    ],
)
def test_options_of_indexes_need_them(tmp_path: Path, args: tuple[str, ...], words: str) -> None:
    result = run("recordio", *args, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr.decode()


def test_a_merged_index_gets_no_index(tmp_path: Path, shard: Path) -> None:
    create_recordio(tmp_path / "source", tmp_path, "m", 20, merged_index=True)
    result = index_only(tmp_path / "mmerged.idx")
    assert result.returncode == 1
    assert b"an index; give the .rec file that it belongs to" in result.stderr
