"""What a run tells the person who watches it: a progress bar, and one line at the end."""

from __future__ import annotations

import os
import stat
import sys
import time
from types import TracebackType
from typing import Any

from imagine_common.text import counted, human_bytes


class Report:
    """Counts what has been made, draws it, and sums it up on stderr.

    Parameters
    ----------
    prog : str
        The name at the beginning of each line.
    quiet : bool
        Whether to say nothing.
    total : int, optional
        How many images there will be, where that is known.
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

            tqdm.monitor_interval = 0  # A thread of its own would forbid to fork workers.
            self._bar = tqdm(total=self._total, unit="img", leave=False, dynamic_ncols=True)
        return self

    def add(self, files: int, images: int, size: int, kept: int = 0) -> None:
        """Count finished files, the images in them, their bytes, and how many were there before."""
        self.files += files
        self.images += images
        self.size += size
        self.kept += kept
        if self._bar is not None:
            self._bar.update(images)

    def warn(self, message: str) -> None:
        """Say something that is no error, on a line of its own."""
        if not self._quiet:
            self._say(f"warning: {message}")

    def error(self, message: str) -> None:
        """Say what is wrong with something, though the run goes on."""
        self._say(f"error: {message}")

    def info(self, message: str) -> None:
        """Say something that was asked for."""
        if not self._quiet:
            self._say(message)

    def summarize(self, file: str, item: str = "image", more: str = "") -> None:
        """Say in one line what has been done: files, what is in them, bytes, seconds, rates.

        Parameters
        ----------
        file, item : str
            What one of the files, and of what is in them, is called.
        more : str
            What else there is to say.
        """
        # A coarse clock may have stood still.
        seconds = max(time.perf_counter() - self._start, 1e-9)
        rate = self.images / seconds
        kept = f" ({self.kept} there already)" if self.kept else ""
        items = "" if file == item else f", {counted(self.images, item)}"
        self.info(
            f"{counted(self.files, file)}{kept}{items},"
            f" {human_bytes(self.size)} in {seconds:.2f} s"
            f" ({rate:.{0 if rate >= 10 else 2}f} {item}s/s, {human_bytes(self.size / seconds)}/s)"
            f"{more}"
        )

    def _say(self, message: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        say(f"{self._prog}: {message}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def say(text: str) -> None:
    """Print lines on stderr. Where nobody can be told, files and exit codes have to do."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        discard(2)


def discard(fd: int) -> None:
    """Send what is left for a stream, and the interpreter would write when it ends, nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)


def _is_pipe(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
