"""Compare imagine with its peers, and write tables, their numbers and a picture.

    python benchmarks/run.py

The first run creates virtual environments for the tools and their peers. Every case runs in turn
with its peers after a warm-up. Ratios are medians of the ratios of neighboring runs.
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

import workloads
from cases import GROUPS as CASES
from cases import Bench, Result
from environments import HERE, Unavailable, imagine_environment, interpreter
from measure import Failed

GROUPS = {**CASES, **workloads.GROUPS}

VERSIONS = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"Python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
try:
    from PIL import features
    found["libjpeg-turbo"] = features.version("libjpeg_turbo")
except ImportError:
    pass
print(json.dumps(found))
"""
VERSIONS_OF = {
    "imagine": ("imagine-common", "numpy", "Pillow", "zlib-ng", "google-crc32c"),
    "tensorflow": ("tensorflow", "numpy"),
    "mxnet": ("mxnet", "numpy"),
}


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that the benchmark scripts share."""
    parser.add_argument(
        "--target",
        type=Path,
        metavar="DIR",
        help="folder for files (default: /dev/shm if it exists)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        metavar="X",
        help="multiply the number of images by X (default: 1)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=5,
        metavar="N",
        help="runs of each command after the warm-up (default: 5)",
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="use the tools in this Python's environment instead of installing them",
    )


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
    add_running_options(parser)
    parser.add_argument(
        "--processes",
        type=int,
        default=usable_processors(),
        metavar="N",
        help="processes of each command that runs in parallel (default: all processors)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="folder for the tables, numbers and picture (default: benchmarks/results, or none with"
        " --only); with --only, rows of other groups are kept",
    )
    return parser


def main() -> int:
    """Run the selected groups and write the results."""
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
            except (Unavailable, Failed) as error:
                print(f"{name} was not run: {error}", file=sys.stderr)
                not_run[name] = str(error).splitlines()[0]
        facts = machine(bench, target)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    print(table(results, not_run, facts))
    folder = args.results or (None if args.only else HERE / "results")
    if folder:
        if args.only:
            results = earlier_results(folder, results)
        write_results(folder, results, not_run, facts)
        python = str(programs / "python")
        if not args.only:
            steps = subprocess.run([python, HERE / "steps.py"], check=True, stdout=subprocess.PIPE)
            (folder / "steps.md").write_bytes(steps.stdout)
        # With --here, matplotlib need not be installed.
        if subprocess.run([python, HERE / "picture.py", folder], check=False).returncode:
            print("benchmarks/run.py: no picture; is matplotlib installed?", file=sys.stderr)
    return 0


def usable_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_folder() -> Path | None:
    """Return a writable folder in memory, or `None` if the system has none."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else None


def machine(bench: Bench, target: Path) -> dict[str, str]:
    """Return the facts that the figures depend on: hardware, system, settings, versions."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    facts = {
        "date": date.today().isoformat(),
        "processor": f"{cpu}, {bench.processes} processes",
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "files on": file_system(target),
        "runs": f"{bench.repeats} of each command, after a warm-up",
    }
    for name, packages in VERSIONS_OF.items():
        python = bench.programs / "python" if name == "imagine" else interpreter(name)
        if python.exists():
            command = [str(python), "-c", VERSIONS, *packages]
            found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            facts[f"{name}'s environment"] = ", ".join(f"{k} {v}" for k, v in found.items())
    return facts


def file_system(folder: Path) -> str:
    """Return the type of a folder's file system, or "unknown" without /proc/mounts."""
    mounts = Path("/proc/mounts")
    found = {}
    for line in mounts.read_text().splitlines() if mounts.exists() else []:
        _, place, kind = line.split()[:3]
        if folder.is_relative_to(place):
            found[place] = kind
    return found[max(found, key=len)] if found else "unknown"


def table_row(result: Result) -> tuple[str, ...]:
    """Return the cells of a result's line in the table."""
    if result.unit == "s" and result.value >= 100:
        value, limit = f"{result.value / 60:.0f} min", ""
    elif result.unit == "s":
        value, limit = f"{result.value:.2f} s", f"at most {result.limit} s"
    elif result.unit == "of flat":
        value, limit = f"{result.value:.2f}×", f"at most {result.limit}×"
    else:
        value = f"{result.value:.{0 if result.value >= 20 else 1 if result.value >= 3 else 2}f}×"
        limit = f"at least {result.limit:.2g}×" if result.limit else ""
    limit = "" if result.limit is None else limit + ("" if result.met else ", missed")
    cells = (result.case, result.against, f"**{value}**", limit)
    return (*cells, result.ours, result.peer, result.made)


def table(results: list[Result], not_run: dict[str, str], facts: dict[str, str]) -> str:
    """Return the results as Markdown."""
    head = ("case", "against", "ratio", "aim", "imagine", "peer", "imagine made")
    rows = [head, ("---",) * len(head), *map(table_row, results)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += [f"\n{name} was not run: {reason}." for name, reason in not_run.items()]
    lines += ["\n" + "; ".join(f"{key}: {value}" for key, value in facts.items()) + "."]
    return "\n".join(lines) + "\n"


def earlier_results(folder: Path, results: list[Result]) -> list[Result]:
    """Return the results of an earlier run in a folder, replaced by new ones of the same cases."""
    file = folder / "results.json"
    found = json.loads(file.read_text())["results"] if file.exists() else []
    rows = {(row["case"], row["against"]): Result(**row) for row in found}
    return list((rows | {(row.case, row.against): row for row in results}).values())


def write_results(
    folder: Path, results: list[Result], not_run: dict[str, str], facts: dict[str, str]
) -> None:
    """Write the table as Markdown, and all numbers as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(table(results, not_run, facts))
    numbers = {"machine": facts, "not run": not_run, "results": [r._asdict() for r in results]}
    (folder / "results.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
