"""What all tests start from, the fixtures that several files share, and where process tests run."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from support import PACKERS, TOOLS

# Under nohup, or as a shell's background job, signals come ignored, and would stay so in every
# process that a test starts and ends by one.
for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGXCPU):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

with suppress(ImportError):  # Not all environments have Hypothesis.
    from hypothesis import HealthCheck, settings

    # Its own defaults allow an example 200 ms, which a busy machine takes now and then, and draw
    # other examples in every run, and remember them. A search at random belongs into a run by
    # hand, as in fuzz.py, not into the verdict on a change.
    settings.register_profile(
        "repeatable",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("repeatable")

PYTHONS = range(10, 15)  # the minor versions that are supported
NOT_HERE = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--processes",
        choices=("always", "outermost"),
        default="always",
        help="where tests marked `process` run: always, or only if this is not between the lowest"
        " and the highest supported Python on the PATH",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "process: starts processes to test signals, pipes, or the start itself, or takes long",
    )
    if config.getoption("--processes") == "outermost":
        this = sys.version_info.minor
        lower = [minor for minor in PYTHONS if minor < this and runs(minor)]
        higher = [minor for minor in PYTHONS if minor > this and runs(minor)]
        if lower and higher:
            where = f"on Python 3.{lower[0]} and 3.{higher[-1]}, not here"
            config.stash[NOT_HERE] = where


def runs(minor: int) -> bool:
    """Check that there is this version of Python; a version manager's stub may be left alone."""
    command = shutil.which(f"python3.{minor}")
    if command is None:
        return False
    shown = subprocess.run([command, "--version"], capture_output=True, text=True)
    return re.match(rf"Python 3\.{minor}\.", shown.stdout) is not None


def pytest_report_header(config: pytest.Config) -> str:
    return f"tests of processes: {config.stash.get(NOT_HERE, 'here')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if NOT_HERE in config.stash:
        left = [item for item in items if item.get_closest_marker("process")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    """Give each tool that is installed; to the packers' own tests, each packer."""
    return str(request.param)


@pytest.fixture(params=PACKERS)
def packer(request: pytest.FixtureRequest) -> str:
    return str(request.param)
