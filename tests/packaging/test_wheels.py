"""The built distributions: their files and metadata, and that each tool installs alone."""

from __future__ import annotations

import email.message
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMON = "imagine-common"
PACKAGES = {
    "imagine-common": ("imagine", "imagine_common"),
    "imagine-gen": ("imagine_gen",),
    "imagine-tfrecord": ("imagine_tfrecord",),
    "imagine-recordio": ("imagine_recordio",),
}
SCRIPTS = {
    "imagine-common": "imagine",
    "imagine-gen": "imagine-gen",
    "imagine-tfrecord": "imagine-tfrecord",
    "imagine-recordio": "imagine-recordio",
}


def run_module(module: str, *arguments: str | Path) -> str:
    """Return the stdout of a module of this Python's environment; on failure, show its output."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def environment(folder: Path, *wheels: Path) -> Path:
    """Return the Python of a new virtual environment that holds wheels and their dependencies."""
    venv.create(folder)
    python = folder / "bin" / "python"
    run_module("pip", "--python", python, "install", "-q", *wheels)
    return python


def metadata_of(dist: Path, name: str) -> email.message.Message:
    """Return the metadata of a package's wheel."""
    with zipfile.ZipFile(archive(dist, name, ".whl")) as wheel:
        (member,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(member))


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an sdist of each package, and a wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    for name in PACKAGES:
        # Isolation takes seconds, and all packages require the same backend.
        options = [] if name == "imagine-gen" else ["--no-isolation"]
        run_module("build", *options, "--outdir", folder, ROOT / "packages" / name)
    return folder


def archive(dist: Path, name: str, suffix: str) -> Path:
    (path,) = dist.glob(f"{name.replace('-', '_')}-*{suffix}")
    return path


def sources(name: str) -> set[str]:
    """Return the files under a package's src."""
    src = ROOT / "packages" / name / "src"
    files = {path for path in src.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {str(path.relative_to(src)) for path in files}


def shared(name: str) -> set[str]:
    """Return the man page and the completions of a package."""
    folder = ROOT / "packages" / name
    return {str(path.relative_to(folder)) for path in folder.glob("share/**/*") if path.is_file()}


@pytest.mark.parametrize("name", PACKAGES)
def test_wheels_hold_exactly_the_package(dist: Path, name: str) -> None:
    with zipfile.ZipFile(archive(dist, name, ".whl")) as wheel:
        members = {member for member in wheel.namelist() if ".dist-info/" not in member}
        data = {member.partition(".data/data/")[2] for member in members if ".data/" in member}
        assert any(member.endswith(".dist-info/licenses/LICENSE") for member in wheel.namelist())
    assert data == shared(name)
    assert len(data) == 4
    assert {member for member in members if ".data/" not in member} == sources(name)
    assert {f"{package}/py.typed" for package in PACKAGES[name]} <= members


@pytest.mark.parametrize("name", PACKAGES)
def test_sdists_hold_the_sources(dist: Path, name: str) -> None:
    with tarfile.open(archive(dist, name, ".tar.gz")) as sdist:
        members = {member.partition("/")[2] for member in sdist.getnames()}
    expected = {f"src/{path}" for path in sources(name)}
    if name != COMMON:
        expected.add("hatch_build.py")
    assert {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml", *expected} <= members
    assert shared(name) <= members


def test_one_file_gives_all_packages_their_version(dist: Path) -> None:
    source = ROOT / "packages" / "imagine-common" / "src" / "imagine_common" / "__init__.py"
    (version,) = re.findall(r'(?m)^__version__ = "(.+)"$', source.read_text())
    for name in PACKAGES:
        metadata = metadata_of(dist, name)
        assert metadata["Version"] == version
        if name != COMMON:
            assert f"imagine-common=={version}" in metadata.get_all("Requires-Dist", [])
    written = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    for suffix in ("py", "toml"):
        for path in (ROOT / "packages").rglob(f"*.{suffix}"):
            assert path == source or not written.search(path.read_text()), path


def test_the_packages_have_the_same_backend_and_hook() -> None:
    """An sdist holds its own folder only, so each package that needs the hook has a copy."""
    packages = ROOT / "packages"
    hooks = [path.read_text() for path in packages.glob("*/hatch_build.py")]
    assert len(hooks) == len(PACKAGES) - 1
    assert len(set(hooks)) == 1
    backends = {
        path.read_text().partition("[project]")[0] for path in packages.glob("*/pyproject.toml")
    }
    assert len(backends) == 1


@pytest.mark.parametrize("name", PACKAGES)
def test_metadata_is_complete(dist: Path, name: str) -> None:
    metadata = metadata_of(dist, name)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Keywords"]
    classifiers = metadata.get_all("Classifier", [])
    for minor in range(10, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers
    assert str(metadata.get_payload()).startswith(f"# {name}")


@pytest.mark.parametrize("name", PACKAGES)
def test_index_and_wheel_checkers_find_nothing(dist: Path, name: str) -> None:
    wheel, sdist = archive(dist, name, ".whl"), archive(dist, name, ".tar.gz")
    run_module("twine", "check", "--strict", wheel, sdist)
    run_module("check_wheel_contents", "--toplevel", ",".join(PACKAGES[name]), wheel)


@pytest.mark.parametrize(
    ("name", "unwanted"),
    [
        ("imagine-common", "numpy|pillow|tensorflow|mxnet"),
        ("imagine-gen", "tensorflow|mxnet"),
        ("imagine-tfrecord", "numpy|pillow|tensorflow|mxnet"),
        ("imagine-recordio", "numpy|pillow|tensorflow|mxnet"),
    ],
)
def test_each_tool_installs_alone_with_no_more_than_it_needs(
    dist: Path, tmp_path: Path, name: str, unwanted: str
) -> None:
    python = environment(tmp_path, *(archive(dist, part, ".whl") for part in {COMMON, name}))
    listed = run_module("pip", "--python", python, "list")
    assert name in listed
    assert re.findall(rf"(?im)^(?:{unwanted})\b", listed) == []
    assert all((tmp_path / path).exists() for path in shared(name))
    script = tmp_path / "bin" / SCRIPTS[name]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run([script, "--help"], capture_output=True, text=True, env=env, check=True)
    assert result.stdout.startswith(f"usage: {SCRIPTS[name]} ")


def test_without_its_tool_a_facade_function_names_the_package(dist: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, archive(dist, COMMON, ".whl"))
    result = subprocess.run(
        [python, "-c", "from imagine import create_images"], capture_output=True, text=True
    )
    assert (
        "ImportError: create_images needs imagine-gen; in a checkout: pip install" in result.stderr
    )
    assert "./packages/imagine-gen" in result.stderr
    result = subprocess.run(
        [tmp_path / "bin" / "imagine", "create-recordio"], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "create-recordio needs imagine-recordio; in a checkout: pip install" in result.stderr
