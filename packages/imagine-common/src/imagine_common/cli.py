"""From arguments to an exit code: the frame around every tool.

Here, and nowhere else, errors become lines on stderr and exit codes, and signals become errors.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from imagine_common import __version__
from imagine_common.atomic import remove_unfinished
from imagine_common.errors import (
    DONE,
    ENDING_SIGNALS,
    FAILED,
    STDOUT_CLOSED,
    ImagineError,
    Interrupted,
    StdoutClosed,
    UsageError,
)

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Parser(argparse.ArgumentParser):
    """An argument parser that knows `--version`, no abbreviations, and errors of one line."""

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

    def add_closing_options(self, group: argparse._ArgumentGroup) -> None:
        """Add the options that end the help of every tool."""
        group.add_argument("-h", "--help", action="help", help="show this help and exit")
        group.add_argument(
            "--version",
            action="version",
            version=f"{self.prog} {__version__}",
            help="show the version and exit",
        )

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # argparse's own passes over errors, or leaves them to the interpreter's end.
        try:
            (file or sys.stdout).write(message)
            sys.stdout.flush()
        except OSError as error:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)  # What is left in the buffer goes there.
            os.close(null)
            if isinstance(error, BrokenPipeError):
                raise StdoutClosed from None
            raise ImagineError(f"standard output: {error.strerror}") from error

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments.

        Raises
        ------
        UsageError
        """
        raise UsageError(message)


def run_tool(
    parser: Parser,
    run: Callable[[argparse.Namespace], None],
    argv: Sequence[str] | None,
    parse: Callable[[Sequence[str] | None], argparse.Namespace] | None = None,
) -> int:
    """Parse arguments, run the tool and return its exit code; errors are told on stderr.

    `run` gets the parsed arguments, and in them `prog`, the tool's name. `parse` replaces
    the parser's `parse_args`.
    """
    verbose = False
    try:
        with _signals_raised():
            _open_missing_descriptors()
            try:
                args = (parse or parser.parse_args)(argv)
                verbose = args.verbose
                args.prog = parser.prog
                run(args)
            finally:
                remove_unfinished()
        return DONE
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except StdoutClosed:
        return STDOUT_CLOSED
    except UsageError as error:
        _tell(f"{parser.prog}: error: {error}; see {parser.prog} --help", verbose)
        return error.exit_code
    except ImagineError as error:
        _tell(f"{parser.prog}: error: {error}", verbose)
        return error.exit_code
    except Interrupted as end:
        word = "interrupted" if end.signum == signal.SIGINT else "terminated"
        _tell(f"{parser.prog}: {word}", False)
        return end.exit_code
    except MemoryError:
        _tell(f"{parser.prog}: error: out of memory; try fewer --workers", verbose)
        return FAILED
    except Exception as error:
        hint = "" if verbose else " (--verbose shows where)"
        _tell(f"{parser.prog}: error: {type(error).__name__}: {error}{hint}", verbose)
        return FAILED


def _tell(line: str, verbose: bool) -> None:
    try:
        if verbose:
            traceback.print_exc()
        print(line.replace("\n", "\\n"), file=sys.stderr, flush=True)
    except OSError:
        pass  # Nobody can be told; the exit code has to do.


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Raise the first ending signal as `Interrupted`, and let none disturb the cleaning up."""

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        for other in previous:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(signum)

    # What whoever started us wants ignored (nohup, a background job) stays ignored.
    previous = {
        signum: handler
        for signum in ENDING_SIGNALS
        if (handler := signal.getsignal(signum)) not in (signal.SIG_IGN, None)
    }
    for signum in previous:
        signal.signal(signum, interrupt)
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


def _open_missing_descriptors() -> None:
    """Open /dev/null where stdin, stdout or stderr is closed, in the direction that can't be used.

    Otherwise the first file that we open would take the place, and be written to as stdout.
    """
    for fd, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, flags)
