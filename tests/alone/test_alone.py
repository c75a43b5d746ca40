"""One tool, the only one that is installed: `IMAGINE_TOOL` names it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import JPEG, PATH_OPTION, TOOLS, command, lines, manifest, write_images

TOOL = os.environ.get("IMAGINE_TOOL", "")
NUMBERS = {"gen": "3 images", "tfrecord": "2 files, 3 images", "recordio": "2 files, 3 images"}
FILES = {
    "gen": ["image_0.jpg", "image_1.jpg", "image_2.jpg"],
    "tfrecord": ["tfrecord_0", "tfrecord_1"],
    "recordio": ["recordio_0.rec", "recordio_1.rec"],
}
NEEDS = {"numpy": {"gen"}, "PIL": {"gen"}, "zlib_ng": {"gen"}, "google_crc32c": {"tfrecord"}}
FUNCTION = {"gen": "create_images", "tfrecord": "create_tfrecords", "recordio": "create_recordio"}


def run(*args: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(TOOL, *args), input=data, capture_output=True)


def job(folder: Path) -> tuple[list[str | Path], bytes]:
    """Return arguments with which the tool makes three images, or packs three; and its input."""
    args: list[str | Path] = [PATH_OPTION[TOOL], folder / "out"]
    if TOOL == "gen":
        return [*args, "--width", "40", "--height", "30", "--count", "3"], b""
    return [*args, "--img-per-file", "2"], manifest(write_images(folder / "source", [JPEG] * 3))


def test_the_other_tools_and_what_they_need_are_absent() -> None:
    assert TOOL in TOOLS, "IMAGINE_TOOL names no tool"
    installed = [tool for tool in TOOLS if importlib.util.find_spec(f"imagine_{tool}")]
    assert installed == [TOOL]
    for library, tools in NEEDS.items():
        assert (importlib.util.find_spec(library) is not None) == (TOOL in tools), library


def test_it_does_its_job(tmp_path: Path) -> None:
    args, data = job(tmp_path)
    result = run(*args, data=data)
    assert result.returncode == 0, result.stderr
    assert lines(result.stdout) == [f"{tmp_path}/out/{name}" for name in FILES[TOOL]]
    assert result.stderr.startswith(f"imagine-{TOOL}: {NUMBERS[TOOL]}, ".encode())
    assert set(FILES[TOOL]) <= set(os.listdir(tmp_path / "out"))
    again = run(*args, "--resume", data=data)
    assert b"there already" in again.stderr
    assert again.stdout == result.stdout


def test_it_checks_what_it_made(tmp_path: Path) -> None:
    args, data = job(tmp_path)
    made = run(*args, data=data).stdout
    checked = run(*args, "--verify") if TOOL == "gen" else run("--test", data=made)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == made
    path = Path(lines(made)[0])
    path.write_bytes(path.read_bytes()[:-1])
    assert (run(*args, "--verify") if TOOL == "gen" else run("--test", path)).returncode == 1


@pytest.mark.parametrize(
    ("option", "start"), [("--help", "usage: imagine-"), ("--version", "imagine-")]
)
def test_it_shows_help_and_version(option: str, start: str) -> None:
    for args in (command(TOOL, option), [sys.executable, "-m", f"imagine_{TOOL}", option]):
        result = subprocess.run(args, capture_output=True, text=True)
        assert result.returncode == 0
        assert result.stdout.startswith(f"{start}{TOOL} ")
        assert result.stderr == ""


def test_every_module_can_be_imported() -> None:
    package = importlib.import_module(f"imagine_{TOOL}")
    folder = Path(str(package.__file__)).parent
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        if path.stem not in ("__main__", "tensorflow_writer", "mxnet_writer"):
            importlib.import_module(".".join(parts).removesuffix(".__init__"))


def test_the_function_of_the_facade_is_there_and_the_others_name_their_package() -> None:
    import imagine

    for tool, function in FUNCTION.items():
        if tool == TOOL:
            assert callable(getattr(imagine, function))
        else:
            with pytest.raises(ImportError, match=f"{function} needs imagine-{tool}"):
                getattr(imagine, function)


def test_the_command_of_the_facade_is_there_and_the_others_name_their_package(
    tmp_path: Path,
) -> None:
    for tool, function in FUNCTION.items():
        args = command("imagine", function.replace("_", "-"), "--help")
        result = subprocess.run(args, capture_output=True, text=True)
        if tool == TOOL:
            assert result.stdout.startswith("usage: imagine ")
        else:
            assert result.returncode == 2
            assert f"needs imagine-{tool}" in result.stderr
