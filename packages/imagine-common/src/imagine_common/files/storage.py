"""Operations on files, local or in an object store, chosen by the path.

A URL other than `file://` leads to a store, whose modules are imported only then. `folders` has
the operations on folders. Functions raise an `ImagineError` that names the path if the operating
system or the store fails, and a `UsageError` if a URL can't be used.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from imagine_common.errors import ImagineError, file_error, file_errors
from imagine_common.files.output import AtomicFile, OutputFile, sync, sync_folder_of
from imagine_common.files.reading import InputFile, RegularFile, hint_at_name
from imagine_common.files.urls import is_url, local_path
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.stores.store import Store

# A path does not exist, or begins with a file or a circular link instead of a folder.
_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def locate(path: bytes) -> tuple[Store | None, bytes]:
    """Return a URL's store, or None, and the path for the store or the operating system."""
    if not is_url(path):
        return None, path
    local = local_path(path)
    if local != path:
        return None, local
    from imagine_common.files.stores.store import find_store

    return find_store(path), path


def output_file(path: bytes, fsync: bool = False) -> OutputFile:
    """Return a file to write, which appears whole when its `with` block ends without error.

    Stores make objects durable themselves: `fsync` has no effect there.
    """
    store, path = locate(path)
    if store is None:
        return AtomicFile(path, fsync)
    from imagine_common.files.stores.objects import StoreFile

    return StoreFile(store, path)


def open_input(path: bytes, expected: str) -> InputFile:
    """Open a regular file or an object for reading; error messages call it `expected`."""
    store, place = locate(path)
    if store is None:
        return RegularFile(place, expected)
    from imagine_common.files.stores.objects import StoreInput

    size = store.size(place)
    if size is None:
        raise ImagineError(f"{show(path)}: no such object{hint_at_name(path)}")
    return StoreInput(store, place, size)


def exists(path: bytes) -> bool:
    """Return whether a path exists, a broken symbolic link included."""
    store, path = locate(path)
    if store is not None:
        return store.size(path) is not None
    return local_status(path, follow_symlinks=False) is not None


def is_file(path: bytes) -> bool:
    """Return whether a path found in a folder is a regular file or a link to one."""
    store, path = locate(path)
    if store is not None:
        return True
    status = local_status(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def local_status(path: bytes, follow_symlinks: bool = True) -> os.stat_result | None:
    """Return the operating system's status of a local path, or None if it does not exist.

    The functions of `os.path` also take a path that can't be looked at for a missing one.
    """
    try:
        return os.stat(path, follow_symlinks=follow_symlinks)
    except OSError as error:
        if error.errno in _MISSING:
            return None
        raise file_error(path, error) from error


def remove_file(path: bytes, fsync: bool = False) -> None:
    """Remove a file if it exists."""
    store, path = locate(path)
    if store is not None:
        store.remove(path)
        return
    with file_errors(path), suppress(FileNotFoundError):
        os.unlink(path)
        if fsync:
            sync_folder_of(path)


def sync_file(path: bytes) -> None:
    """Write a finished local file, and its entry in the folder, to the disk."""
    store, path = locate(path)
    if store is None:
        with file_errors(path):
            sync(path)
            sync_folder_of(path)
