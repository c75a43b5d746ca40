"""Write the tools' help texts into their pages: `python docs/update_help.py`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent
TOOLS = ("gen", "tfrecord", "recordio")


def main() -> None:
    """Replace the block of text under each page's options."""
    for tool in TOOLS:
        command = [sys.executable, "-m", f"imagine_{tool}", "--help"]
        env = {**os.environ, "COLUMNS": "80"}
        text = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        page = DOCS / f"imagine-{tool}.md"
        block = f"```text\n{text}```"
        page.write_text(
            re.sub(r"(?ms)^```text\n.*?^```$", lambda _, block=block: block, page.read_text())
        )


if __name__ == "__main__":
    main()
