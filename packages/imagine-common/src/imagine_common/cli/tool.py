"""The frame of every command-line tool: its parser, and its way to an exit code."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from imagine_common import __version__
from imagine_common.cli.report import discard, print_stderr, write_text
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
from imagine_common.host.signals import ending_signals_blocked, ending_signals_raised
from imagine_common.text import printable, show


class Parser(argparse.ArgumentParser):
    """An argument parser with `--version`, no abbreviations, and errors of one line."""

    def __init__(self, prog: str, usage: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            add_help=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.preset_tool = ""
        self.late_epilog: Callable[[], str] | None = None  # before the epilog; slow to make

    def format_help(self) -> str:
        """Return the help."""
        if self.late_epilog is not None:
            self.epilog = f"{self.late_epilog()}\n\n{self.epilog or ''}"
            self.late_epilog = None
        return super().format_help()

    def actions(self) -> list[argparse.Action]:
        """Return the parser's options and positional arguments."""
        # Private to argparse; checked with Python 3.10 to 3.13.
        return self._actions

    def add_closing_options(self, group: argparse._ArgumentGroup) -> None:
        """Add the options at the end of every tool's help."""
        # With -0 as an option, argparse would also parse a value such as -1 as an option.
        # Private to argparse; checked with Python 3.10 to 3.13.
        self._has_negative_number_optionals.clear()
        group.add_argument("-h", "--help", action="help", help="show this help and exit")
        group.add_argument(
            "--version",
            action="version",
            version=f"{self.prog} {__version__}",
            help="show the version and exit",
        )

    def _print_message(self, message: str, file: object = None) -> None:
        # argparse ignores a closed stdout. Private to argparse; checked with Python 3.10 to 3.13.
        try:
            write_text(sys.stderr if file == sys.stderr else sys.stdout, message)
        except OSError as error:
            discard(1)
            if isinstance(error, BrokenPipeError):
                raise StdoutClosed from None
            raise ImagineError(f"standard output: {error.strerror}") from error

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message about the arguments as a `UsageError`."""
        raise UsageError(message)


def run_tool(
    parser: Parser,
    run: Callable[[argparse.Namespace], None],
    argv: Sequence[str] | None,
    parse: Callable[[Sequence[str] | None], argparse.Namespace] | None = None,
) -> int:
    """Parse arguments, run the tool, print its error if any, and return its exit code.

    `argv` is that of the process by default, and `parse` replaces `parser.parse_args`. The parsed
    arguments get an attribute `prog`, the tool's name.
    """
    verbose = False
    received: list[int] = []
    try:
        with ending_signals_raised() as received:
            _open_missing_descriptors()
            try:
                args = (parse or parser.parse_args)(argv)
                verbose = args.verbose
                args.prog = parser.prog
                try:
                    run(args)
                except UsageError as error:
                    if not getattr(args, "preset_options", None):
                        raise
                    raise _blame_preset(args, error) from error
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
        return _explain(error, parser.prog, verbose, finished)
    return DONE


def _explain(error: BaseException, prog: str, verbose: bool, finished: str) -> int:
    """Print the error that ended a run, in one line, and return the exit code."""
    if isinstance(error, StdoutClosed):
        return error.exit_code
    if isinstance(error, Interrupted):
        line = "interrupted" if error.signum == signal.SIGINT else "terminated"
    elif isinstance(error, UsageError):
        line = f"error: {error}; see {prog} --help"
    elif isinstance(error, ImagineError):
        line = f"error: {error}"
    elif isinstance(error, MemoryError):
        line = "error: out of memory; try fewer --workers"
    else:
        hint = "" if verbose else " (--verbose shows where)"
        line = f"error: {_reason(error)}{hint}"
    if finished and isinstance(error, (Interrupted, StorageFull, WorkerLost)):
        line = f"{line}; {finished}"
    if verbose:
        text = "".join(traceback.format_exception(error)).rstrip()
        print_stderr("\n".join(map(printable, text.split("\n"))))
    print_stderr(f"{prog}: {printable(line)}")
    return error.exit_code if isinstance(error, (ImagineError, Interrupted)) else FAILED


def _reason(error: BaseException) -> str:
    """Return the reason of an unexpected error; only a defect is shown as Python's."""
    if isinstance(error, OSError):
        place = f"{show(error.filename)}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    if isinstance(error, ImportError):  # Memory that is too short for a library, for example.
        return f"can't load a library: {error}"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return str(error)
    return f"{type(error).__name__}: {error}"


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


def _blame_preset(args: argparse.Namespace, error: UsageError) -> UsageError:
    """Return an error about options, extended by those of them that a preset set."""
    words: dict[str, str] = args.preset_options
    named = [word for option, word in words.items() if re.search(rf"{option}(?![-\w])", str(error))]
    if not named:
        return error
    return UsageError(f"{error} (preset {args.preset} has {' '.join(named)})")
