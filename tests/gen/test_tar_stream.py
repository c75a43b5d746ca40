"""imagine-gen --tar: the files of a dataset as one stream."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import tarfile
from pathlib import Path

import pytest

from support import PATIENCE, command, lines, run

SMALL = ("--width", "20", "--height", "12", "--count", "9")
KINDS = [
    (),
    ("--direct",),
    ("--image-format", "png"),
    ("--image-format", "png", "--pooled"),
    ("--image-format", "png", "--compress-level", "1"),
    ("--image-format", "bmp", "--mode", "RGBA"),
    ("--width", "20:30", "--height", "10:12"),
    ("--classes", "4"),
    ("--classes", "4", "--layout", "imagefolder", "--direct"),
    ("--files-per-dir", "4"),
]


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_members_are_the_files_that_would_be_written(tmp_path: Path, kind: tuple[str, ...]) -> None:
    made = run("gen", "--path", tmp_path, *SMALL, *kind)
    streamed = run("gen", "--tar", *SMALL, *kind)
    assert streamed.returncode == 0, streamed.stderr
    expected = {}
    for line in lines(made.stdout):
        path, _, label = line.partition("\t")
        name = os.path.relpath(path, tmp_path)
        expected[name] = Path(path).read_bytes()
        if label:
            expected[os.path.splitext(name)[0] + ".cls"] = label.encode()
    found = members(streamed.stdout)
    assert list(found.items()) == list(expected.items())
    assert os.listdir(tmp_path) != []
    assert b": 9 images, " in streamed.stderr


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_the_stream_is_the_same_however_the_work_is_split(kind: tuple[str, ...]) -> None:
    streams = {
        run("gen", "--tar", *SMALL, *kind, "--workers", workers, "--chunksize", size).stdout
        for workers, size in (("1", "9"), ("2", "1"), ("3", "2"))
    }
    assert len(streams) == 1


def test_parts_of_a_dataset_have_the_images_of_the_whole() -> None:
    whole = members(run("gen", "--tar", *SMALL).stdout)
    parts = [run("gen", "--tar", *SMALL[:4], "--start", start, "--count", "3").stdout
             for start in ("0", "3", "6")]  # fmt: skip
    joined: dict[str, bytes] = {}
    for part in parts:
        joined |= members(part)
    assert joined == whole


@pytest.mark.process
def test_the_first_images_go_out_before_the_last_are_made() -> None:
    args = command("gen", "--tar", "--width", "64", "--height", "64", "--count", "1000000000")
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read(10) == b"image_0.jp"
        process.stdout.close()
        assert process.wait(PATIENCE) == 141
        assert process.stderr
        assert process.stderr.read() == b""


def test_a_terminal_gets_no_tar() -> None:
    master, slave = pty.openpty()
    result = run("gen", "--tar", *SMALL, stdout=slave)
    os.close(slave)
    assert result.returncode == 2
    assert b"argument --tar: standard output is a terminal" in result.stderr
    os.close(master)


def test_a_full_device_is_an_error() -> None:
    with open("/dev/full", "wb") as full:
        result = run("gen", "--tar", *SMALL, stdout=full)
    assert result.returncode == 1
    assert result.stderr == b"imagine-gen: error: standard output: No space left on device\n"


def test_members_names_may_hold_newlines() -> None:
    result = run("gen", "--tar", *SMALL, "--name", "a\nb")
    assert result.returncode == 0, result.stderr
    assert list(members(result.stdout)) == [f"a\nb{n}.jpg" for n in range(9)]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--path", "x"], "argument --path: not with --tar"),
        (["--resume"], "argument --resume: not with --tar"),
        (["--fsync"], "argument --fsync: not with --tar"),
        (["--verify"], "argument --verify: not with --tar"),
        (["--size"], "argument --size: not with --tar"),
        (["-0"], "argument --null: not with --tar"),
        (["--name", "a.b"], "argument --name: a.b contains a dot"),
    ],
)
def test_options_a_stream_cannot_have_are_wrong_usage(args: list[str], words: str) -> None:
    result = run("gen", "--tar", *args)
    assert (result.returncode, result.stdout) == (2, b"")
    assert words in result.stderr.decode()
