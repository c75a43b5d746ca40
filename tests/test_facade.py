"""The interface of the program that imagine replaces: its command lines and functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import imagine
from support import lines, read_recordio, read_tfrecords, run, shell

# As its documentation gives them (with fewer and smaller images).
CREATE_IMAGES = (
    "imagine create-images --path test_dir --name random_image_ --width 384 --height 216"
    " --count 10 --image_format jpg --size"
)
CREATE_TFRECORDS = (
    "imagine create-tfrecords --source_path test_dir --dest_path tf_record_dir"
    " --name random_tfrecord_ --img_per_file 5"
)
CREATE_RECORDIO = (
    "imagine create-recordio --source_path test_dir --dest_path record_files"
    " --name random_recordio_ --img_per_file 5"
)


def test_the_documented_command_lines_run_word_for_word(tmp_path: Path) -> None:
    script = f"set -e\n{CREATE_IMAGES}\n{CREATE_TFRECORDS}\n{CREATE_RECORDIO}\n"
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert files(tmp_path / "test_dir") == sorted(f"random_image_{n}.jpg" for n in range(10))
    assert files(tmp_path / "tf_record_dir") == ["random_tfrecord_0", "random_tfrecord_1"]
    assert files(tmp_path / "record_files") == [
        f"random_recordio_{n}.{suffix}" for n in range(2) for suffix in ("idx", "rec")
    ]
    for n in range(2):
        tfrecord = (tmp_path / "tf_record_dir" / f"random_tfrecord_{n}").read_bytes()
        recordio = (tmp_path / "record_files" / f"random_recordio_{n}.rec").read_bytes()
        assert len(list(read_tfrecords(tfrecord))) == 5
        assert len(list(read_recordio(recordio))) == 5


def test_size_is_reported_on_stderr_in_plain_digits(tmp_path: Path) -> None:
    result = shell(CREATE_IMAGES, tmp_path)
    first = (tmp_path / "test_dir" / "random_image_0.jpg").stat().st_size
    total = sum(path.stat().st_size for path in (tmp_path / "test_dir").iterdir())
    prefix = "imagine create-images: "
    assert result.stderr.splitlines()[:2] == [
        f"{prefix}First image size from test_dir, in bytes: {first}",
        f"{prefix}Directory test_dir size, in bytes: {total}",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "create-images test_dir random_image_ jpg --width 64 --height 64 --count 3",
        "create-images --width 64 test_dir --height 64 random_image_ --count 3 jpg",
        "create-images --width=64 --height=64 --count=3 -- test_dir random_image_ jpg",
    ],
)
def test_positional_arguments_of_create_images_run(tmp_path: Path, command: str) -> None:
    result = run("imagine", *command.split(), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert lines(result.stdout) == [f"test_dir/random_image_{n}.jpg" for n in range(3)]


@pytest.mark.parametrize("name", ["create-tfrecord", "create-tfrecords"])
def test_positional_arguments_of_create_tfrecord_run(tmp_path: Path, name: str) -> None:
    make_images(tmp_path / "in", 3)
    result = run("imagine", name, "in", "out", "r_", "--img-per-file", "2", cwd=tmp_path)
    assert lines(result.stdout) == ["out/r_0", "out/r_1"]


def test_positional_arguments_of_create_recordio_run(tmp_path: Path) -> None:
    make_images(tmp_path / "in", 3)
    args = ["create-recordio", "--img-per-file", "2", "in", "out", "r_"]
    assert lines(run("imagine", *args, cwd=tmp_path).stdout) == ["out/r_0.rec", "out/r_1.rec"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "no command; known commands: create-images"),
        (["paint"], "unknown command 'paint'; known commands: create-images"),
        (["gen"], "(did you mean imagine-gen?)"),
        (["create-image"], "(did you mean create-images?)"),
        (["--paint"], "unrecognized arguments: --paint"),
        (["create-images", "a", "b"], "expected the arguments PATH NAME IMAGE_FORMAT"),
        (["create-images", "a", "b", "jpg", "c"], "expected the arguments PATH NAME IMAGE_FORMAT"),
        (["create-images", "a", "b", "xcf"], "unknown format 'xcf'"),
        (["create-recordio", "a"], "expected the arguments SOURCE DEST NAME"),
        (["create-images"], "argument --path"),
        (["create-images", "a", "b", "jpg", "--path", "c"], "argument 'a' contradicts --path"),
        (["create-images", "--path", "x", "--width", "0"], "--width: must be from 1"),
    ],
)
def test_wrong_usage_exits_2_in_one_line(tmp_path: Path, args: list[str], words: str) -> None:
    result = run("imagine", *args, cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("imagine")
    assert words in line
    assert os.listdir(tmp_path) == []


def test_help_lists_the_commands_and_each_has_its_tools_help() -> None:
    result = run("imagine", "--help")
    assert result.returncode == 0
    for command in ("create-images", "create-tfrecords", "create-tfrecord", "create-recordio"):
        assert f"  {command}" in result.stdout.decode()
        own = run("imagine", command, "--help").stdout.decode()
        assert own.startswith(f"usage: imagine {command} ")


def test_version_is_the_package_version() -> None:
    assert run("imagine", "--version").stdout == b"imagine 0.1.0\n"


def test_the_functions_leave_the_documented_files(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    images, tfrecords, recordio = (str(tmp_path / name) for name in ("i", "t", "r"))
    imagine.create_images(images, "tmp_", 32, 24, 100, "png")
    imagine.create_tfrecords(images, tfrecords, "tmprecord_", 10)
    imagine.create_recordio(images, recordio, "tmprecord_", 10)
    assert files(Path(images)) == sorted(f"tmp_{n}.png" for n in range(100))
    assert files(Path(tfrecords)) == [f"tmprecord_{n}" for n in range(10)]
    assert files(Path(recordio)) == [
        f"tmprecord_{n}.{suffix}" for n in range(10) for suffix in ("idx", "rec")
    ]
    assert capfd.readouterr() == ("", "")


def test_create_images_takes_all_positional_arguments(tmp_path: Path) -> None:
    summary = imagine.create_images(str(tmp_path), "x", 16, 16, 3, "JPEG", 7, True, 2)
    sizes = [(tmp_path / f"x{n}.jpg").stat().st_size for n in range(3)]
    assert summary.files == 3
    assert (summary.bytes, summary.first_bytes) == (sum(sizes), sizes[0])
    assert summary.folder_bytes == sum(sizes)
    again = tmp_path / "again"
    run("gen", *f"--path {again} --name x --width 16 --height 16 --count 3 --seed 7".split())
    assert (again / "x2.jpg").read_bytes() == (tmp_path / "x2.jpg").read_bytes()


def test_the_functions_are_resolved_when_first_used() -> None:
    code = (
        "import imagine, sys; assert 'imagine_gen' not in sys.modules;"
        "assert 'create_images' in dir(imagine);"
        "from imagine import create_images; assert 'imagine_gen' in sys.modules;"
        "assert 'imagine_tfrecord' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'create_sculptures'"):
        imagine.create_sculptures  # noqa: B018


def make_images(folder: Path, count: int) -> None:
    run("gen", *f"--path {folder} --width 8 --height 8 --count {count}".split())


def files(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("order", [1, -1])
def test_presets_go_with_the_positional_arguments(tmp_path: Path, order: int) -> None:
    words = ["im x bmp", "--preset 4k --height 30 --width 40"][::order]
    result = shell(f"imagine create-images {' '.join(words)}", tmp_path)
    assert (result.returncode, result.stdout) == (0, "im/x0.bmp\n"), result.stderr
    script = "imagine create-tfrecords im records y --preset 4k && imagine create-images --help"
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("records/y0\nusage: imagine create-images ")
    assert "\npresets:\n  4k " in result.stdout
