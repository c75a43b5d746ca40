"""Write the scripts of examples/ into the documentation: `python docs/update_examples.py`."""

from __future__ import annotations

import re
from pathlib import Path

from update_results import with_block

ROOT = Path(__file__).parents[1]
LANGUAGES = {".sh": "bash", ".yaml": "yaml"}


def updated_pages() -> dict[Path, str]:
    """Return the text that each page with an example should have."""
    pages = {}
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text()
        for name in re.findall(r"(?m)^<!-- (examples/\S+) -->$", text):
            code = (ROOT / name).read_text()
            language = LANGUAGES[Path(name).suffix]
            text = with_block(text, name, f"```{language}\n{code}```")
            pages[page] = text
    return pages


def main() -> None:
    """Write the pages."""
    for page, text in updated_pages().items():
        page.write_text(text)


if __name__ == "__main__":
    main()
