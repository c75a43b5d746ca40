"""The benchmarks' own machinery, on next to nothing: figures come from benchmarks/run.py alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process


BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RUN = BENCHMARKS / "run.py"


def test_results_are_written_as_table_and_numbers(tmp_path: Path) -> None:
    args = ["--here", "--only", "start", "small-jpeg", "--scale", "0.0001", "--repeats", "1"]
    args += ["--processes", "2", "--target", str(tmp_path), "--results", str(tmp_path / "results")]
    result = subprocess.run([sys.executable, RUN, *args], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    numbers = json.loads((tmp_path / "results" / "results.json").read_text())
    assert numbers["not run"] == {}
    assert [row["made"] for row in numbers["results"][4:6]] == [
        "4 images, 461 kB",
        "4 images, 123 kB",
    ]
    table = (tmp_path / "results" / "results.md").read_text()
    assert "| `imagine-gen --help` |" in table
    assert "| fresh JPEG 500×375 | naive recipe | **" in table


def test_each_step_of_the_tools_can_be_measured(tmp_path: Path) -> None:
    """All steps once, on small images: `steps.py` knows parts of the tools that no user does."""
    code = (
        "import steps, sys; steps.WIDTH, steps.HEIGHT, steps.RECORDS, steps.ROUNDS = 160, 90, 2, 1;"
        "steps.main()"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    measured = (BENCHMARKS / "results" / "steps.md").read_text()
    assert names(result.stdout) == names(measured)


def names(table: str) -> list[list[str]]:
    """Return the steps of a table, without how long they took."""
    return [line.split(" | ")[:2] for line in table.splitlines()]
