"""Measure this tree's tools against those of an earlier commit, in turn.

    python benchmarks/before_after.py HEAD~1

Installs both versions into environments of their own, then runs each case with one version and the
other, again and again. The table shows the median of the ratios of neighboring runs, before to
after (above 1 is faster now), and the quartiles of these ratios as their spread.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from run import memory_folder, usable_processors

ROOT = Path(__file__).parent.parent
SMALL, MEDIUM, LARGE = (64, 64), (500, 375), (3840, 2160)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", metavar="COMMIT", help="the commit to compare with")
    parser.add_argument(
        "--pairs", type=int, default=9, metavar="N", help="pairs of runs a case (default: 9)"
    )
    parser.add_argument("--only", nargs="+", metavar="WORD", help="cases whose names hold a word")
    return parser


def install(tree: Path, environment: Path) -> Path:
    """Install the tools of a tree into a new environment and return the folder of its programs."""
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    packages = sorted(map(str, (tree / "packages").iterdir()))
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", *packages], check=True)
    return programs


def cases(programs: Path, folder: Path) -> dict[str, Sequence[str]]:
    """Return the command of each case; those that read images find them in `folder`/source."""

    def generate(size: tuple[int, int], count: int, *options: str) -> list[str]:
        dimensions = ("--width", str(size[0]), "--height", str(size[1]), "--count", str(count))
        path = ("--path", str(folder / "images"))
        return [str(programs / "imagine-gen"), "-q", *path, *dimensions, *options]

    def pack(tool: str) -> list[str]:
        source = ("--source-path", str(folder / "source"), "--img-per-file", "500")
        return [str(programs / tool), "-q", "--dest-path", str(folder / "records"), *source]

    png, bmp = ("--image-format", "png"), ("--image-format", "bmp")
    piped = " ".join([*generate(MEDIUM, 4000, "--direct"), "|", str(programs / "imagine-tfrecord")])
    return {
        "imagine-gen --help": [str(programs / "imagine-gen"), "--help"],
        "imagine-tfrecord --help": [str(programs / "imagine-tfrecord"), "--help"],
        "imagine-recordio --help": [str(programs / "imagine-recordio"), "--help"],
        "one JPEG 64×64": generate(SMALL, 1),
        "fresh JPEG 3840×2160": generate(LARGE, 24),
        "fresh JPEG 500×375": generate(MEDIUM, 1500),
        "direct JPEG 3840×2160": generate(LARGE, 500, "--direct"),
        "direct JPEG 500×375": generate(MEDIUM, 10_000, "--direct"),
        "direct JPEG 64×64": generate(SMALL, 20_000, "--direct"),
        "photo JPEG 500×375": generate(MEDIUM, 120, "--content", "photo"),
        "JPEG 500×375 of a target size": generate(MEDIUM, 400, "--target-size", "115K"),
        "fresh PNG 3840×2160": generate(LARGE, 60, *png),
        "pooled PNG 3840×2160": generate(LARGE, 200, *png, "--pooled"),
        "fresh BMP 3840×2160": generate(LARGE, 60, *bmp),
        "pooled BMP 3840×2160": generate(LARGE, 200, *bmp, "--pooled"),
        "TFRecord, 115 KB images": pack("imagine-tfrecord"),
        "RecordIO, 115 KB images": pack("imagine-recordio"),
        "direct JPEG 500×375 to TFRecord": [
            *("bash", "-o", "pipefail", "-c"),
            f"{piped} -q --dest-path {folder / 'records'} --img-per-file 500",
        ],
    }


def seconds(command: Sequence[str], folder: Path) -> float:
    """Return how long a command takes, into an empty folder."""
    for name in ("images", "records"):
        shutil.rmtree(folder / name, ignore_errors=True)
    with open(os.devnull, "wb") as nowhere:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=nowhere)
        return time.perf_counter() - start


def main() -> int:
    """Run what is asked for and print the table."""
    args = build_parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="imagine-benchmarks-", dir=memory_folder()))
    old_tree = folder / "tree"
    try:
        old_tree.mkdir()
        archive = subprocess.run(
            ["git", "archive", args.before], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "x"], cwd=old_tree, check=True, input=archive.stdout)
        before = cases(install(old_tree, folder / "before"), folder)
        after = cases(install(ROOT, folder / "after"), folder)
        subprocess.run(
            [*after["direct JPEG 500×375"], "--path", str(folder / "source")],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"{args.pairs} pairs, {usable_processors()} processors\n")
        print(
            "| case | before ÷ after | quartiles | after |\n| --- | --- | --- | --- |", flush=True
        )
        for name in after:
            if args.only and not any(word in name for word in args.only):
                continue
            # The version that runs first changes, and the first pair only warms up.
            pairs = []
            for number in range(1 + args.pairs):
                sides = [(0, before[name]), (1, after[name])]
                taken = [0.0, 0.0]
                for side, command in sides if number % 2 else reversed(sides):
                    taken[side] = seconds(command, folder)
                pairs.append(taken)
            ratios = [old / new for old, new in pairs[1:]]
            low, median, high = statistics.quantiles(ratios, n=4)
            ours = statistics.median(new for _, new in pairs[1:])
            print(f"| {name} | {median:.3f} | {low:.3f} to {high:.3f} | {ours:.2f} s |", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
