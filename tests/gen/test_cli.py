"""What imagine-gen's command line refuses because it would count for nothing, or do harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support import lines, run

SMALL = ("--width", "20", "--height", "12")


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path) -> None:
    """As a script has it in which a variable is not set."""
    result = run("gen", "--path", "", *SMALL, cwd=tmp_path)
    assert result.returncode == 2
    assert b"the folder's name is empty" in result.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("image_format", "option", "value"),
    [
        *((name, "--quality", "75") for name in ("png", "Bitmap", "tif", "gif", "jp2")),
        *((name, "--compress-level", "0") for name in ("jpg", "bmp", "webp")),
    ],
)
def test_what_a_format_has_no_use_for_is_refused(
    tmp_path: Path, image_format: str, option: str, value: str
) -> None:
    args = ["--path", tmp_path / "im", *SMALL, "--image-format", image_format, option, value]
    result = run("gen", *args)
    assert result.returncode == 2
    assert f"argument {option}: not with --image-format " in result.stderr.decode()
    assert not (tmp_path / "im").exists()


def test_what_a_preset_has_may_count_for_nothing(tmp_path: Path) -> None:
    args = ["--preset", "imagenet", "--count", "2", "--image-format", "png"]
    result = run("gen", "--path", tmp_path, *SMALL, *args)
    assert result.returncode == 0, result.stderr
    assert len(lines(result.stdout)) == 2
