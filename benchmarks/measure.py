"""Measuring two things against each other on a machine that others use too.

The machine's speed drifts, so what is compared runs in turn, and what counts is the median of the
ratios of neighbors, not the ratio of totals.
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

# What a process had in memory before it became another program counts as that program's, so a small
# one starts it.
_WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


class Failed(Exception):
    """A command that was to be measured has failed; the message says how."""


class Run(NamedTuple):
    """A finished command.

    `seconds` are those from start to end, `own_seconds` what it says itself, without starting
    Python; `made` is how much it says to have made.
    """

    seconds: float
    own_seconds: float
    made: str = ""


class Side(NamedTuple):
    """One of the commands that are compared, and how many images it makes."""

    images: int
    run: Callable[[], Run]


def run(command: Sequence[str], stdin: str = os.devnull) -> Run:
    """Run a command, which must succeed.

    Its own seconds are the only line of its stdout, or those in the summary of an imagine tool.
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
    own_seconds = own_seconds or 0.005  # What the summary rounds to 0.00 is less.
    return Run(seconds, own_seconds, summary[1] if summary else "")


def watch(command: Sequence[str], lines: Sequence[int]) -> tuple[list[float], float]:
    """Run a command that says nothing on stderr, and watch it.

    Returns the moments, in seconds, at which it had written so many lines, and the most MB that any
    of its processes had.
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
    """Run all sides once to warm up, then in turn.

    Returns the rates that each gave, and how much it made. A side's rate by its own seconds is
    found under its name with ` (own)` after it.
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
    """Return the median of the ratios of measurements that were neighbors."""
    return statistics.median(a / b for a, b in zip(ours, peer))
