"""What imagine-gen's command line takes, and what it refuses because it would do harm."""

from __future__ import annotations

import os
from pathlib import Path

from support import run

SMALL = ("--width", "20", "--height", "12")


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path) -> None:
    """As a script has it in which a variable is not set."""
    result = run("gen", "--path", "", *SMALL, cwd=tmp_path)
    assert result.returncode == 2
    assert b"the folder's name is empty" in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_quality_may_be_given_with_every_format(tmp_path: Path) -> None:
    for image_format in ("jpg", "png", "bmp"):
        args = ["--path", tmp_path, *SMALL, "--image-format", image_format, "--quality", "50"]
        assert run("gen", *args).returncode == 0
