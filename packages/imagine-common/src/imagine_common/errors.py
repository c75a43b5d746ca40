"""The errors that the tools raise, and their exit codes.

The message says what failed, on what, and what to do. Only `imagine_common.cli.tool` turns an error
into a line on stderr and an exit code.
"""

from __future__ import annotations

import signal

from imagine_common.text import show

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


def file_error(path: str | bytes, error: OSError) -> ImagineError:
    """Return the error that names the file and the operating system's reason."""
    return ImagineError(f"{show(path)}: {error.strerror or error}")


class file_errors:  # noqa: N801 - a context manager reads as a function
    """Turn operating-system errors in a `with` block into `ImagineError`s that name a file."""

    __slots__ = ("_path",)

    def __init__(self, path: str | bytes) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise file_error(self._path, error) from error
