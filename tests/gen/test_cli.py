"""What imagine-gen's command line takes, and what it refuses because it would do harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support import run

SMALL = ("--width", "20", "--height", "12")


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path) -> None:
    """As a script has it in which a variable is not set."""
    result = run("gen", "--path", "", *SMALL, cwd=tmp_path)
    assert result.returncode == 2
    assert b"the folder's name is empty" in result.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("image_format", ["png", "bmp", "tiff", "jp2", "gif"])
def test_a_quality_without_effect_is_wrong_usage(tmp_path: Path, image_format: str) -> None:
    args = ["--path", tmp_path, *SMALL, "--image-format", image_format, "--quality", "50"]
    result = run("gen", *args)
    assert result.returncode == 2
    assert b"argument --quality: only jpg, webp, avif have it" in result.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["images"], "unrecognized arguments: images; for the folder: --path images"),
        (
            ["--size", "64x48"],
            "unrecognized arguments: 64x48; for dimensions: --width 64 --height 48",
        ),
        (["--size=64x48"], "for dimensions: --width 64 --height 48"),
        (["--resolution", "64x48"], "for dimensions: --width 64 --height 48"),
        (["--num-images", "5"], "(did you mean --count?)"),
        (["--conut=5"], "(did you mean --count?)"),
        (["--output", "im"], "(did you mean --path?)"),
        (["--format", "png"], "(did you mean --image-format?)"),
        (["--frobnicate", "5"], "unrecognized arguments: --frobnicate 5; see"),
        (["--path", "x", "--image-format", "jpge"], "unknown format 'jpge'; known are jpg, "),
        (["--path", "x", "--image-format", "wepb"], "(did you mean webp?)"),
        (["--path", "x", "--content", "fotos"], "not 'fotos' (did you mean photo?)"),
        (["--path", "x", "--layout", "imgfolder"], "(did you mean imagefolder?)"),
        (["--path", "x", "--mode", "cmyk"], "jpg has no mode 'CMYK'; it has RGB, L"),
        (
            ["--path", "x", "--size-list", "imagent"],
            "come with the tool: imagenet (did you mean im",
        ),
    ],
)
def test_an_error_names_what_was_probably_meant(
    tmp_path: Path, args: list[str], words: str
) -> None:
    result = run("gen", *args, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert os.listdir(tmp_path) == []


def test_choices_take_any_case_and_numbers_take_units(tmp_path: Path) -> None:
    options = "--content PHOTO --layout ImageFolder --classes 1K --mode Rgb --image-format JPG"
    more = "--size-list ImageNet --target-size 40kb --start 1k --preset ImageNet --count 1"
    result = run("gen", "--path", tmp_path, *options.split(), *more.split())
    assert result.returncode == 0, result.stderr
    path, label = result.stdout.decode().split("\t")
    assert path == str(tmp_path / "class_000" / "image_1000.jpg")
    assert label == "0\n"
    assert os.path.getsize(path) == 40_000
