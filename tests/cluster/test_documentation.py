"""The commands in the documentation that need a cluster."""

from __future__ import annotations

import re
from pathlib import Path

from support import shell

PAGE = Path(__file__).parents[2] / "docs" / "dask.md"


def test_commands_of_one_machine_run(tmp_path: Path) -> None:
    (block,) = re.findall(r"(?ms)^```shell\n(.*?)^```", PAGE.read_text())
    result = shell(
        "set -e -o pipefail\ntrap 'kill $(jobs -p) || :' EXIT\n" + block, tmp_path, installed=True
    )
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "images").iterdir())) == 100
    assert len(list((tmp_path / "records").iterdir())) == 10
