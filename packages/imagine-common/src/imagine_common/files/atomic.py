"""Local files that appear whole or not at all.

A file is written beside its final path under a temporary name, then renamed. With `fsync`, the file
is on the disk before the rename, and the folder's entry after it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from imagine_common.errors import file_error, file_errors
from imagine_common.files.output import Buffer, BufferedOutput, OutputFile
from imagine_common.files.temporary import (
    create_temporary,
    remove_temporary,
    rename_temporary,
    temporary_name,
)
from imagine_common.host.threads import check_stopped


class AtomicFile(OutputFile):
    """A local file that is renamed to `path` when its `with` block ends without error."""

    def __init__(self, path: bytes, fsync: bool = False) -> None:
        self.path = path
        self._errors = file_errors(path)
        self._fsync = fsync
        self._temporary = temporary_name(os.path.dirname(path))
        self._fd = -1
        self._synced = -1  # how many of the bytes written are on the disk

    def __enter__(self) -> AtomicFile:
        with self._errors:
            self._fd = create_temporary(self._temporary)
        self._output = BufferedOutput(self._fd)
        return self

    @property
    def size(self) -> int:
        """Return the number of bytes appended."""
        return self._output.size

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers without copying them; they must not change until `flush`."""
        check_stopped()
        # Called for each record: `file_errors` would take longer than the rest.
        try:
            self._output.write(buffers)
        except OSError as error:
            raise file_error(self.path, error) from error

    def flush(self) -> None:
        """Write all appended buffers."""
        with self._errors:
            self._output.flush()

    def settle(self) -> None:
        """Write all appended bytes, to the disk with `fsync`; only the rename can still fail."""
        with self._errors:
            self._settle()

    def finish(self) -> None:
        """Write all appended bytes and rename the file."""
        with self._errors:
            self._settle()
            fd, self._fd = self._fd, -1
            os.close(fd)
            _publish(self._temporary, self.path, self._fsync)

    def abort(self) -> None:
        """Remove the file unless it is finished."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
        remove_temporary(self._temporary)

    def unfinished_path(self) -> bytes:
        """Return the temporary path."""
        return self._temporary

    def _settle(self) -> None:
        self._output.flush()
        if self._fsync and self._synced != self._output.written:
            os.fsync(self._fd)
            self._synced = self._output.written


def publish(temporary: bytes, path: bytes, fsync: bool = False) -> None:
    """Rename a finished file to its final path, replacing an older file."""
    with file_errors(path):
        _publish(temporary, path, fsync)


def _publish(temporary: bytes, path: bytes, fsync: bool) -> None:
    rename_temporary(temporary, path)
    if fsync:
        sync_folder_of(path)


def sync_folder_of(path: bytes) -> None:
    """Write a path's entry in its folder to the disk; raise an OSError on failure."""
    sync(os.path.dirname(path) or b".")


def sync(path: bytes) -> None:
    """Write a file or folder to the disk; raise an OSError on failure."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
