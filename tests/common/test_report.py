from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from imagine_common.cli.report import Report
from imagine_common.errors import WorkerLost
from imagine_common.text import human_bytes
from support import PATIENCE

NUMBER = r"[0-9.e+]+"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 bytes"),
        (12, "12 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1004, "1 kB"),
        (1230, "1.23 kB"),
        (12_345, "12.3 kB"),
        (123_456, "123 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (1_500_000, "1.5 MB"),
        (2**30, "1.07 GB"),
        (5 * 10**12, "5 TB"),
        (7 * 10**15, "7 PB"),
        (0.5, "0.5 bytes"),
    ],
)
def test_bytes_are_shown_with_three_digits(size: float, text: str) -> None:
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("noun", "added", "start"),
    [
        ("image", [(1, 1, 1000)], "1 image, 1 kB"),
        ("image", [(2, 2, 1000), (1, 1, 500)], "3 images, 1.5 kB"),
        ("file", [(1, 1, 2_000_000)], "1 file, 1 image, 2 MB"),
        ("file", [(1, 10, 1000), (1, 5, 0)], "2 files, 15 images, 1 kB"),
    ],
)
def test_summary_is_one_line(
    noun: str,
    added: list[tuple[int, int, int]],
    start: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Report("imagine-x", quiet=False) as report:
        for files, images, size in added:
            report.add(files, images, size)
        report.summarize(noun)
    output, line = capsys.readouterr()
    assert output == ""
    rest = rf" in {NUMBER} s \({NUMBER} images/s, {NUMBER} (bytes|.B)/s\)"
    assert re.fullmatch(rf"imagine-x: {re.escape(start)}{rest}\n", line)


def test_a_stopped_clock_is_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 5.0)
    with Report("imagine-x", quiet=False) as report:
        report.add(1, 1, 10)
        report.summarize("image")
    assert capsys.readouterr().err.startswith("imagine-x: 1 image, 10 bytes in 0.00 s (")


def test_counts_are_sums() -> None:
    with Report("imagine-x", quiet=True) as report:
        report.add(1, 10, 100)
        report.add(2, 20, 200)
    assert (report.files, report.images, report.size) == (3, 30, 300)


def test_warnings_and_answers_are_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Report("imagine-x", quiet=False) as report:
        report.warn("odd\x1b")
        report.info("asked for s3://SECRET@bucket")
    lines = "imagine-x: warning: odd\\x1b\nimagine-x: asked for s3://...@bucket\n"
    assert capsys.readouterr() == ("", lines)


def test_quiet_leaves_warnings_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with Report("imagine-x", quiet=True) as report:
        report.add(1, 1, 1)
        report.warn("odd")
        report.error("wrong")
        report.info("asked for")
        report.summarize("image")
    assert capsys.readouterr() == ("", "imagine-x: warning: odd\nimagine-x: error: wrong\n")


class Written(io.StringIO):
    """A stream that notes each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


def test_a_line_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stderr := Written())
    with Report("imagine-x", quiet=False) as report:
        report.warn("odd")
    assert stderr.writes == ["imagine-x: warning: odd\n"]


@pytest.mark.parametrize(
    ("options", "files", "images", "finished"),
    [
        (
            {"item": "image", "resumable": True},
            0,
            0,
            "the same command with --resume makes the rest",
        ),
        ({"item": "file"}, 0, 0, ""),
        ({}, 1, 1, None),
        ({"item": "file"}, 1, 3, "1 file is finished"),
        ({"item": "file"}, 2, 6, "2 files are finished"),
        (
            {"item": "image", "resumable": True},
            1,
            1,
            "1 of 9 images is finished; the same command with --resume makes the rest",
        ),
    ],
)
def test_an_error_gets_what_is_finished(
    options: dict[str, Any], files: int, images: int, finished: str | None
) -> None:
    error = WorkerLost("lost")
    with suppress(WorkerLost), Report("imagine-x", True, 9, **options) as report:
        report.add(files, images, 100)
        raise error
    assert getattr(error, "finished", None) == finished


SCRIPT = """
import sys, threading, time
from imagine_common.cli.report import Report
from imagine_common.errors import WorkerLost
from imagine_common.parallel.progress import progress
with Report("imagine-x", "quiet" in sys.argv) as report:
    progress.total = 7
    progress.listed = 6 if "listed" in sys.argv else 0
    for _ in range(3):
        time.sleep(0.11)  # more than between two drawings
        progress.advance()
    time.sleep(0.11)
    report.add(1, 7, 70)
    report.warn("odd")
    # A second thread would forbid to fork workers.
    assert threading.active_count() == 1
sys.exit("tqdm" in sys.modules)
"""


END = b"<end>"


def drawn(stdout: int, *args: str, stdin: int = subprocess.DEVNULL) -> tuple[bool, bytes]:
    """Report to a terminal as stderr; return whether a bar was drawn, and all that was."""
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *args],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            timeout=PATIENCE,
        )
        # What is written may come out in pieces, and later: this comes out last.
        os.write(stderr, END)
        text = b""
        while not text.endswith(END):
            text += os.read(terminal, 1 << 16)
    finally:
        os.close(terminal)
        os.close(stderr)
    return bool(done.returncode), text.removesuffix(END)


def test_bar_is_drawn_on_a_terminal(tmp_path: Path) -> None:
    with open(tmp_path / "stdout", "wb") as file:
        bar, text = drawn(file.fileno())
    assert bar
    assert b"0img [" in text
    # Images count before their file is finished, and the time left is known with the total.
    assert re.search(rb"2/7 \[00:00<00:0\d, ", text)
    assert b"7/7" in text
    assert b"\rimagine-x: warning: odd\r\n" in text  # the bar makes room
    assert (tmp_path / "stdout").read_bytes() == b""


def test_at_the_end_of_a_pipeline_the_bar_counts_what_the_manifest_has_named(
    tmp_path: Path,
) -> None:
    with open(tmp_path / "stdout", "wb") as file:
        bar, text = drawn(file.fileno(), "listed", stdin=subprocess.PIPE)
    assert bar
    assert re.search(rb"6/7 \[00:00<00:0\d, [^]]+img/s, 2 packed\]", text)


def test_no_bar_is_drawn_by_a_tool_that_feeds_a_pipe() -> None:
    reading, writing = os.pipe()
    assert drawn(writing) == (False, b"imagine-x: warning: odd\r\n")
    os.close(reading)
    os.close(writing)


def test_no_bar_is_drawn_when_quiet(tmp_path: Path) -> None:
    with open(tmp_path / "stdout", "wb") as file:
        assert drawn(file.fileno(), "quiet") == (False, b"imagine-x: warning: odd\r\n")


@pytest.mark.process
def test_no_bar_is_drawn_without_a_terminal(tmp_path: Path) -> None:
    with open(tmp_path / "stdout", "wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], stdout=file, stderr=subprocess.PIPE, timeout=PATIENCE
        )
    assert (done.returncode, done.stderr) == (0, b"imagine-x: warning: odd\n")
