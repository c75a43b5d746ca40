"""Images that another run left among those of this one."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

import imagine
from imagine_common.errors import UsageError
from imagine_gen import create_images
from support import contents, lines, run

SMALL = ("--width", "8", "--height", "8", "--image-format", "bmp")
LAYOUTS = (
    (),
    ("--files-per-dir", "3"),
    ("--classes", "3", "--layout", "imagefolder"),
)


def generate(folder: Path, count: int, *more: str) -> subprocess.CompletedProcess[bytes]:
    return run("gen", "--path", folder, *SMALL, "--count", str(count), *more)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["flat", "files-per-dir", "imagefolder"])
@pytest.mark.parametrize("more", [(), ("--resume",), ("--dry-run",)])
def test_images_beyond_the_count_are_wrong_usage(
    tmp_path: Path, layout: tuple[str, ...], more: tuple[str, ...]
) -> None:
    generate(tmp_path, 10, *layout)
    before = contents(tmp_path)
    result = generate(tmp_path, 4, *layout, "--seed", "1", *more)
    assert result.returncode == 2
    first = {"": "image_4", "--files-per-dir": "000001/image_4", "--classes": "class_0/image_6"}
    words = f"{tmp_path}: has 6 files of another run ({first[(*layout, '')[0]]}.bmp to "
    assert words in result.stderr.decode()
    assert result.stdout == b""
    assert contents(tmp_path) == before


@pytest.mark.parametrize("layout", LAYOUTS, ids=["flat", "files-per-dir", "imagefolder"])
def test_clean_removes_them_and_the_folders_that_become_empty(
    tmp_path: Path, layout: tuple[str, ...]
) -> None:
    generate(tmp_path / "few", 2, *layout)
    generate(tmp_path / "d", 10, *layout)
    for name in ("image_04.bmp", "image_5.png", "other_5.bmp"):
        (tmp_path / "d" / name).write_bytes(b"mine")
        (tmp_path / "few" / name).write_bytes(b"mine")
    result = generate(tmp_path / "d", 2, *layout, "--clean")
    assert result.returncode == 0, result.stderr
    assert contents(tmp_path / "d") == contents(tmp_path / "few")
    folders = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("d", "few")]
    assert folders[0] == folders[1]


def test_images_of_another_layout_are_found(tmp_path: Path) -> None:
    for first, second in ((LAYOUTS[0], LAYOUTS[1]), (LAYOUTS[1], LAYOUTS[2])):
        folder = tmp_path / str(len(first))
        generate(folder, 4, *first)
        assert b"has 4 files of another run" in generate(folder, 4, *second).stderr


def test_folders_that_no_layout_makes_are_not_looked_into(tmp_path: Path) -> None:
    for name in ("2024", "class_x", "00001"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image_7.bmp").write_bytes(b"mine")
    assert generate(tmp_path, 4, *LAYOUTS[1], "--clean").returncode == 0
    assert (tmp_path / "2024" / "image_7.bmp").exists()


@pytest.mark.parametrize(
    "options", [("--start", "0"), ("--start", "2"), ("--part", "0/2"), ("--keep-others",)]
)
def test_they_may_be_those_of_other_parts(tmp_path: Path, options: tuple[str, ...]) -> None:
    generate(tmp_path, 10)
    result = generate(tmp_path, 4, *options)
    assert result.returncode == 0
    assert b"another run" not in result.stderr
    assert len(os.listdir(tmp_path)) == 10


def test_the_same_run_again_is_good(tmp_path: Path) -> None:
    for layout in LAYOUTS:
        for more in ((), (), ("--resume",), ("--clean",)):
            assert generate(tmp_path / str(len(layout)), 7, *layout, *more).returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clean", "--keep-others"), "argument --clean: not with --keep-others, which"),
        (("--clean", "--part", "0/2"), "argument --clean: not with --part, which leaves"),
        (("--clean", "--start", "0"), "argument --clean: not with --start"),
        (("--clean", "--verify"), "argument --clean: not with --verify"),
        (("--keep-others", "--verify"), "argument --keep-others: not with --verify"),
    ],
)
def test_contradictions_are_wrong_usage(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    result = generate(tmp_path / "new", 2, *options)
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", ["--clean", "--keep-others"])
def test_a_stream_has_no_others(option: str) -> None:
    result = run("gen", "--tar", *SMALL, option)
    assert result.returncode == 2
    assert f"argument {option}: not with --tar, which writes no files".encode() in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o300)
    try:
        result = generate(tmp_path, 2)
        cleaned = generate(tmp_path, 2, "--clean")
    finally:
        tmp_path.chmod(0o700)
    assert result.returncode == 0
    assert f"warning: {tmp_path}: Permission denied".encode() in result.stderr
    assert cleaned.returncode == 1
    assert len(lines(result.stdout)) == 2


def test_imageinary_only_warns(tmp_path: Path) -> None:
    args = ("create-images", tmp_path, "image_", "bmp", "--width", "8", "--height", "8", "--count")
    run("imagine", *args, "5")
    result = run("imagine", *args, "4")
    assert result.returncode == 0
    assert f"warning: {tmp_path}: has 1 file of another run (image_4.bmp)".encode() in result.stderr
    with warnings.catch_warnings(record=True) as found:  # Python may warn of its own threads.
        warnings.simplefilter("always")
        imagine.create_images(str(tmp_path), "image_", 8, 8, 3, "bmp")
    assert any("has 2 files of another run" in str(warning.message) for warning in found)
    assert len(os.listdir(tmp_path)) == 5


def test_the_functions_refuse_keep_or_clean(tmp_path: Path) -> None:
    def create(count: int, **options: Any) -> tuple[str, ...]:
        return create_images(tmp_path, "i", 8, 8, count, "bmp", **options).warnings

    create(5)
    with pytest.raises(UsageError, match=r"has 1 file of another run \(i4.bmp\)"):
        create(4)
    assert create(4, keep_others=True) == ()
    assert "has 1 file of another run (i4.bmp)" in create(4, keep_others=None)[0]
    create(4, clean=True)
    assert len(os.listdir(tmp_path)) == 4
    with pytest.raises(UsageError, match="clean: not with"):
        create(4, clean=True, keep_others=True)
    with pytest.raises(UsageError, match="clean: not with"):
        create(4, clean=True, start=4)
