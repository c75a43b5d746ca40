"""imagine-gen --verify: every image is made again and compared."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from imagine_gen import cli
from pillow_formats import WRITABLE
from support import lines, run

CASES = [
    ("jpg",),
    ("png",),
    ("bmp",),
    ("png", "--compress-level", "1"),
    ("webp",),
    ("tiff",),
    ("avif",),
    ("jp2",),
    ("gif",),
    ("jpg", "--direct"),
    ("png", "--pooled"),
    ("bmp", "--pooled", "--mode", "RGBA"),
]
FORMATS = [case for case in CASES if case[0] in WRITABLE]


def verify(folder: Path, *more: str) -> subprocess.CompletedProcess[bytes]:
    args = ["--path", folder, "--width", "40", "--height", "31", "--count", "8", "--chunksize", "3"]
    return run("gen", *args, *more)


def findings(result: subprocess.CompletedProcess[bytes]) -> list[str]:
    """Return the lines about files, each without the tool's name and the folder's."""
    errors = [line for line in result.stderr.decode().splitlines() if ": error: " in line]
    assert result.returncode == (1 if errors else 0)
    return [line.rpartition("/")[2] for line in errors[:-1]]


@pytest.mark.parametrize("options", FORMATS, ids=" ".join)
def test_good_images_are_listed(tmp_path: Path, options: tuple[str, ...]) -> None:
    made = verify(tmp_path, "--image-format", *options)
    before = {name: os.stat(tmp_path / name) for name in os.listdir(tmp_path)}
    result = verify(tmp_path, "--image-format", *options, "--verify")
    assert findings(result) == []
    assert result.stdout == made.stdout
    assert b": 8 images, " in result.stderr
    after = {name: os.stat(tmp_path / name) for name in os.listdir(tmp_path)}
    assert [status.st_mtime_ns for status in after.values()] == [
        status.st_mtime_ns for status in before.values()
    ]


@pytest.mark.parametrize("options", FORMATS, ids=" ".join)
def test_every_changed_bit_is_found_with_its_byte(tmp_path: Path, options: tuple[str, ...]) -> None:
    verify(tmp_path, "--image-format", *options)
    rng = random.Random(4)
    expected = {}
    for number in range(8):
        path = tmp_path / f"image_{number}.{options[0]}"
        data = bytearray(path.read_bytes())
        place = rng.randrange(len(data))
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        expected[path.name] = f"{path.name}: differs from byte {place} on"
    result = verify(tmp_path, "--image-format", *options, "--verify")
    assert findings(result) == list(expected.values())
    assert result.stdout == b""
    assert b"0 missing, 8 different, 0 extra" in result.stderr.splitlines()[-1]


def test_missing_different_and_extra_images_are_listed(tmp_path: Path) -> None:
    verify(tmp_path)
    good = (tmp_path / "image_0.jpg").read_bytes()
    (tmp_path / "image_1.jpg").unlink()
    (tmp_path / "image_2.jpg").write_bytes(b"")
    (tmp_path / "image_3.jpg").write_bytes(good)
    (tmp_path / "image_4.jpg").write_bytes((tmp_path / "image_4.jpg").read_bytes() + b"x")
    (tmp_path / "image_5.jpg").unlink()
    os.mkfifo(tmp_path / "image_5.jpg")
    (tmp_path / "image_6.jpg").unlink()
    (tmp_path / "image_6.jpg").symlink_to("nowhere")
    for name in ("image_8.jpg", "image_10.jpg", "image_09.jpg", "image_9.png", "other_9.jpg"):
        (tmp_path / name).write_bytes(good)
    result = verify(tmp_path, "--verify")
    assert lines(result.stdout) == [f"{tmp_path}/image_{n}.jpg" for n in (0, 7)]
    size = (tmp_path / "image_4.jpg").stat().st_size
    different = findings(result)[2]
    assert different.startswith("image_3.jpg: differs from byte ")
    assert findings(result) == [
        "image_1.jpg: missing",
        "image_2.jpg: cut off after 0 bytes",
        different,
        f"image_4.jpg: has {size} bytes instead of {size - 1}",
        "image_5.jpg: expected an image file, found a FIFO",
        "image_6.jpg: No such file or directory",
        "image_8.jpg: extra",
        "image_10.jpg: extra",
    ]
    assert result.stderr.decode().splitlines()[-1].endswith("1 missing, 5 different, 2 extra")


def test_nothing_is_called_right_that_is_not(tmp_path: Path) -> None:
    verify(tmp_path, "--count", "1")
    result = verify(tmp_path, "--count", "1", "--seed", "1", "--verify")
    *_, summary, error = result.stderr.decode().splitlines()
    assert re.search(r": 0 images, .*/s\)$", summary)
    words = "0 of 1 image as they would be made; 0 missing, 1 different, 0 extra"
    assert error.endswith(f"{tmp_path}: {words}")


def test_a_folder_that_cannot_be_listed_is_not_called_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ["--path", f"{tmp_path}/x", "--width", "9", "--height", "9", "--count", "2", "-q"]
    assert cli.main(args) == 0

    def refuse(_folder: bytes) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "scandir", refuse)
    assert cli.main([*args, "--verify", "--workers", "1"]) == 1
    assert capfd.readouterr().err == f"imagine-gen: error: {tmp_path}/x: Permission denied\n"


def test_with_start_the_others_are_another_hosts(tmp_path: Path) -> None:
    verify(tmp_path)
    verify(tmp_path, "--start", "8")
    assert findings(verify(tmp_path, "--verify", "--start", "0")) == []
    assert findings(verify(tmp_path, "--verify", "--start", "8")) == []
    assert len(findings(verify(tmp_path, "--verify"))) == 8


def test_another_seed_is_another_dataset(tmp_path: Path) -> None:
    verify(tmp_path)
    assert len(findings(verify(tmp_path, "--verify", "--seed", "1"))) == 8


def test_quiet_leaves_the_findings(tmp_path: Path) -> None:
    verify(tmp_path)
    assert verify(tmp_path, "--verify", "--quiet").stderr == b""
    (tmp_path / "image_1.jpg").unlink()
    assert len(verify(tmp_path, "--verify", "--quiet").stderr.splitlines()) == 2


def test_a_missing_folder_is_one_error_and_stays_missing(tmp_path: Path) -> None:
    result = verify(tmp_path / "none", "--verify")
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert "none: no such folder" in line
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("option", ["--resume", "--fsync", "--size"])
def test_verify_excludes_options_that_write(tmp_path: Path, option: str) -> None:
    result = verify(tmp_path, "--verify", option)
    assert result.returncode == 2
    assert f"argument {option}: not with --verify".encode() in result.stderr
