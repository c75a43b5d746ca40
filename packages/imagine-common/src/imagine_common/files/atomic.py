"""Files that appear whole or not at all.

A file is written beside its final place under a temporary name, then renamed. Who must not lose it
to a failure of power has it synced to the disk before it is renamed, and the folder after.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

from imagine_common.errors import ImagineError, file_error
from imagine_common.files.output import Buffer, BufferedOutput
from imagine_common.files.temporary import (
    create_temporary,
    remove_temporary,
    rename_temporary,
    temporary_name,
)
from imagine_common.host.stopping import check_stopped


class AtomicFile:
    """A file that takes its final name, replacing what had it, when its `with` block ends well.

    With `fsync`, file and name are on the disk then. Errors of the operating system arrive as
    `ImagineError`s that name the final path.
    """

    def __init__(self, path: bytes, fsync: bool = False) -> None:
        self.path = path
        self._fsync = fsync
        self.temporary = temporary_name(os.path.dirname(path))
        self._fd = -1
        self._synced = -1  # of the bytes written, how many are on the disk

    def __enter__(self) -> AtomicFile:
        try:
            self._fd = create_temporary(self.temporary)
        except OSError as error:
            raise file_error(self.path, error) from error
        self._output = BufferedOutput(self._fd)
        return self

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers, without copying them: they must stay as they are until the end.

        They go to the file once there are enough for a large write.
        """
        check_stopped()
        try:
            self._output.write(buffers)
        except OSError as error:
            raise file_error(self.path, error) from error

    def flush(self) -> None:
        """Write what has been appended to the file, still under its temporary name."""
        try:
            self._output.flush()
        except OSError as error:
            raise file_error(self.path, error) from error

    def settle(self) -> None:
        """Write all that has been appended, so that nothing but the name is left to fail."""
        self.flush()
        if self._fsync and self._synced != self._output.written:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise file_error(self.path, error) from error
            self._synced = self._output.written

    @property
    def size(self) -> int:
        """Return how many bytes have been appended."""
        return self._output.size

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if self._fd >= 0:
                with suppress(OSError):
                    os.close(self._fd)
            remove_temporary(self.temporary)

    def _finish(self) -> None:
        self.settle()
        fd, self._fd = self._fd, -1
        try:
            os.close(fd)
        except OSError as error:
            raise file_error(self.path, error) from error
        publish(self.temporary, self.path, self._fsync)


def publish(temporary: bytes, path: bytes, fsync: bool = False) -> None:
    """Give a finished file its final name, replacing what has it.

    Raises
    ------
    ImagineError
        Where it can't have it.
    """
    try:
        rename_temporary(temporary, path)
        if fsync:
            _sync_folder_of(path)
    except OSError as error:
        raise file_error(path, error) from error


def sync_file(path: bytes) -> None:
    """Have a finished file, and its name, written to the disk.

    Raises
    ------
    ImagineError
        Where that can't be done.
    """
    try:
        _sync(path)
        _sync_folder_of(path)
    except OSError as error:
        raise file_error(path, error) from error


def remove_file(path: bytes, fsync: bool = False) -> None:
    """Remove a file, where it is there.

    Raises
    ------
    ImagineError
        Where it can't be removed.
    """
    try:
        os.unlink(path)
        if fsync:
            _sync_folder_of(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_error(path, error) from error


def create_folder(path: bytes, fsync: bool = False) -> None:
    """Create a folder and its parents, where missing.

    Raises
    ------
    ImagineError
        Where it can't be made, or something else has the name.
    """
    missing = []
    folder = os.path.abspath(path)
    while fsync and not os.path.exists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    try:
        os.makedirs(path, exist_ok=True)
        for folder in missing:
            _sync_folder_of(folder)
    except FileExistsError as error:
        raise ImagineError(f"{file_error(path, error)}, and it is not a folder") from error
    except OSError as error:
        raise file_error(path, error) from error


def create_subfolder(path: bytes, fsync: bool = False) -> bool:
    """Create a folder in one that is there; tell whether it was missing.

    Raises
    ------
    ImagineError
        Where it can't be made, the other is not there, or something else has the name.
    """
    try:
        os.mkdir(path)
        if fsync:
            _sync_folder_of(path)
    except FileExistsError as error:
        if not os.path.isdir(path):
            raise ImagineError(f"{file_error(path, error)}, and it is not a folder") from error
        return False
    except OSError as error:
        raise file_error(path, error) from error
    return True


def _sync_folder_of(path: bytes) -> None:
    _sync(os.path.dirname(path) or b".")


def _sync(path: bytes) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
