from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from imagine_common import __version__
from imagine_common.cli.options import (
    add_alias,
    add_message_options,
    add_null_option,
    add_workers_option,
)
from imagine_common.cli.parser import Parser
from imagine_common.cli.tool import run_tool
from imagine_common.errors import (
    ImagineError,
    Interrupted,
    StdoutClosed,
    StorageFull,
    UsageError,
    WorkerLost,
)
from imagine_common.files.temporary import create_temporary, temporary_name
from imagine_common.host import signals
from imagine_common.host.signals import ENDING_SIGNALS
from imagine_common.parallel.ordered_map import ordered_map

HINT = " (--verbose shows where)"


@pytest.fixture
def parser() -> Parser:
    parser = Parser("imagine-x", usage="%(prog)s [options]", description="Do a thing.")
    group = parser.add_argument_group("options")
    group.add_argument("--image-format", default="jpg", help="a format")
    add_alias(group, "--image_format", "image_format")
    add_null_option(group, "stdout")
    add_workers_option(group, "does it")
    add_message_options(group)
    parser.add_closing_options(group)
    return parser


@pytest.fixture(autouse=True)
def handlers() -> Iterator[dict[int, Any]]:
    """Know the handlers before a test, and see that they are the same after it."""
    before: dict[int, Any] = {signum: signal.getsignal(signum) for signum in ENDING_SIGNALS}
    yield before
    after: dict[int, Any] = {signum: signal.getsignal(signum) for signum in ENDING_SIGNALS}
    for signum, handler in before.items():
        signal.signal(signum, handler)
    assert after == before


def nothing(_args: argparse.Namespace) -> None:
    pass


@pytest.mark.parametrize(
    ("argv", "image_format", "delimiter", "workers"),
    [
        ([], "jpg", b"\n", None),
        (["--image-format", "png"], "png", b"\n", None),
        (["--image_format=png"], "png", b"\n", None),
        (["--image_format", "png", "--image-format", "bmp"], "bmp", b"\n", None),
        (["-0"], "jpg", b"\0", None),
        (["--null", "--workers", "3"], "jpg", b"\0", 3),
    ],
)
def test_options_are_parsed(
    parser: Parser, argv: list[str], image_format: str, delimiter: bytes, workers: int | None
) -> None:
    args = parser.parse_args(argv)
    assert (args.image_format, args.delimiter, args.workers) == (image_format, delimiter, workers)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--image", "png"], "unrecognized arguments: --image png (did you mean --image-format?)"),
        (
            ["--image_form=x"],
            "unrecognized arguments: --image_form=x (did you mean --image-format?)",
        ),
        (["--format", "x"], "unrecognized arguments: --format x (did you mean --image-format?)"),
        (["--verb"], "unrecognized arguments: --verb (did you mean --verbose?)"),
        (["x", "--VERBOZE"], "unrecognized arguments: x --VERBOZE (did you mean --verbose?)"),
        (["--num-workers=3"], "unrecognized arguments: --num-workers=3 (did you mean --workers?)"),
        (["-j", "3"], "unrecognized arguments: -j 3 (did you mean --workers?)"),
        (["--paint"], "unrecognized arguments: --paint"),
        (["-"], "unrecognized arguments: -"),
        (["positional"], "unrecognized arguments: positional"),
        (
            ["--workers", "many"],
            "argument --workers: expected a whole number, such as 1000, 5k or 2M, not 'many'",
        ),
        (["--workers"], "argument --workers: expected one argument"),
    ],
)
def test_wrong_arguments_are_one_line(
    parser: Parser, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(words)}$"):
        parser.parse_args(argv)
    assert run_tool(parser, lambda _: pytest.fail("must not run"), argv) == 2
    line = f"imagine-x: error: {words}; see imagine-x --help\n"
    assert capsys.readouterr() == ("", line)


def test_help_hides_the_other_spelling(parser: Parser, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool(parser, lambda _: pytest.fail("must not run"), ["--help"]) == 0
    output, errors = capsys.readouterr()
    assert "--image-format" in output
    assert "image_format" not in output.replace("IMAGE_FORMAT", "")
    assert errors == ""


def test_version_names_the_tool(parser: Parser, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool(parser, lambda _: pytest.fail("must not run"), ["--version"]) == 0
    assert capsys.readouterr() == (f"imagine-x {__version__}\n", "")


def test_done_is_0_and_silent(parser: Parser, capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    assert run_tool(parser, lambda args: seen.append((args.prog, args.workers)), []) == 0
    assert seen == [("imagine-x", None)]
    assert capsys.readouterr() == ("", "")


def test_parse_takes_the_place_of_the_parsers_own(parser: Parser) -> None:
    seen = []

    def parse(_: Parser, argv: Any) -> argparse.Namespace:
        seen.append(argv)
        return parser.parse_args(["--workers", "7"])

    assert run_tool(parser, lambda args: seen.append(args.workers), ["other"], parse) == 0
    assert seen == [["other"], 7]


ERRORS = [
    (ImagineError("a.jpg: gone"), 1, "error: a.jpg: gone"),
    (WorkerLost("a worker died"), 1, "error: a worker died"),
    (UsageError("not so"), 2, "error: not so; see imagine-x --help"),
    (StdoutClosed("gone"), 141, None),
    (Interrupted(signal.SIGINT), 130, "interrupted"),
    (Interrupted(signal.SIGTERM), 143, "terminated"),
    (Interrupted(signal.SIGHUP), 129, "terminated"),
    (MemoryError(), 1, "error: out of memory; try fewer --workers"),
    (ImagineError("two\nlines"), 1, r"error: two\nlines"),
    (ValueError("odd"), 1, "error: ValueError: odd (--verbose shows where)"),
    (BrokenPipeError(32, "x"), 1, "error: x (--verbose shows where)"),
]


@pytest.mark.parametrize(("error", "code", "line"), ERRORS, ids=repr)
def test_every_error_has_its_exit_code_and_one_line(
    parser: Parser,
    error: BaseException,
    code: int,
    line: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_args: argparse.Namespace) -> None:
        raise error

    assert run_tool(parser, fail, []) == code
    assert capsys.readouterr() == ("", f"imagine-x: {line}\n" if line else "")


@pytest.mark.parametrize(
    "error", [ImagineError("gone"), UsageError("gone"), ValueError("gone"), MemoryError("gone")]
)
def test_verbose_shows_where_an_error_was_raised(
    parser: Parser, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_just_here(_args: argparse.Namespace) -> None:
        raise error

    run_tool(parser, fail_just_here, ["--verbose"])
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("Traceback")
    assert "fail_just_here" in errors
    assert errors.splitlines()[-1].startswith("imagine-x: error: ")
    assert "--verbose" not in errors.splitlines()[-1]


@pytest.mark.parametrize(
    ("signum", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
        (signal.SIGQUIT, 131, "terminated"),
        (signal.SIGUSR1, 138, "terminated"),
        (signal.SIGXCPU, 152, "terminated"),
    ],
)
def test_signal_ends_the_run_after_cleaning_up(
    parser: Parser,
    signum: int,
    code: int,
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signals, "_SECONDS_TO_CLEAN_UP", inf)  # however long this process waits
    cleaned = []

    def run(_args: argparse.Namespace) -> None:
        os.close(create_temporary(temporary_name(os.fsencode(tmp_path))))
        try:
            os.kill(os.getpid(), signum)
            pytest.fail("must not go on")
        finally:
            # An impatient user's second and third must not interrupt this cleanup.
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned.append(True)

    assert run_tool(parser, run, []) == code
    assert cleaned == [True]
    assert os.listdir(tmp_path) == []
    assert capsys.readouterr() == ("", f"imagine-x: {word}\n")


def test_ignored_signals_stay_ignored(parser: Parser, handlers: dict[int, Any]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_tool(parser, lambda _: os.kill(os.getpid(), signal.SIGHUP), []) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, handlers[signal.SIGHUP])


@pytest.mark.parametrize("error", [ImagineError("x"), ValueError("x"), None])
def test_unfinished_files_are_removed_at_the_end(
    parser: Parser, error: Exception | None, tmp_path: Path
) -> None:
    def run(_args: argparse.Namespace) -> None:
        os.close(create_temporary(temporary_name(os.fsencode(tmp_path))))
        if error:
            raise error

    run_tool(parser, run, [])
    assert os.listdir(tmp_path) == []


def test_a_signal_that_a_finalizer_swallowed_still_ends_the_run(
    parser: Parser, capsys: pytest.CaptureFixture[str]
) -> None:
    class Finalized:
        def __del__(self) -> None:
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), signal.SIGTERM)

    def run(_args: argparse.Namespace) -> None:
        done: list[int] = []
        for unit in ordered_map(done.append, range(3), 1):
            assert unit is None
            Finalized()
        pytest.fail("must not go on")

    assert run_tool(parser, run, []) == 143
    assert capsys.readouterr().err == "imagine-x: terminated\n"


def test_a_signal_that_python_dropped_at_the_end_is_reported_by_the_tool_alone(
    parser: Parser, capsys: pytest.CaptureFixture[str]
) -> None:
    class Finalized:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    def run(_args: argparse.Namespace) -> None:
        Finalized()

    assert run_tool(parser, run, []) == 143
    assert capsys.readouterr().err == "imagine-x: terminated\n"


def test_an_error_caused_by_a_signal_is_reported_as_the_signal(
    parser: Parser, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_args: argparse.Namespace) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            raise ImportError("what an extension module makes of it") from None

    assert run_tool(parser, run, []) == 130
    assert capsys.readouterr().err == "imagine-x: interrupted\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (WorkerLost("lost"), "error: lost; 3 files are finished"),
        (StorageFull("full"), "error: full; 3 files are finished"),
        (Interrupted(signal.SIGINT), "interrupted; 3 files are finished"),
        (ImagineError("odd"), "error: odd"),
        (OSError(5, "Input/output error", "a\nb"), rf"error: a\nb: Input/output error{HINT}"),
        (OSError(5, "Input/output error"), f"error: Input/output error{HINT}"),
        (ImportError("x.so: failed to map segment"), "error: out of memory; try fewer --workers"),
        (MemoryError(), "error: out of memory; try fewer --workers"),
        (RuntimeError("can't start new thread"), f"error: can't start new thread{HINT}"),
    ],
)
def test_errors_are_explained_without_the_names_of_classes(
    parser: Parser, capsys: pytest.CaptureFixture[str], error: BaseException, line: str
) -> None:
    def run(_args: argparse.Namespace) -> None:
        vars(error)["finished"] = "3 files are finished"
        raise error

    run_tool(parser, run, [])
    assert capsys.readouterr().err == f"imagine-x: {line}\n"


def test_a_traceback_has_no_raw_escapes_and_no_secret(
    parser: Parser, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_args: argparse.Namespace) -> None:
        raise ValueError("\x1b[31m in s3://SECRET@bucket/x")

    run_tool(parser, run, ["--verbose"])
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert r"\x1b[31m in s3://...@bucket/x" in err
    assert "\x1b" not in err
    assert "SECRET" not in err.replace('s3://SECRET@bucket/x")', "")  # the line of this file


@pytest.mark.parametrize("fd", [1, 2])
def test_a_stream_that_does_not_block_is_waited_for(fd: int) -> None:
    """Another process may have made it so, for all that share it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"." * 4096)
    script = (
        "import sys\n"
        "from imagine_common.cli.report import write_text\n"
        "from imagine_common.exchange.manifest import write_stdout\n"
        "write_stdout(b'x' * 100_000) if sys.argv[1] == '1' else"
        " write_text(sys.stderr, 'x' * 100_000)\n"
    )
    with open(writing, "wb") as stream, open(reading, "rb") as read:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(fd)],
            stdout=stream if fd == 1 else None,
            stderr=stream if fd == 2 else None,
        )
        stream.close()
        assert read.read().lstrip(b".") == b"x" * 100_000
    assert process.wait() == 0


def test_handlers_are_restored_while_no_signal_can_arrive(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python complains about a signal whose handler goes while it arrives."""
    restore = signal.signal
    blocked: list[bool] = []

    def noting(signum: int, handler: Any) -> Any:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        blocked.append(mask >= set(ENDING_SIGNALS))
        return restore(signum, handler)

    monkeypatch.setattr("signal.signal", noting)
    assert run_tool(parser, nothing, []) == 0
    assert blocked == [False] * len(ENDING_SIGNALS) + [True] * len(ENDING_SIGNALS)


def test_a_librarys_warning_is_one_line(parser: Parser, capsys: pytest.CaptureFixture[str]) -> None:
    def run(_args: argparse.Namespace) -> None:
        warnings.simplefilter("default")
        warnings.warn("slow\nhere", RuntimeWarning, stacklevel=1)

    show = warnings.showwarning
    assert run_tool(parser, run, []) == 0
    assert capsys.readouterr().err == "imagine-x: warning: slow\\nhere\n"
    assert warnings.showwarning is show
