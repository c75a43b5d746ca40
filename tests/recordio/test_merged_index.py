"""The index of all files together."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from imagine_recordio import create_recordio
from support import (
    JPEG,
    PATIENCE,
    command,
    lines,
    manifest,
    read_recordio,
    run,
    wait_for,
    write_images,
)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    # Some hold RecordIO's magic number, where records have to be cut.
    aligned = JPEG + bytes(-len(JPEG) % 4)
    return write_images(tmp_path / "source", (aligned + b"\n\x23\xd7\xce" * n for n in range(7)))


def entries(path: Path) -> list[tuple[int, int]]:
    return [
        (int(key), int(offset)) for key, offset in map(str.split, path.read_text().splitlines())
    ]


def together(files: list[str]) -> list[int]:
    """Return where records begin in the files, taken as one."""
    return [
        record.offset for record in read_recordio(b"".join(Path(f).read_bytes() for f in files))
    ]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("name", "merged"),
    [
        ([], "recordio_merged.idx"),
        (["--name", "x"], "xmerged.idx"),
        (["--name-format", "train-{shard:03}-of-{total}"], "train-merged.idx"),
    ],
)
def test_offsets_run_on_across_the_files(
    tmp_path: Path, images: list[Path], workers: str, name: list[str], merged: str
) -> None:
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--workers", workers, *name]
    result = run("recordio", *args, "--merged-index", input=manifest(images))
    files = lines(result.stdout)
    assert [path[-4:] for path in files] == [".rec"] * 4
    assert entries(tmp_path / "out" / merged) == list(enumerate(together(files)))
    assert len(os.listdir(tmp_path / "out")) == 9
    tested = run("recordio", "--test", input=result.stdout)
    assert tested.returncode == 0


def test_kept_files_are_in_it_and_skipped_images_are_not(
    tmp_path: Path, images: list[Path]
) -> None:
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--merged-index"]
    bad = [images[0], tmp_path / "no", *images[1:3], tmp_path / "no", tmp_path / "no", images[3]]
    run("recordio", *args, "--skip-invalid", input=manifest(bad))
    merged = tmp_path / "out" / "recordio_merged.idx"
    before = merged.read_bytes()
    assert [key for key, _ in entries(merged)] == [0, 2, 3, 6]
    merged.unlink()
    result = run("recordio", *args, "--skip-invalid", "--resume", input=manifest(bad))
    assert b"(3 there already)" in result.stderr
    assert merged.read_bytes() == before
    assert [offset for _, offset in entries(merged)] == together(lines(result.stdout))


@pytest.mark.process
@pytest.mark.parametrize("asked", [(), ("--merged-index",)])
def test_an_older_one_goes_before_a_file_is_replaced(
    tmp_path: Path, images: list[Path], asked: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "2"]
    run("recordio", *args, "--merged-index", input=manifest(images))
    merged = out / "recordio_merged.idx"
    with subprocess.Popen(
        command("recordio", *args, *asked, "--workers", "1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(manifest(images[::-1]))
        process.stdin.flush()
        process.stdout.readline()
        wait_for(lambda: not merged.exists())
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
    assert not [name for name in os.listdir(out) if "merged" in name or name.startswith(".")]


def test_a_run_that_writes_nothing_leaves_it(tmp_path: Path, images: list[Path]) -> None:
    args = ["--dest-path", tmp_path / "out", "--merged-index"]
    run("recordio", *args, input=manifest(images))
    before = (tmp_path / "out" / "recordio_merged.idx").read_bytes()
    assert run("recordio", *args, input=b"").returncode == 1
    assert run("recordio", *args, "--dry-run", input=manifest(images)).returncode == 0
    assert (tmp_path / "out" / "recordio_merged.idx").read_bytes() == before


def test_the_function_writes_it(tmp_path: Path, images: list[Path]) -> None:
    create_recordio(images[0].parent, tmp_path, "r", 3, merged_index=True)
    files = [str(tmp_path / f"r{n}.rec") for n in range(3)]
    assert entries(tmp_path / "rmerged.idx") == list(enumerate(together(files)))


def test_a_merged_index_is_tested_with_its_files(tmp_path: Path, images: list[Path]) -> None:
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--merged-index"]
    files = lines(run("recordio", *args, input=manifest(images)).stdout)
    paths = sorted(str(path) for path in (tmp_path / "out").iterdir())
    assert len(paths) == 9
    tested = run("recordio", "--test", "--files", "4", "--records", "7", *paths)
    assert tested.returncode == 0, tested.stderr
    assert lines(tested.stdout) == files
    merged = tmp_path / "out" / "recordio_merged.idx"
    data = merged.read_bytes()
    for wrong in (data[:-1], data + b"8\t8\n", data.replace(b"6\t", b"5\t"), b"x" + data):
        merged.write_bytes(wrong)
        tested = run("recordio", "--test", *paths)
        assert tested.returncode == 1
        assert lines(tested.stdout) == files
        assert f"error: {merged}: " in tested.stderr.decode()
        assert b"1 of 5 files is bad" in tested.stderr
