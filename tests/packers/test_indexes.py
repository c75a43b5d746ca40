"""Which indexes the packers replace and remove: their own, and no other file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support import JPEG, contents, lines, manifest, run, write_images

OTHER = {"tfrecord": "recordio", "recordio": "tfrecord"}
INDEXED = {"tfrecord": ["--index"], "recordio": []}


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "source", (JPEG + bytes(n) for n in range(4)))


def pack(
    tool: str, tmp_path: Path, images: list[Path], *more: str
) -> subprocess.CompletedProcess[bytes]:
    name = [] if "--name-format" in more else ["--name", "x"]
    args = ["--dest-path", "out", "--img-per-file", "2", *name, *more]
    return run(tool, *args, input=manifest(images), cwd=tmp_path)


def test_an_index_of_the_other_tool_is_not_replaced(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    pack(OTHER[tool], tmp_path, images, *INDEXED[OTHER[tool]])
    before = contents(tmp_path / "out")
    result = pack(tool, tmp_path, images, *INDEXED[tool], "--workers", "1")
    assert result.returncode == 1
    error = "error: out/x0.idx: not an index of these files; use another name, or"
    assert error in result.stderr.decode()
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("more", [[], ["--index-path", "idx"], ["--name-format", "x{shard}"]])
def test_an_index_of_the_other_tool_is_not_removed(
    tmp_path: Path, images: list[Path], more: list[str]
) -> None:
    pack("recordio", tmp_path, images)
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "x1.idx").write_text("notes")
    before["x1.idx"] = b"notes"
    assert pack("tfrecord", tmp_path, images, *more).returncode == 0
    found = contents(tmp_path / "out")
    assert {name: found[name] for name in before} == before


def test_an_index_of_the_other_tool_is_not_taken_for_that_of_a_file(
    tmp_path: Path, images: list[Path]
) -> None:
    pack("recordio", tmp_path, images)
    pack("tfrecord", tmp_path, images)
    assert run("tfrecord", "--test", "out/x0", "out/x1", cwd=tmp_path).returncode == 0
    (tmp_path / "out" / "x1.rec").unlink()
    result = run("tfrecord", "--test", "out/x0", "out/x1", cwd=tmp_path)
    assert b"error: out/x1.idx: line 1 " in result.stderr


@pytest.mark.parametrize("names", [[], ["--name-format", "x{shard}-of-{total}"]])
@pytest.mark.parametrize("apart", [False, True])
def test_no_index_stays_beside_a_file_of_other_data(
    tmp_path: Path, images: list[Path], names: list[str], apart: bool
) -> None:
    pack("tfrecord", tmp_path, images, "--index", *names)
    old = [name for name in os.listdir(tmp_path / "out") if name.endswith(".idx")]
    more = ["--index-path", "idx"] if apart else []
    assert pack("tfrecord", tmp_path, images[::-1], *more, *names).returncode == 0
    assert not [name for name in os.listdir(tmp_path / "out") if name.endswith(".idx")]
    assert not apart or sorted(os.listdir(tmp_path / "idx")) == sorted(old)


@pytest.mark.parametrize("more", [["--index"], [], ["--index-path", "idx"]])
def test_no_index_stays_of_a_shard_without_images(
    tmp_path: Path, images: list[Path], more: list[str]
) -> None:
    pack("tfrecord", tmp_path, images, "--index")
    source = [tmp_path / "missing", tmp_path / "missing", *images[2:]]
    result = pack("tfrecord", tmp_path, source, *more, "--skip-invalid")
    assert lines(result.stdout) == ["out/x1"]
    beside = ["x1.idx"] if more == ["--index"] else []
    assert sorted(os.listdir(tmp_path / "out")) == ["x1", *beside]


def test_an_empty_file_is_replaced(tool: str, tmp_path: Path, images: list[Path]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x0.idx").touch()  # as a power failure may leave it
    assert pack(tool, tmp_path, images, *INDEXED[tool]).returncode == 0
    assert (tmp_path / "out" / "x0.idx").stat().st_size


def test_a_file_that_is_no_merged_index_is_not_touched(tmp_path: Path, images: list[Path]) -> None:
    (tmp_path / "out").mkdir()
    other = tmp_path / "out" / "xmerged.idx"
    other.write_text("0 99\n")
    assert pack("recordio", tmp_path, images).returncode == 0
    result = pack("recordio", tmp_path, images, "--merged-index")
    assert result.returncode == 1
    assert b"xmerged.idx: not an index of these files" in result.stderr
    assert other.read_text() == "0 99\n"
