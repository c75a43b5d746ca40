"""`--scheduler` where there is no cluster, and where Dask is not installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support import PACKERS, PATH_OPTION, TOOLS, run_process

pytestmark = pytest.mark.process


def no_dask(folder: Path) -> dict[str, str]:
    """Return an environment in which Dask can't be imported, whether it is there or not."""
    for name in ("dask", "distributed"):
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name}')")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize("tool", TOOLS)
def test_without_dask_the_extra_is_named(tool: str, tmp_path: Path) -> None:
    args = (PATH_OPTION[tool], tmp_path / "x", "--scheduler", "tcp://127.0.0.1:1")
    result = run_process(tool, *args, input=b"x\n", env=no_dask(tmp_path))
    assert result.returncode == 2
    (line,) = result.stderr.decode().splitlines()
    assert "needs Dask; in a checkout: pip install './packages/imagine-common[dask]'" in line
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "options",
    [("--workers", "2"), ("--tar",), ("--dry-run",)],
)
def test_options_without_support_on_a_cluster_are_refused(
    tool: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    path = () if options == ("--tar",) and tool == "gen" else (PATH_OPTION[tool], tmp_path / "x")
    args = (*path, *options, "--scheduler", "tcp://127.0.0.1:1")
    result = run_process(tool, *args, input=b"x\n", env=no_dask(tmp_path))
    assert result.returncode == 2
    assert b"--scheduler" in result.stderr
    assert b"needs Dask" not in result.stderr


@pytest.mark.parametrize("tool", PACKERS)
def test_records_for_a_store_are_refused_before_the_cluster_is_asked(
    tool: str, tmp_path: Path
) -> None:
    (tmp_path / "obstore.py").touch()
    args = ("--dest-path", "s3://bucket/x", "--scheduler", "tcp://127.0.0.1:1")
    result = run_process(tool, *args, input=b"x\n", env=no_dask(tmp_path))
    assert result.returncode == 2
    message = b"argument --scheduler: not with an object store, s3://bucket/x"
    assert message in result.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_without_a_scheduler_dask_is_not_imported(tool: str, tmp_path: Path) -> None:
    args: tuple[str | Path, ...] = (PATH_OPTION[tool], tmp_path / "x")
    data = b""
    if tool in PACKERS:
        from support import JPEG

        (tmp_path / "a.jpg").write_bytes(JPEG)
        data = os.fsencode(tmp_path / "a.jpg") + b"\n"
    else:
        args += ("--width", "8", "--height", "8")
    assert run_process(tool, *args, input=data, env=no_dask(tmp_path)).returncode == 0
