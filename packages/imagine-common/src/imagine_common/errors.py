"""The errors that the tools raise, and their exit codes.

A message says what failed, on what, and what to do. `imagine_common.cli.tool` alone turns an error
into a line on stderr and an exit code.
"""

from __future__ import annotations

import errno
import re
import signal

from imagine_common.text import show

DONE = 0
FAILED = 1
USAGE = 2
STDOUT_CLOSED = 128 + signal.SIGPIPE
_OPTION = re.compile(r"(?<![\w/-])--([a-z]+(?:-[a-z]+)*)")


class ImagineError(Exception):
    """A failure at run time, with a message of one line: `where: what; what to do`."""

    exit_code = FAILED


class UsageError(ImagineError):
    """Invalid arguments, found before anything is written.

    The message names options, such as `--img-per-file`, or, with `for_python`, the parameters of
    Python functions, such as `img_per_file`.
    """

    exit_code = USAGE
    for_python = False

    def __str__(self) -> str:
        text = super().__str__()
        if not self.for_python:
            return text
        parameter = _OPTION.sub(lambda option: option[1].replace("-", "_"), text)
        return parameter.replace("argument size_list", "argument sizes")


class StdoutClosed(ImagineError):
    """The reader of stdout is gone; the run ends without a message."""

    exit_code = STDOUT_CLOSED


class WorkerLost(ImagineError):
    """A worker process died without raising an error, or a cluster no longer answers."""


class StorageFull(ImagineError):
    """There is no space left for a file, or a quota is used up."""


class Interrupted(BaseException):
    """A signal that ends the run; no `Exception`, so that only `run_tool` catches it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
        self.exit_code = 128 + signum  # as shells report it


def file_error(path: str | bytes, error: OSError) -> ImagineError:
    """Return an error with a file's path and the operating system's message."""
    kind = StorageFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else ImagineError
    return kind(f"{show(path)}: {error.strerror or error}")


class file_errors:  # noqa: N801 - a context manager reads as a function
    """Turn operating-system errors in a `with` block into `ImagineError`s that name a file."""

    __slots__ = ("_path",)

    def __init__(self, path: str | bytes) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            raise file_error(self._path, error) from error
