"""Write the help texts of the tools into their pages: `python docs/update_help.py`.

What the help texts of both packers share goes into the page on packing only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from update_results import with_block

from imagine_gen.dataset.combinations import CLASHES, NEEDS

DOCS = Path(__file__).parent
PACKERS = ("tfrecord", "recordio")


def help_text(tool: str) -> str:
    """Return a tool's help text."""
    command = [sys.executable, "-m", f"imagine_{tool}", "--help"]
    env = {**os.environ, "COLUMNS": "80", "IMAGINE_PRESETS": ""}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text."""
    return text.rstrip("\n").split("\n\n")


def split_entries(paragraph: str) -> tuple[str, list[str]]:
    """Return the title of a group of options and its entries; no entries for other paragraphs."""
    title, _, body = paragraph.partition("\n")
    if re.fullmatch(r"[a-z, ]+:", title):
        return title, re.split(r"\n(?=  \S)", body)
    return paragraph, []


def divide(text: str, other: str) -> tuple[str, str]:
    """Return what a help text shares with another one, and what it has of its own."""
    entries = {
        (title, entry)
        for title, group in map(split_entries, paragraphs(other))
        for entry in group or [""]
    }
    shared: list[str] = []
    own: list[str] = []
    for title, group in map(split_entries, paragraphs(text)):
        for part, is_shared in ((shared, True), (own, False)):
            kept = [entry for entry in group or [""] if ((title, entry) in entries) == is_shared]
            if kept:
                part.append("\n".join([title, *filter(None, kept)]))
    return "\n\n".join(shared) + "\n", "\n\n".join(own) + "\n"


def combinations_table() -> str:
    """Return the table of options that do not go together, from the one that the tool checks."""
    words: dict[str, list[str]] = {}
    for clash in CLASHES:
        if not clash.reason.startswith("only"):  # Options of some formats only.
            words.setdefault(clash.reason, []).append(clash.word)
    for word, other in NEEDS.items():
        words.setdefault(f"only with {other}", []).append(word)
    rows = [
        f"| {', '.join(f'`{option}`' for option in options).replace('=', ' ')} | {reason} |"
        for reason, options in words.items()
    ]
    return "\n".join(["| options | |", "| --- | --- |", *rows])


def updated_pages() -> dict[Path, str]:
    """Return the text that each page should have."""
    tfrecord, recordio = map(help_text, PACKERS)
    shared, own_tfrecord = divide(tfrecord, recordio)
    blocks = {
        "imagine-gen.md": help_text("gen"),
        "imagine-tfrecord.md": own_tfrecord,
        "imagine-recordio.md": divide(recordio, tfrecord)[1],
        "packing.md": shared,
    }
    pages = {}
    for name, text in blocks.items():
        before, fence, rest = (DOCS / name).read_text().partition("```text\n")
        after = re.split(r"(?m)^```\n", rest, maxsplit=1)[1]
        pages[DOCS / name] = f"{before}{fence}{text}```\n{after}"
    page = DOCS / "imagine-gen.md"
    pages[page] = with_block(pages[page], "combinations", combinations_table())
    return pages


def main() -> None:
    """Write the pages."""
    for page, text in updated_pages().items():
        page.write_text(text)


if __name__ == "__main__":
    main()
