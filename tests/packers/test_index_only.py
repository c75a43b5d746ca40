"""What both packers' --index-only does: the indexes of files that exist."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from support import JPEG, RECORD_SUFFIX, contents, lines, manifest, run, unfinished, write_images

MAGIC = b"\x0a\x23\xd7\xce"
INDEXED = {"tfrecord": ["--index"], "recordio": []}
# The keys that the packer itself gives.
BY_ID = {"tfrecord": [], "recordio": ["--index-key", "id"]}


@pytest.fixture
def files(tool: str, tmp_path: Path) -> list[str]:
    """Pack seven images, one of which has RecordIO's magic number, into three files."""
    cut = b"\xff\xfe" + struct.pack(">H", 2 + 2 + 12) + b"xx" + (MAGIC + b"yyyy") * 2
    images = (JPEG[:2] + cut[:14] * (n == 3) + JPEG[2:] + bytes(n) for n in range(7))
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "3", *INDEXED[tool]]
    return lines(run(tool, *args, input=manifest(write_images(tmp_path / "in", images))).stdout)


def index_of(tool: str, path: str) -> Path:
    return Path(path.removesuffix(RECORD_SUFFIX[tool]) + ".idx")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("apart", [False, True])
def test_the_indexes_are_those_that_packing_writes(
    tool: str, tmp_path: Path, files: list[str], workers: str, apart: bool
) -> None:
    places = [index_of(tool, path) for path in files]
    expected = {place.name: place.read_bytes() for place in places}
    for place in places:
        place.unlink()
    folder = tmp_path / "a" / "b" if apart else tmp_path / "out"
    args = ["--index-path", folder] if apart else []
    result = run(tool, "--index-only", *BY_ID[tool], *args, "--workers", workers, *files)
    assert result.returncode == 0, result.stderr
    assert lines(result.stdout) == [str(folder / name) for name in expected]
    assert {name: (folder / name).read_bytes() for name in expected} == expected
    assert b": 3 index files, 7 records, " in result.stderr
    assert run(tool, "--test", *args, *files).returncode == 0
    assert len(os.listdir(folder)) == (3 if apart else 6)


def test_a_manifest_may_list_the_files_and_old_indexes_are_replaced(
    tool: str, files: list[str]
) -> None:
    places = [index_of(tool, path) for path in files]
    expected = [place.read_bytes() for place in places]
    places[0].write_bytes(expected[1])
    places[1].write_bytes(b"")
    source = manifest([*files, *map(str, places)]).replace(b"\n", b"\0")
    result = run(tool, "--index-only", "-0", "--fsync", *BY_ID[tool], input=source)
    assert lines(result.stdout, b"\0") == [str(place) for place in places]
    assert [place.read_bytes() for place in places] == expected


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_file_gets_no_index_and_the_others_do(
    tool: str, tmp_path: Path, files: list[str], workers: str
) -> None:
    for path in files:
        index_of(tool, path).unlink()
    os.truncate(files[1], os.path.getsize(files[1]) - 1)
    empty = tmp_path / "out" / f"empty{RECORD_SUFFIX[tool]}"
    empty.touch()
    missing = tmp_path / "out" / f"missing{RECORD_SUFFIX[tool]}"
    given = [files[0], empty, missing, *files[1:]]
    result = run(tool, "--index-only", "--workers", workers, *given)
    assert result.returncode == 1
    assert lines(result.stdout) == [str(index_of(tool, files[n])) for n in (0, 2)]
    errors = result.stderr.decode()
    assert f"error: {files[1]}: record 2 at byte " in errors
    assert f"error: {empty}: record 0 at byte 0: the file is empty" in errors
    assert f"error: {missing}: No such file or directory" in errors
    assert "3 of 5 files are bad" in errors
    assert sorted(path.name for path in (tmp_path / "out").glob("*.idx")) == [
        index_of(tool, files[n]).name for n in (0, 2)
    ]
    assert not unfinished(tmp_path / "out")


def test_a_finding_that_hides_no_record_leaves_no_index_either(
    tool: str, tmp_path: Path, files: list[str]
) -> None:
    data = bytearray(Path(files[0]).read_bytes())
    data[-1] ^= 1  # in TFRecord of a checksum, in RecordIO of the padding
    Path(files[0]).write_bytes(data)
    result = run(tool, "--index-only", *files)
    assert result.returncode == 1
    assert f"{index_of(tool, files[0])}: not written, because its file is bad" in str(result.stderr)
    assert not index_of(tool, files[0]).exists()
    assert len(lines(result.stdout)) == 2
    assert not unfinished(tmp_path / "out")


def test_an_index_of_two_files_is_refused(tool: str, tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "more").mkdir()
    other = tmp_path / "more" / Path(files[0]).name
    other.write_bytes(Path(files[0]).read_bytes())
    result = run(tool, "--index-only", "--index-path", tmp_path / "i", *files, other)
    assert result.returncode == 1
    place = tmp_path / "i" / index_of(tool, files[0]).name
    assert f"{place}: would be the index of two of the files" in result.stderr.decode()
    assert len(lines(result.stdout)) == 3


def test_a_file_that_is_no_index_stays(tool: str, files: list[str]) -> None:
    index_of(tool, files[0]).write_text("notes")
    result = run(tool, "--index-only", *files)
    assert result.returncode == 1
    assert b"not an index of these files; use another name, or remove it" in result.stderr
    assert index_of(tool, files[0]).read_text() == "notes"
    assert len(lines(result.stdout)) == 2


@pytest.mark.parametrize(
    "options", [["--resume"], ["--dry-run"], ["--test"], ["--name", "x"], ["--source-path", "."]]
)
def test_options_for_packing_are_refused(
    tool: str, tmp_path: Path, files: list[str], options: list[str]
) -> None:
    before = contents(tmp_path / "out")
    result = run(tool, "--index-only", *options, *files)
    assert result.returncode == 2
    words = f"argument {options[0]}: not with --index-only, which writes indexes alone"
    assert words in result.stderr.decode()
    assert contents(tmp_path / "out") == before


def test_the_numbers_of_files_and_records_are_checked(tool: str, files: list[str]) -> None:
    assert run(tool, "--index-only", "--files", "3", "--records", "7", *files).returncode == 0
    assert run(tool, "--index-only", "--files", "4", *files).returncode == 1


def test_a_preset_and_the_facade_index_files_too(tool: str, files: list[str]) -> None:
    assert run(tool, "--index-only", "--preset", "imagenet", *files).returncode == 0
    command = {"tfrecord": "create-tfrecords", "recordio": "create-recordio"}[tool]
    assert run("imagine", command, "--index-only", *files).returncode == 0


def test_leftovers_of_killed_runs_are_removed(tool: str, tmp_path: Path, files: list[str]) -> None:
    from imagine_common.files.temporary import temporary_name

    host = os.fsdecode(temporary_name(b"")).rsplit("-", 3)[0]
    (tmp_path / "out" / f"{host}-999999999-0-0.tmp").touch()
    assert run(tool, "--index-only", *files).returncode == 0
    assert not unfinished(tmp_path / "out")


def test_an_image_without_a_stamp_among_others_leaves_no_index(tool: str, tmp_path: Path) -> None:
    args = ["--width", "64", "--height", "64", "--count", "2", "--image-format", "png", "--stamp"]
    images = lines(run("gen", "--path", tmp_path / "i", *args).stdout)
    (tmp_path / "x.jpg").write_bytes(JPEG)
    source = manifest([*images, str(tmp_path / "x.jpg")])
    (path,) = lines(run(tool, "--dest-path", tmp_path / "out", input=source).stdout)
    index_of(tool, path).unlink(missing_ok=True)
    result = run(tool, "--index-only", path)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.count(b"its image has no stamp, but others have") == 1
    assert not index_of(tool, path).exists()
