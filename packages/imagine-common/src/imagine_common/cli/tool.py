"""The frame of every command-line tool: its way to an exit code."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence

from imagine_common.cli.parser import Parser
from imagine_common.cli.presets import parse_with_preset
from imagine_common.cli.report import print_stderr
from imagine_common.cli.summary import SummaryFile
from imagine_common.errors import (
    DONE,
    FAILED,
    ImagineError,
    Interrupted,
    StdoutClosed,
    StorageFull,
    UsageError,
    WorkerLost,
)
from imagine_common.files.temporary import remove_unfinished
from imagine_common.host.signals import (
    check_interrupted,
    ending_signals_blocked,
    ending_signals_raised,
)
from imagine_common.lazy import out_of_memory
from imagine_common.text import printable, show


def run_tool(
    parser: Parser,
    run: Callable[[argparse.Namespace], None],
    argv: Sequence[str] | None,
    parse: Callable[[Parser, Sequence[str]], argparse.Namespace] = parse_with_preset,
) -> int:
    """Parse arguments, run the tool, print its error if any, and return its exit code.

    `argv` is that of the process by default, and `parse` replaces `parse_with_preset`. The parsed
    arguments get an attribute `prog`, the tool's name, and those that `SummaryFile` reads.
    """
    argv = sys.argv[1:] if argv is None else argv
    verbose = False
    summary: SummaryFile | None = None
    received: list[int] = []
    try:
        with ending_signals_raised() as received:
            _open_missing_descriptors()
            try:
                args = parse(parser, argv)
                verbose = args.verbose
                args.prog, args.report, args.facts = parser.prog, None, {}
                args.libraries = parser.libraries
                if getattr(args, "summary_json", None) is not None:
                    summary = SummaryFile(args, argv)
                try:
                    with warnings.catch_warnings():
                        warnings.showwarning = lambda message, *_, **__: print_stderr(
                            f"{parser.prog}: warning: {printable(str(message))}"
                        )
                        run(args)
                        check_interrupted()
                except ImagineError as error:
                    if isinstance(error, UsageError):
                        error.for_python = False
                    _blame_preset(args, error)
                    raise
            finally:
                with ending_signals_blocked():
                    remove_unfinished()
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except BaseException as error:
        # A signal can cause other errors on its way, but it is what ended the run.
        finished = getattr(error, "finished", "")
        if received:
            error, verbose = Interrupted(received[0]), False
        return _explain(error, parser.prog, verbose, finished, summary)
    return DONE if summary is None else summary.write(DONE, None)


def _explain(
    error: BaseException, prog: str, verbose: bool, finished: str, summary: SummaryFile | None
) -> int:
    """Print the error that ended a run, in one line, and return the exit code."""
    line = None
    if not isinstance(error, StdoutClosed):
        line = _describe(error, prog, verbose)
        if finished and isinstance(error, (Interrupted, StorageFull, WorkerLost)):
            line = f"{line}; {finished}"
        line = printable(line)
        if verbose:
            text = "".join(traceback.format_exception(error)).rstrip()
            print_stderr("\n".join(map(printable, text.split("\n"))))
        print_stderr(f"{prog}: {line}")
    exit_code = error.exit_code if isinstance(error, (ImagineError, Interrupted)) else FAILED
    return exit_code if summary is None else summary.write(exit_code, line)


def _describe(error: BaseException, prog: str, verbose: bool) -> str:
    if isinstance(error, Interrupted):
        return "interrupted" if error.signum == signal.SIGINT else "terminated"
    if isinstance(error, UsageError):
        return f"error: {error}; see {prog} --help"
    if isinstance(error, ImagineError):
        return f"error: {error}"
    if out_of_memory(error):
        return "error: out of memory; try fewer --workers"
    reason = f"{type(error).__name__}: {error}"  # Only a defect is shown as Python's error.
    if isinstance(error, OSError):
        place = f"{show(error.filename)}: " if error.filename else ""
        reason = f"{place}{error.strerror or error}"
    elif isinstance(error, RuntimeError) and "start new thread" in str(error):
        reason = str(error)
    return f"error: {reason}{'' if verbose else ' (--verbose shows where)'}"


def _open_missing_descriptors() -> None:
    """Open /dev/null for a closed stdin, stdout or stderr, in the direction that fails when used.

    Otherwise the next opened file would get the descriptor, and would be written to as stdout.
    """
    for fd, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, flags)
    # print(file=None) would write to stdout.
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def _blame_preset(args: argparse.Namespace, error: ImagineError) -> None:
    """Extend an error about options by those of them that a preset set."""
    words: dict[str, str] = getattr(args, "preset_options", {})
    named = [word for option, word in words.items() if re.search(rf"{option}(?![-\w])", str(error))]
    if named:
        error.args = (f"{error} (preset {args.preset} has {' '.join(named)})",)
