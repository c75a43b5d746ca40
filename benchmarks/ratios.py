"""Measure the ratios of `--dedupe-ratio` and `--compress-ratio`, asked for and found.

    python benchmarks/ratios.py [--folder DIR] [--scale SHARE] [--results DIR]

Makes datasets in a temporary folder in DIR (by default in memory, 1.2 GB at a time), measures them
as reduction.py does, and writes results/reduction.json and results/reduction.md. Restic and Borg
need as much space in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from reduction import archived, measured

RESULTS = Path(__file__).parent / "results"
SMALL = "--width 500 --height 375"
LARGE = "--width 1920 --height 1080"
# The headings of the table, by the beginning of a measurement's name.
HEADINGS = {
    "deduplication, blocks of ": "blocks of ",
    "deduplication, FastCDC chunks of ": "FastCDC ",
    "lz4, blocks of ": "lz4, ",
    "zstd, blocks of ": "zstd, ",
}


class Case(NamedTuple):
    """A dataset: its name in the table, imagine-gen's options, and the number of images."""

    name: str
    options: str
    number: int
    dedupe: str = "1"
    compress: str = "1"


def cases() -> Iterator[Case]:
    """Yield all datasets."""
    kinds = {
        "JPEG": (SMALL, 100),
        "JPEG, photo": (f"{SMALL} --content photo", 100),
        "JPEG 1920×1080": (LARGE, 16),
        "JPEG of 115 KB": (f"{SMALL} --target-size 115KB", 100),
        "direct JPEG": (f"{SMALL} --direct", 400),
        "direct JPEG 1920×1080": (f"{LARGE} --direct", 40),
        "direct JPEG, photo": (f"{SMALL} --direct --content photo", 400),
        "PNG": (f"{SMALL} --image-format png", 40),
        "PNG, photo": (f"{SMALL} --image-format png --content photo", 40),
        "pooled PNG": (f"{SMALL} --image-format png --pooled", 100),
        "TIFF": (f"{SMALL} --image-format tiff", 40),
    }
    for dedupe in ("1", "1.5", "2", "4", "10"):
        yield Case("direct JPEG of 115 KB", f"{SMALL} --direct --target-size 115KB", 10_000, dedupe)
    yield Case("direct JPEG", f"{SMALL} --direct", 1000, "2", "2")
    for name, (options, count) in kinds.items():
        for compress in ("1", "1.5", "2", "4"):
            yield Case(name, options, count, "1", compress)


def make(case: Case, scale: float, folder: Path) -> None:
    """Make a dataset of so many of the images of a case, in four parts."""
    count = max(8, int(case.number * scale))
    ratios = ["--dedupe-ratio", case.dedupe]
    if case.compress != "1":
        ratios += ["--compress-ratio", case.compress]
    for part in range(4):
        split = ["--count", str(count), "--part", f"{part}/4", "--path", str(folder)]
        command = [
            sys.executable,
            "-m",
            "imagine_gen",
            "-q",
            *case.options.split(),
            *ratios,
            *split,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of all measurements."""
    names = [*{name: None for row in rows for name in row["ratios"]}]
    headings = ["images", "number", "asked: dedupe", "asked: compress"]
    for name in names:
        for begin, short in HEADINGS.items():
            name = name.replace(begin, short)
        headings.append(name)
    lines = [f"| {' | '.join(headings)} |", "| --- " * len(headings) + "|"]
    for row in rows:
        cells = [row["name"], f"{row['files']:,}", row["dedupe"], row["compress"]]
        cells += [f"{row['ratios'][name]:.2f}" if name in row["ratios"] else "" for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all datasets, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    rows = []
    for case in cases():
        with TemporaryDirectory(dir=args.folder) as folder:
            make(case, args.scale, Path(folder))
            found = measured([folder])
            if case.dedupe != "1":  # Archives take long.
                found.ratios.update(archived([folder]))
        rows.append({**case._asdict(), **found._asdict()})
        print(case, found, flush=True)
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "reduction.json").write_text(json.dumps(rows, indent=1) + "\n")
    (args.results / "reduction.md").write_text(table(rows))


if __name__ == "__main__":
    main()
