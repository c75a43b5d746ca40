"""The presets that there are, with each tool that they have options for."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from imagine_common.cli.preset_files import load_presets
from imagine_common.cli.presets import parse_with_preset
from support import RECORD_SUFFIX, TOOLS, lines, run

CASES = [
    (preset.name, tool) for preset in load_presets() for tool in TOOLS if tool in preset.options
]
PIPES = [case for case in CASES if case[1] != "gen" and (case[0], "gen") in CASES]
# What the file with a preset's first image is called.
FILES = {
    ("4k", "tfrecord"): "tfrecord_0",
    ("4k", "recordio"): "recordio_0.rec",
    ("imagenet", "tfrecord"): "train-00000-of-00001",
    ("imagenet", "recordio"): "train_0.rec",
    ("imagenet-validation", "tfrecord"): "validation-00000-of-00001",
    ("imagenet-validation", "recordio"): "val_0.rec",
    ("mlperf-storage-cosmoflow", "tfrecord"): "train/img_0_of_1.tfrecord",
    ("mlperf-storage-resnet50", "tfrecord"): "train/img_0_of_1.tfrecord",
}


@pytest.mark.parametrize(("name", "tool"), CASES)
def test_every_option_of_a_preset_is_the_tools_own(name: str, tool: str) -> None:
    parser = importlib.import_module(f"imagine_{tool}.cli").build_parser()
    (preset,) = (preset for preset in load_presets() if preset.name == name)
    args = vars(parse_with_preset(parser, ["--preset", name]))
    unset = vars(parser.parse_intermixed_args([]))
    for option, value in preset.options[tool].items():
        attribute = option.replace("-", "_")
        given = args[attribute]
        assert (os.fsdecode(given) if isinstance(given, bytes) else str(given)) == str(value)
        assert args[attribute] != unset[attribute], "a default that need not be said"


@pytest.mark.parametrize("name", [name for name, tool in CASES if tool == "gen"])
def test_options_override_a_presets_values(tmp_path: Path, name: str) -> None:
    args = ["--preset", name, "--count", "2", "--width", "40", "--height", "30"]
    result = run("gen", *args, "--quality", "50", "--path", tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(lines(result.stdout)) == 2
    as_png = run("gen", *args, "--image-format", "png", "--path", tmp_path)
    assert as_png.returncode == 0, as_png.stderr
    assert all(line.partition("\t")[0].endswith(".png") for line in lines(as_png.stdout))


@pytest.mark.parametrize("name", [name for name, tool in CASES if tool == "gen"])
def test_every_preset_goes_with_direct(tmp_path: Path, name: str) -> None:
    result = run("gen", "--preset", name, "--direct", "--count", "2", "--path", tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(lines(result.stdout)) == 2


def test_direct_makes_noise_unless_content_is_given(tmp_path: Path) -> None:
    preset = ["--preset", "mlperf-storage-retinanet", "--direct", "--count", "1"]
    plain = ["--direct", "--width", "1024", "--height", "768", "--target-size", "322624"]
    for content in ([], ["--content", "photo"]):
        (made,) = lines(run("gen", *preset, *content, "--path", tmp_path / "a").stdout)
        (same,) = lines(run("gen", *plain, *content, "--path", tmp_path / "b").stdout)
        assert Path(made).read_bytes() == Path(same).read_bytes()
        Path(made).unlink()


def test_an_error_about_a_presets_option_names_the_preset(tmp_path: Path) -> None:
    args = ["--preset", "4k", "--path", tmp_path / "im", "--image-format", "bmp"]
    result = run("gen", *args, "--height", "500000")
    assert result.returncode == 2
    message = (
        b"3840x500000 would reach 4 GiB, the format's limit; use png (preset 4k has --width=3840)"
    )
    assert message in result.stderr
    result = run("gen", *args, "--height", "500000", "--width", "3840")
    assert result.returncode == 2
    assert b"preset" not in result.stderr


@pytest.mark.parametrize(("name", "tool"), PIPES)
def test_a_preset_goes_through_a_pipeline_of_archives(tmp_path: Path, name: str, tool: str) -> None:
    made = run("gen", "--preset", name, "--count", "1", "--tar")
    assert made.returncode == 0, made.stderr
    args = ["--preset", name, "--tar", "--expect", "1", "--dest-path", tmp_path]
    packed = run(tool, *args, input=made.stdout)
    assert packed.returncode == 0, packed.stderr
    (path,) = lines(packed.stdout)
    assert path == os.path.join(tmp_path, FILES[name, tool])
    assert path.endswith(RECORD_SUFFIX[tool])


@pytest.mark.parametrize(("name", "tool"), CASES)
def test_help_lists_presets_of_the_tool_alone(name: str, tool: str) -> None:
    shown = run(tool, "--help").stdout.decode().partition("\npresets:\n")[2]
    listed = {line.split()[0] for line in shown.partition("\n\n")[0].splitlines()}
    assert listed == {known for known, having in CASES if having == tool}
