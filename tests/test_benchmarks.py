"""The benchmarks' own machinery, on next to nothing: figures come from benchmarks/run.py alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[1] / "benchmarks" / "run.py"


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
