"""Write the help texts of the tools into their pages: `python docs/update_help.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent
TOOLS = ("gen", "tfrecord", "recordio")


def main() -> None:
    """Replace the block with the help text in each tool's page."""
    for tool in TOOLS:
        command = [sys.executable, "-m", f"imagine_{tool}", "--help"]
        env = {**os.environ, "COLUMNS": "80"}
        text = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        page = DOCS / f"imagine-{tool}.md"
        before, fence, rest = page.read_text().partition("```text\n")
        after = rest.partition("\n```\n")[2]
        page.write_text(f"{before}{fence}{text}```\n{after}")


if __name__ == "__main__":
    main()
