"""What can go wrong, and the exit code that says so: one place, so that every tool answers alike.

Code raises one of these with what, where and what to do; only `imagine_common.cli` turns it into
a line on stderr and an exit code.
"""

from __future__ import annotations

import os
import signal

DONE = 0
FAILED = 1
USAGE = 2
STDOUT_CLOSED = 128 + signal.SIGPIPE


class ImagineError(Exception):
    """A failure at run time, told in one line: `where: what; what to do`."""

    exit_code = FAILED


class UsageError(ImagineError):
    """Arguments that can't be meant, found before anything is written."""

    exit_code = USAGE


class StdoutClosed(ImagineError):
    """The reader of stdout went away; nobody is left who wants to be told."""

    exit_code = STDOUT_CLOSED


class WorkerLost(ImagineError):
    """A worker process died without saying why."""


class Interrupted(BaseException):
    """A signal asked the run to end.

    Not an `Exception`, so that nothing but the exit-code boundary swallows it.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum

    @property
    def exit_code(self) -> int:
        """Return the code that a shell reports for a process which this signal ended."""
        return 128 + self.signum


def show(path: str | bytes) -> str:
    """Return a path as one printable line: control and undecodable bytes appear escaped."""
    return printable(os.fsdecode(path)) or "''"


def printable(text: str) -> str:
    """Return text as one line in which control and undecodable characters appear escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def file_error(path: str | bytes, error: OSError) -> ImagineError:
    """Return the error that names the file and the operating system's reason."""
    return ImagineError(f"{show(path)}: {error.strerror or error}")
