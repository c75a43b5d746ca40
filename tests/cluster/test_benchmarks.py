"""The benchmark's own machinery, on next to nothing: figures come from scale.py alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"


def test_results_are_written_as_table_and_numbers(tmp_path: Path) -> None:
    args = ["--here", "--scale", "0.0001", "--repeats", "1", "--target", str(tmp_path)]
    args += ["--results", str(tmp_path / "results")]
    result = subprocess.run([sys.executable, SCALE, *args], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    numbers = json.loads((tmp_path / "results" / "scale.json").read_text())
    against = [row["against"] for row in numbers["results"]]
    assert len(against) == 20
    assert against[16:] == [
        *["obstore, objects of that size"] * 2,
        "one process",
        "the same into files",
    ]
    table = (tmp_path / "results" / "scale.md").read_text()
    assert "| fresh JPEG 3840×2160, Dask with two workers | two processes | **" in table
