"""Killing tools at random moments: `python tests/kills.py --kills 200` does it for long.

After each kill: no partial file under a final name, no process left, the right exit code; and what
`--resume` makes of it is, byte for byte, what an undisturbed run makes.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from support import (
    PATH_OPTION,
    PATIENCE,
    TOOLS,
    children,
    command,
    contents,
    finished,
    lines,
    manifest,
    run,
    run_process,
    session_members,
)
from tars import archive

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
IMAGES = 80


class Job(NamedTuple):
    """A tool's command line without its folder, its manifest, and what it does undisturbed."""

    tool: str
    args: tuple[str, ...]
    input: bytes
    expected: dict[str, bytes]
    listed: list[str]
    seconds: float
    again: tuple[str, ...] = ("--resume",)  # what goes on with a run that was killed


def make_jobs(folder: Path, jpeg: bytes) -> list[Job]:
    """Return a job for each tool, with two workers and dozens of files."""
    source = folder / "source"
    source.mkdir()
    paths = [source / f"{n}.jpg" for n in range(IMAGES)]
    for number, path in enumerate(paths):
        path.write_bytes(jpeg + b"%d" % number * 50_000)
    jobs = []
    for tool in (*TOOLS, "shards"):
        args: tuple[str, ...] = ("--workers", "2", "--img-per-file", "2")
        if tool in ("gen", "shards"):
            size = ("--width", "500", "--height", "400", "--image-format", "png")
            args = ("--workers", "2", "--count", str(IMAGES), *size)
        out = folder / tool
        if tool == "gen":
            args = ("--chunksize", "1", *args)
        if tool == "shards":
            tool, args = "gen", ("--tar", "--shard-samples", "2", "--index", *args)
        job = Job(tool, args, b"" if tool == "gen" else manifest(paths), {}, [], 0)
        begin = time.monotonic()
        code, listed = finish(job, out, start=run_process)  # with the start, which may be killed
        assert code == 0
        seconds = time.monotonic() - begin
        jobs.append(job._replace(expected=finished(out), listed=listed, seconds=seconds))
        assert len(listed) == (IMAGES if out.name == "gen" else IMAGES // 2)
    # A tar stream's images give the same; it is read again, since it can't be resumed.
    stream = archive((path.name, path.read_bytes()) for path in paths)
    args = ("--tar", "--img-per-file", "2")
    jobs += [job._replace(args=args, input=stream, again=()) for job in jobs if job.tool != "gen"]
    return jobs


def finish(
    job: Job, folder: Path, *more: str, start: Callable[..., Any] = run
) -> tuple[int, list[str]]:
    """Run a job to its end; return its exit code and the names of the files that it listed."""
    args = [PATH_OPTION[job.tool], str(folder), *job.args, *more]
    done = start(job.tool, *args, input=job.input)
    return done.returncode, [os.path.basename(path) for path in lines(done.stdout)]


def kill_once(job: Job, folder: Path, rng: random.Random) -> str:
    """Kill a run at a random moment, check what it leaves, and resume it; say what was done."""
    signum = rng.choice(SIGNALS)
    at_worker = rng.random() < 0.5 and "--workers" in job.args
    moment = rng.uniform(0, job.seconds)
    with tempfile.TemporaryFile() as source:
        source.write(job.input)
        source.seek(0)
        process = subprocess.Popen(
            command(job.tool, PATH_OPTION[job.tool], str(folder), *job.args),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    while at_worker and process.poll() is None and not children(process.pid):
        time.sleep(0.001)
    time.sleep(moment / 2 if at_worker else moment)
    workers = children(process.pid)
    target = rng.choice(workers) if at_worker and workers else process.pid
    with suppress(ProcessLookupError):
        os.kill(target, signum)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    what = f"{job.tool}: {signum.name} to {'tool' if target == process.pid else 'worker'}"
    what += f" after {moment:.3f} s: exit {process.returncode}"

    check_exit(process.returncode, signum, target == process.pid, what, stderr)
    deadline = time.monotonic() + PATIENCE
    while session_members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not session_members(process.pid), f"{what}: processes are left"
    check_whole(job, folder, what)
    whole = finished(folder)
    for path in lines(stdout):
        assert os.path.basename(path) in whole, f"{what}: {path} was listed but is not there"
    resumed = finish(job, folder, *job.again)
    assert resumed == (0, job.listed), f"{what}: can't be resumed"
    assert contents(folder) == job.expected, what
    return what


def check_exit(code: int, signum: int, at_tool: bool, what: str, stderr: bytes) -> None:
    """Check a run's exit code; it may have ended before the signal came."""
    allowed = {0}
    if signum == signal.SIGINT and b"Fatal Python error: init_" in stderr:
        return  # The interpreter was still starting, and has its own way to end then.
    if not at_tool:
        allowed |= {1}
    elif signum == signal.SIGKILL:
        allowed |= {-signal.SIGKILL}
    else:
        allowed |= {128 + signum, -signum}  # The latter while the interpreter still starts.
    assert code in allowed, f"{what}: {stderr.decode()}"
    assert b"Traceback" not in stderr or code == -signal.SIGINT, f"{what}: {stderr.decode()}"


def check_whole(job: Job, folder: Path, what: str) -> None:
    """Check that every file under a final name is whole, and no index is without its file."""
    found = finished(folder)
    for name, data in found.items():
        assert data == job.expected.get(name), f"{what}: {name} is not whole"
        if name.endswith(".idx"):
            file = name.replace(
                ".idx", ".tar" if "--tar" in job.args and job.tool == "gen" else ".rec"
            )
            assert file in found, f"{what}: {name} is without its file"


def main() -> None:
    """Kill as often as asked for."""
    from support import JPEG

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        jobs = make_jobs(folder, JPEG)
        for number in range(args.kills):
            job = jobs[number % len(jobs)]
            out = folder / "killed"
            print(number, kill_once(job, out, random.Random(args.seed * 1_000_000 + number)))
            shutil.rmtree(out, ignore_errors=True)
    finally:
        shutil.rmtree(folder)
    print(f"{args.kills} kills: nothing partial, no process left, all resumed to the same bytes")


if __name__ == "__main__":
    main()
