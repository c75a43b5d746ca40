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

_WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
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
    return Run(seconds, own_seconds, summary[1] if summary else "")


def run_watching_memory(command: Sequence[str]) -> tuple[float, float]:
    """Run a command and return its seconds and the most MB that any of its processes had."""
    # What a process had before it became another program counts, so a small one starts it.
    finished = subprocess.run(
        [sys.executable, "-S", "-c", _WATCH, *command], capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise Failed(f"{' '.join(command)}: {finished.stderr.strip()}")
    seconds, peak = map(float, finished.stdout.split())
    return seconds, peak * (1 if sys.platform == "darwin" else 1024) / 1e6


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
