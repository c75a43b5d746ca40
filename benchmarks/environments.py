"""The virtual environments in which the benchmarks run: each is created once.

TensorFlow and MXNet need different versions of NumPy, and MXNet needs an older Python.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = [
    str(HERE.parent / "packages" / f"imagine-{name}")
    for name in ("common", "gen", "tfrecord", "recordio")
]


class Unavailable(Exception):
    """An environment can't be created on this machine; the message says why."""


def imagine_environment() -> Path:
    """Return the folder of the tools' programs, after installing them from this checkout."""
    return _make(
        "imagine", sys.executable, [*PACKAGES, "-r", str(HERE / "requirements.txt")], again=True
    )


def photo_environment() -> Path:
    """Return the folder of the tools' programs in the environment with the photographs."""
    requirements = ["-r", str(HERE / "requirements-photo.txt")]
    return _make("photo", sys.executable, [*PACKAGES, *requirements], again=True)


def peer_environment(name: str) -> Path:
    """Return the folder of the programs in the environment "tensorflow" or "mxnet"."""
    interpreter = sys.executable if name != "mxnet" else _interpreter_for_mxnet()
    return _make(name, interpreter, ["-r", str(HERE / f"requirements-{name}.txt")])


def interpreter(name: str) -> Path:
    """Return the path of an environment's Python; it need not exist."""
    return HERE / ".environments" / name / "bin" / "python"


def _interpreter_for_mxnet() -> str:
    if sys.version_info[:2] in ((3, 10), (3, 11)):
        return sys.executable
    for name in ("python3.11", "python3.10"):
        if path := shutil.which(name):
            return path
    raise Unavailable("MXNet 1.9.1 needs Python 3.10 or 3.11, and none is on the PATH")


def _make(name: str, interpreter: str, requirements: list[str], again: bool = False) -> Path:
    folder = HERE / ".environments" / name
    programs = folder / "bin"
    complete = folder / "complete"
    if complete.exists() and not again:
        return programs
    print(f"installing the environment {name} ...", file=sys.stderr)
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    # The first command installs dependencies; pip keeps an installed tool of the same version, so
    # the second one replaces the tools with those of this checkout.
    try:
        if not complete.exists():
            subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([*pip, *requirements], check=True)
        if again:
            subprocess.run([*pip, "--force-reinstall", "--no-deps", *PACKAGES], check=True)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"the environment {name} could not be installed") from error
    complete.touch()
    return programs
