"""Measure imagine against its peers; write a table, its numbers, and a picture.

    python benchmarks/run.py

installs what it needs into environments of its own, once. Every case runs in turn with its peers
after a warm-up; figures are medians of the ratios of neighboring runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from cases import GROUPS, Bench, Result
from environments import HERE, Unavailable, imagine_environment

VERSIONS = """
import json, numpy, PIL, platform
from PIL import features
print(json.dumps({"Python": platform.python_version(), "NumPy": numpy.__version__,
    "Pillow": PIL.__version__, "libjpeg-turbo": features.version("libjpeg_turbo")}))
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only",
        nargs="+",
        choices=GROUPS,
        metavar="GROUP",
        help=f"groups of cases to run: {', '.join(GROUPS)} (default: all)",
    )
    parser.add_argument(
        "--target",
        type=Path,
        metavar="DIR",
        help="folder for files (default: one in memory, where there is such)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        metavar="X",
        help="make X times as many images (default: 1)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=5,
        metavar="N",
        help="runs of every command after the warm-up (default: 5)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="of every command that has several (default: all processors)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=HERE / "results",
        metavar="DIR",
        help="folder for the table, numbers and picture (default: %(default)s)",
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="take the tools from this Python's environment, installing nothing",
    )
    return parser


def main() -> int:
    """Run what is asked for and write the results."""
    args = build_parser().parse_args()
    try:
        programs = Path(sys.executable).parent if args.here else imagine_environment()
    except Unavailable as error:
        print(f"benchmarks/run.py: error: {error}", file=sys.stderr)
        return 1
    target = Path(
        tempfile.mkdtemp(prefix="imagine-benchmarks-", dir=args.target or memory_folder())
    )
    bench = Bench(programs, target / "files", args.processes, args.repeats, args.scale)
    results: list[Result] = []
    not_run: dict[str, str] = {}
    try:
        for name in args.only or GROUPS:
            bench.clear()
            print(f"{name} ...", file=sys.stderr)
            try:
                for result in GROUPS[name](bench):
                    results.append(result)
                    print(" | ".join(table_row(result)), file=sys.stderr)
            except Unavailable as error:
                not_run[name] = str(error)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    write_results(args.results, results, not_run, machine(bench, target))
    draw(bench, args.results)
    return 0


def memory_folder() -> Path | None:
    """Return a folder in memory, where the system has one that can be written."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else None


def machine(bench: Bench, target: Path) -> dict[str, str]:
    """Return what the figures depend on."""
    python = [str(bench.programs / "python"), "-c", VERSIONS]
    versions = json.loads(subprocess.run(python, capture_output=True, check=True).stdout)
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    return {
        "date": date.today().isoformat(),
        "processor": f"{cpu}, {bench.processes} processes",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "files": "in memory (tmpfs)" if memory_folder() in target.parents else "on disk",
        "images": f"{bench.scale:g} times the usual number, {bench.repeats} runs of each",
        **versions,
    }


def table_row(result: Result) -> tuple[str, ...]:
    """Return the cells of a result's line."""
    if result.unit == "s":
        value, limit = f"{result.value:.2f} s", f"at most {result.limit} s"
    elif result.unit == "of flat":
        value, limit = f"{result.value:.2f}×", f"at most {result.limit}×"
    else:
        value = f"{result.value:.{0 if result.value >= 20 else 1 if result.value >= 3 else 2}f}×"
        limit = f"at least {result.limit}×"
    limit = "" if result.limit is None else limit + ("" if result.met else ", missed")
    return result.case, result.against, f"**{value}**", limit, result.ours, result.peer


def write_results(
    folder: Path, results: list[Result], not_run: dict[str, str], facts: dict[str, str]
) -> None:
    """Write the table in Markdown, everything in JSON, and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("case", "against", "ratio", "aim", "imagine", "peer"), ("---",) * 6]
    rows += map(table_row, results)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += [f"\n{name} was not run: {reason}." for name, reason in not_run.items()]
    lines += ["\n" + "; ".join(f"{key}: {value}" for key, value in facts.items()) + "."]
    (folder / "results.md").write_text("\n".join(lines) + "\n")
    numbers = {"machine": facts, "not run": not_run, "results": [r._asdict() for r in results]}
    (folder / "results.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    print((folder / "results.md").read_text())


def draw(bench: Bench, folder: Path) -> None:
    """Draw the picture, in the environment that has what it takes."""
    command = [str(bench.programs / "python"), str(HERE / "picture.py"), str(folder)]
    if subprocess.run(command, check=False).returncode:
        print("benchmarks/run.py: no picture; is matplotlib installed?", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
