"""Messages on stderr while a tool runs: a progress bar, warnings, and a summary at the end."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import Any

from imagine_common.text import counted, human_bytes


class Report:
    """Counts finished work, draws a progress bar and prints a summary.

    `prog` begins each line, and `total` is the number of images, if known in advance.
    """

    def __init__(self, prog: str, quiet: bool, total: int | None = None) -> None:
        self.files = 0
        self.images = 0
        self.size = 0
        self.kept = 0
        self._prog = prog
        self._quiet = quiet
        self._total = total
        self._bar: Any = None

    def __enter__(self) -> Report:
        self._start = time.perf_counter()
        if not self._quiet and sys.stderr.isatty() and not _is_pipe(1):
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # Its thread would make forking workers unsafe.
            self._bar = tqdm(total=self._total, unit="img", leave=False, dynamic_ncols=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def add(self, files: int, images: int, size: int, kept: int = 0) -> None:
        """Count finished files, their images and bytes, and how many of them existed before."""
        self.files += files
        self.images += images
        self.size += size
        self.kept += kept
        if self._bar is not None:
            self._bar.update(images)

    def info(self, message: str) -> None:
        """Print a message, unless quiet."""
        if not self._quiet:
            self._print(message)

    def warn(self, message: str) -> None:
        """Print a warning, unless quiet."""
        self.info(f"warning: {message}")

    def error(self, message: str) -> None:
        """Print an error that does not end the run."""
        self._print(f"error: {message}")

    def summarize(self, file: str, item: str = "image", more: str = "") -> None:
        """Print one line with the number of files, images and bytes, the seconds and the rates.

        `file` and `item` are nouns for a file and for an item in it; `more` ends the line.
        """
        seconds = max(time.perf_counter() - self._start, 1e-9)  # A coarse clock may not advance.
        rate = self.images / seconds
        kept = f" ({self.kept} there already)" if self.kept else ""
        items = "" if file == item else f", {counted(self.images, item)}"
        self.info(
            f"{counted(self.files, file)}{kept}{items},"
            f" {human_bytes(self.size)} in {seconds:.2f} s"
            f" ({rate:.{0 if rate >= 10 else 2}f} {item}s/s, {human_bytes(self.size / seconds)}/s)"
            f"{more}"
        )

    def _print(self, message: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print_stderr(f"{self._prog}: {message}")


def print_stderr(text: str) -> None:
    """Print lines on stderr. A broken stderr is ignored: files and exit code are still right."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        discard(2)


def discard(fd: int) -> None:
    """Connect a broken stream to /dev/null, so that the interpreter can flush it at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)


def _is_pipe(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
