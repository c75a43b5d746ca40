"""Compare two workers with one, a Dask cluster with local processes, and a store with files.

    python benchmarks/scale.py

The cluster is a scheduler and workers of one thread each, as processes on loopback, so that both
engines have the same processors. The rates that the tool reports leave out the second in which it
starts Python and connects; the table also has the rates of the whole command. There are two object
stores on loopback: `sink.py`, which answers at once and keeps nothing, and with which the libraries
alone are peers; and moto's S3 server, one Python process, which limits these rates.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from subprocess import DEVNULL
from typing import NamedTuple

from cases import LARGE, Bench, Result
from environments import HERE, Unavailable, imagine_environment
from measure import Failed, Side, in_turn, paired_ratio, run
from run import add_running_options, machine, memory_folder, table, table_row

SMALL = (500, 375)
WORKERS = 2
SECONDS_TO_START = 300
IMAGES_IN_STORE = 2000
BUCKET = "bucket"
ADDRESS = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
CREATE_BUCKET = f"import boto3; boto3.client('s3').create_bucket(Bucket='{BUCKET}')"


class Case(NamedTuple):
    """A dataset, and the least ratio of the cluster's rate to that of local processes."""

    name: str
    size: tuple[int, int]
    images: int
    options: tuple[str, ...]
    at_least: float | None


CASES = (
    Case("direct JPEG 500×375", SMALL, 40_000, ("--direct",), 0.6),
    Case("fresh JPEG 500×375", SMALL, 6000, (), None),
    Case("direct JPEG 3840×2160", LARGE, 1000, ("--direct",), 0.9),
    Case("fresh JPEG 3840×2160", LARGE, 150, (), 0.9),
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_running_options(parser)
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        default=HERE / "results",
        help="folder for the table and the numbers (default: benchmarks/results)",
    )
    return parser


def main() -> int:
    """Run all cases and write the results."""
    args = build_parser().parse_args()
    target = Path(tempfile.mkdtemp(prefix="imagine-scale-", dir=args.target or memory_folder()))
    results: list[Result] = []
    try:
        programs = Path(sys.executable).parent if args.here else imagine_environment()
        bench = Bench(programs, target / "files", WORKERS, args.repeats, args.scale)
        with cluster(programs / "python", target / "cluster") as scheduler:
            for case in CASES:
                bench.clear()
                for result in compare(bench, scheduler, case):
                    results.append(result)
                    print(" | ".join(table_row(result)), file=sys.stderr)
        with sink(programs / "python"):
            for result in compare_sink(bench, programs / "python"):
                results.append(result)
                print(" | ".join(table_row(result)), file=sys.stderr)
        with store(programs / "python", target):
            for result in compare_store(bench):
                results.append(result)
                print(" | ".join(table_row(result)), file=sys.stderr)
        facts = machine(bench, target)
    except (Unavailable, Failed) as error:
        print(f"benchmarks/scale.py: error: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(target, ignore_errors=True)
    text = table(results, {}, facts)
    print(text)
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "scale.md").write_text(text)
    numbers = {"machine": facts, "results": [result._asdict() for result in results]}
    (args.results / "scale.json").write_text(
        json.dumps(numbers, indent=1, ensure_ascii=False) + "\n"
    )
    return 0


def compare(bench: Bench, scheduler: str, case: Case) -> Iterator[Result]:
    """Compare two processes with one, and a cluster of two workers with two processes."""
    count = bench.count(case.images)

    def side(*engine: str) -> Side:
        command = bench.generator("images", case.size, count, *case.options)
        place = command.index("--workers")
        command[place : place + 2] = engine
        return Side(count, lambda: run(command))

    sides = {
        "two": side("--workers", str(WORKERS)),
        "Dask": side("--scheduler", scheduler),
        "one": side("--workers", "1"),
    }
    rates, made = in_turn(sides, bench.repeats)
    for ours, against, of, least in (
        ("two", "one process", "one", None),
        ("Dask", "two processes", "two", case.at_least),
    ):
        for by, also in ((" (own)", ""), ("", ", whole command")):
            yield Result(
                f"{case.name}, {'two processes' if ours == 'two' else 'Dask with two workers'}",
                against + also,
                paired_ratio(rates[ours + by], rates[of + by]),
                "times",
                least if by else None,
                f"{median(rates[ours + by]):,.1f} images/s",
                f"{median(rates[of + by]):,.1f} images/s",
                made[ours],
            )


def compare_store(bench: Bench) -> Iterator[Result]:
    """Compare images written to an object store with files, and two workers with one."""
    bench.clear()
    count = bench.count(IMAGES_IN_STORE)

    def side(path: str, workers: int) -> Side:
        command = bench.generator("images", SMALL, count, "--direct")
        command[command.index("--path") + 1] = path
        command[command.index("--workers") + 1] = str(workers)
        return Side(count, lambda: run(command))

    sides = {
        "two": side(f"s3://{BUCKET}/images", WORKERS),
        "one": side(f"s3://{BUCKET}/images", 1),
        "files": side(bench.folder("images"), WORKERS),
    }
    rates, made = in_turn(sides, bench.repeats)
    for against, of in (("one process", "one"), ("the same into files", "files")):
        yield Result(
            "direct JPEG 500×375 to S3 on loopback, two processes",
            against,
            paired_ratio(rates["two (own)"], rates[f"{of} (own)"]),
            "times",
            None,
            f"{median(rates['two (own)']):,.1f} images/s",
            f"{median(rates[f'{of} (own)']):,.1f} images/s",
            made["two"],
        )


def compare_sink(bench: Bench, python: Path) -> Iterator[Result]:
    """Compare images of two sizes with objects that libraries alone write."""
    for size, images, bytes_each, least in (
        (SMALL, 20_000, 118_000, 0.7),
        ((1440, 1080), 4000, 1_000_000, None),
    ):
        count = bench.count(images)
        command = bench.generator("images", size, count, "--direct")
        command[command.index("--path") + 1] = f"s3://{BUCKET}/images"

        def peer(library: str, count: int, bytes_each: int = bytes_each) -> Side:
            script = [str(python), str(HERE / "peers" / "store_objects.py"), library]
            options = [str(bytes_each), str(count), str(WORKERS)]
            return Side(count, lambda: run([*script, *options]))

        def imagine(count: int = count, command: list[str] = command) -> Side:
            return Side(count, lambda: run(command))

        peers = {"obstore": peer("obstore", count)}
        if subprocess.run([str(python), "-c", "import s3fs"], stderr=DEVNULL).returncode == 0:
            peers["s3fs"] = peer("s3fs", max(1, count // 10))
        rates, made = in_turn({"imagine": imagine(), **peers}, bench.repeats)
        for library in peers:
            yield Result(
                f"direct JPEG {size[0]}×{size[1]} to a sink on loopback, two processes",
                f"{library}, objects of that size",
                paired_ratio(rates["imagine (own)"], rates[f"{library} (own)"]),
                "times",
                least if library == "obstore" else None,
                f"{median(rates['imagine (own)']):,.1f} images/s",
                f"{median(rates[f'{library} (own)']):,.1f} objects/s",
                made["imagine"],
            )


@contextmanager
def sink(python: Path) -> Iterator[None]:
    """Run a server that keeps nothing, and set the environment variables that lead to it."""
    command = [str(python), str(HERE / "sink.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            lead_to(server.stdout.readline().strip())
            yield
        finally:
            server.kill()


def lead_to(address: str) -> None:
    """Set the environment variables that lead to an S3 server."""
    os.environ |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def store(python: Path, folder: Path) -> Iterator[None]:
    """Run an S3 server, and set the environment variables that lead to it."""
    log = folder / "s3.log"
    command = [str(python), "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not (address := ADDRESS.search(log.read_text())):
            if time.monotonic() > deadline or server.poll() is not None:
                raise Failed("the S3 server does not start; is moto installed?")
            time.sleep(0.1)
        lead_to(address[1])
        if subprocess.run([str(python), "-c", CREATE_BUCKET], check=False).returncode:
            raise Failed("the S3 server makes no bucket")
        yield
    finally:
        server.kill()
        server.wait()


@contextmanager
def cluster(python: Path, folder: Path) -> Iterator[str]:
    """Run a scheduler and workers; yield the path of the scheduler file."""
    folder.mkdir()
    file = folder / "scheduler.json"
    common = ["--host", "127.0.0.1", "--no-dashboard"]
    worker = [*common, "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1"]
    scheduler = [*common, "--port", "0", "--no-show", "--scheduler-file", str(file)]
    commands = [("scheduler", scheduler), *[("worker", worker)] * WORKERS]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for what, options in commands:
            with (folder / f"{what}.log").open("ab") as log:
                command = [str(python), "-m", f"distributed.cli.dask_{what}", *options]
                processes.append(
                    subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
                )
            deadline = time.monotonic() + SECONDS_TO_START
            while not file.exists():
                if time.monotonic() > deadline:
                    raise Failed("the Dask scheduler does not start")
                time.sleep(0.1)
        time.sleep(5)  # A run would begin as soon as the first worker has connected.
        yield str(file)
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
