"""Compare the speed of commands on a shared machine.

The speed of the machine drifts. So commands run in turn, and the result is the median of the ratios
of neighboring runs, not the ratio of totals.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Rates = dict[str, list[float]]

# The peak memory of a process includes its memory between fork and exec. So a small process starts
# the command, instead of this one.
_WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


class Failed(Exception):
    """A measured command failed; the message gives its exit code and its stderr."""


class Run(NamedTuple):
    """A finished command.

    `seconds` is the time from start to end. `own_seconds` is the time that the command reports,
    without the start of Python. `made` is the number of images and bytes that it reports.
    """

    seconds: float
    own_seconds: float
    made: str = ""


class Side(NamedTuple):
    """A command of a comparison, and the number of images that it makes."""

    images: int
    run: Callable[[], Run]


def run(command: Sequence[str], stdin: str = os.devnull) -> Run:
    """Run a command.

    Its own seconds are the number on its stdout, or those in the summary of an imagine tool.

    Raises
    ------
    Failed
        If the command exits with another code than 0.
    """
    with open(stdin, "rb") as source:
        start = time.perf_counter()
        finished = subprocess.run(command, stdin=source, capture_output=True, check=False)
        seconds = time.perf_counter() - start
    messages = finished.stderr.decode(errors="replace")
    if finished.returncode:
        raise Failed(f"{' '.join(command)}: exit {finished.returncode}: {messages.strip()}")
    summary = re.search(r"(\d+ images, [\d.]+ \w+) in ([\d.]+) s \(", messages)
    stated = summary[2] if summary else finished.stdout.decode(errors="replace").strip()
    own_seconds = float(stated) if re.fullmatch(r"[\d.e-]+", stated) else seconds
    own_seconds = own_seconds or 0.005  # The summary rounds shorter times to 0.00.
    return Run(seconds, own_seconds, summary[1] if summary else "")


def watch(command: Sequence[str], lines: Sequence[int]) -> tuple[list[float], float]:
    """Run a command that writes nothing to stderr, and count the lines on its stdout.

    Returns the seconds after which it had written each of these numbers of lines, and the peak
    memory of its largest process in MB.

    Raises
    ------
    Failed
        If the command exits with another code than 0.
    """
    start = time.perf_counter()
    moments: list[float] = []
    written = 0
    with subprocess.Popen(
        [sys.executable, "-S", "-c", _WATCH, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        while chunk := os.read(process.stdout.fileno(), 1 << 16):
            written += chunk.count(b"\n")
            while len(moments) < len(lines) and written >= lines[len(moments)]:
                moments.append(time.perf_counter() - start)
        messages = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise Failed(f"{' '.join(command)}: {messages.strip()}")
    return moments, float(messages) * (1 if sys.platform == "darwin" else 1024) / 1e6


def in_turn(sides: Mapping[str, Side], repeats: int) -> tuple[Rates, dict[str, str]]:
    """Run all sides once to warm up, then `repeats` times in turn.

    Returns the rates of each side in images per second, and what it made. The rates by a side's
    own seconds have its name with ` (own)` appended.
    """
    made = {name: side.run().made for name, side in sides.items()}
    rates: Rates = {}
    for _ in range(repeats):
        for name, side in sides.items():
            result = side.run()
            rates.setdefault(name, []).append(side.images / result.seconds)
            rates.setdefault(f"{name} (own)", []).append(side.images / result.own_seconds)
    return rates, made


def paired_ratio(ours: Sequence[float], peer: Sequence[float]) -> float:
    """Return the median ratio of the measurements of the same round."""
    return statistics.median(a / b for a, b in zip(ours, peer))
