"""Messages on stderr while a tool runs: a progress bar, warnings, and a summary at the end."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from typing import Any, TextIO

from imagine_common.files.output import write_all
from imagine_common.parallel.progress import progress
from imagine_common.text import counted, human_bytes, printable


class Report:
    """Counts finished work, draws a progress bar and prints a summary.

    `prog` begins each line, and `total` is the number of images, if known in advance. The bar
    counts images as they are processed, which is before their files are finished. At the end of a
    pipeline it counts those that the manifest has named, and shows how many of them are packed.

    An error that ends the `with` block gets an attribute `finished`: a sentence about the finished
    files, which `item` names, and about `--resume` if the run is `resumable`.
    """

    def __init__(
        self,
        prog: str,
        quiet: bool,
        total: int | None = None,
        *,
        item: str = "",
        resumable: bool = False,
    ) -> None:
        self.files = self.images = self.size = self.kept = 0
        self._prog = prog
        self._quiet = quiet
        self._total = total
        self._item = item
        self._resumable = resumable
        self._bar: Any = None

    def __enter__(self) -> Report:
        self._start = time.perf_counter()
        if not self._quiet and sys.stderr.isatty() and not _is_pipe(1):
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # Its thread would make forking workers unsafe.
            progress.images, progress.listed, progress.total = 0, 0, self._total
            self._bar = tqdm(
                total=self._total,
                unit="img",
                leave=False,
                dynamic_ncols=True,
                miniters=0,  # By default, it looks at the time only after a number of images.
                smoothing=0,  # Images may come in bursts.
                file=_Terminal(),
            )
            progress.listener = self._draw
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if self._bar is not None:
            progress.listener = None
            self._bar.close()
        if error is not None and self._item:
            vars(error)["finished"] = self._finished()

    def add(self, files: int, images: int, size: int, kept: int = 0) -> None:
        """Count finished files, their images and bytes, and how many of them existed before."""
        self.files += files
        self.images += images
        self.size += size
        self.kept += kept
        if self._bar is not None:
            self._draw()

    def info(self, message: str) -> None:
        """Print a message that needs no attention, unless quiet."""
        if not self._quiet:
            self._print(message)

    def warn(self, message: str) -> None:
        """Print a warning, also if quiet: some data may be lost."""
        self._print(f"warning: {message}")

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

    def _draw(self) -> None:
        # Workers of a cluster do not report images before their file is finished.
        images = max(progress.images, self.images)
        if progress.listed and _is_pipe(0):
            self._bar.set_postfix_str(f"{images} packed", refresh=False)
            images = max(progress.listed, images)
        self._bar.total = progress.total
        self._bar.update(images - self._bar.n)

    def _finished(self) -> str:
        parts = []
        if self.files:
            items = counted(self.files, self._item)
            if self._total is not None and self._item == "image":
                items = f"{self.files} of {counted(self._total, 'image')}"
            parts.append(f"{items} {'are' if self.files > 1 else 'is'} finished")
        if self._resumable:
            parts.append("the same command with --resume makes the rest")
        return "; ".join(parts)

    def _print(self, message: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print_stderr(f"{self._prog}: {printable(message)}")


def print_stderr(text: str) -> None:
    """Print lines on stderr. A broken stderr is ignored: files and exit code are still right."""
    try:
        write_text(sys.stderr, f"{text}\n")
    except OSError:
        discard(2)


def write_text(stream: TextIO, text: str) -> None:
    """Write text to a standard stream: at once, so that lines of several tools do not mix."""
    try:
        fd = stream.fileno()
    except OSError:  # A caller has replaced the stream.
        stream.write(text)
        return
    stream.flush()
    data = text.encode(stream.encoding, stream.errors or "strict")
    write_all(fd, [data], len(data))


def discard(fd: int) -> None:
    """Connect a broken stream to /dev/null, so that the interpreter can flush it at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)


class _Terminal:
    """stderr for tqdm, which would fail on a terminal that is gone or does not block."""

    @property
    def encoding(self) -> str:
        return sys.stderr.encoding

    def write(self, text: str) -> None:
        with suppress(OSError):
            write_text(sys.stderr, text)

    def flush(self) -> None:
        """Do nothing: `write` has written everything."""

    def fileno(self) -> int:
        return sys.stderr.fileno()


def _is_pipe(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
