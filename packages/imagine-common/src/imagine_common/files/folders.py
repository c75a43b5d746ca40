"""Operations on folders, local or in an object store, chosen by the path; and their free space.

In a store, a folder is a common beginning of names up to a slash. It is never created, and exists
while it contains an object. Functions raise an `ImagineError` that names the folder if the
operating system or the store fails.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from imagine_common.errors import ImagineError, file_error, file_errors
from imagine_common.files import temporary
from imagine_common.files.output import sync_folder_of
from imagine_common.files.storage import local_status, locate
from imagine_common.files.urls import is_remote, local_path
from imagine_common.text import counted, human_bytes, show


def is_folder(path: bytes) -> bool:
    """Return whether a folder exists."""
    store, path = locate(path)
    if store is not None:
        return any(store.list(path))
    status = local_status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def identity(folder: bytes) -> object:
    """Return a value that is equal for two paths to the same folder only."""
    store, path = locate(folder)
    if store is not None:
        return path
    with file_errors(folder):
        status = os.stat(path)
    return status.st_dev, status.st_ino


def real_folder(folder: bytes) -> bytes:
    """Return the absolute path of a folder, which need not exist, without links."""
    store, path = locate(folder)
    return os.path.realpath(path) if store is None else path.rstrip(b"/")


def list_folder(folder: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield each name in a folder, and whether it is a folder or a link to one.

    A link that can't be followed counts as a file, whatever the reason.
    """
    store, path = locate(folder)
    if store is not None:
        yield from ((found.name, found.is_folder) for found in store.list(path))
        return
    for entry in _scan(folder, path):
        try:
            is_folder = entry.is_dir()
        except OSError:
            is_folder = False
        yield entry.name, is_folder


def names_in(folder: bytes, prefix: bytes) -> Iterator[bytes]:
    """Yield the names in a folder that begin with a prefix; none if it does not exist."""
    store, path = locate(folder)
    found = _scan(folder, path, missing_ok=True) if store is None else store.list(path, prefix)
    yield from (entry.name for entry in found if entry.name.startswith(prefix))


def subfolders(folder: bytes) -> Iterator[bytes]:
    """Yield the names of the folders in a folder, without links; none if it does not exist."""
    store, path = locate(folder)
    if store is not None:
        yield from (found.name for found in store.list(path) if found.is_folder)
        return
    with file_errors(folder):
        for entry in _scan(folder, path, missing_ok=True):
            if entry.is_dir(follow_symlinks=False):
                yield entry.name


def folder_bytes(folder: bytes) -> int:
    """Return the total size in bytes of the regular files directly in a folder."""
    store, path = locate(folder)
    if store is not None:
        return sum(found.size for found in store.list(path) if not found.is_folder)
    found = (local_status(entry.path) for entry in _scan(folder, path))
    return sum(status.st_size for status in found if status and stat.S_ISREG(status.st_mode))


def _scan(folder: bytes, path: bytes, missing_ok: bool = False) -> Iterator[os.DirEntry[bytes]]:
    missing = (FileNotFoundError, NotADirectoryError) if missing_ok else ()
    with file_errors(folder), suppress(*missing), os.scandir(path) as entries:
        yield from entries


def create_folder(folder: bytes, fsync: bool = False) -> None:
    """Create a local folder and its parents where missing; do nothing in a store.

    With `fsync`, all are on the disk in the end: an earlier run without it may have created some.
    """
    store, path = locate(folder)
    if store is not None:
        return
    with file_errors(path):
        try:
            os.makedirs(path, exist_ok=True)
        except FileExistsError as error:
            raise _not_a_folder(path, error) from error
        temporary.hold_folder(path)
        child = os.path.realpath(path)
        while fsync and child != os.path.dirname(child):
            with suppress(PermissionError):  # of a folder that someone else created
                sync_folder_of(child)
            child = os.path.dirname(child)


def create_subfolder(path: bytes, fsync: bool = False) -> bool:
    """Create a local folder in an existing one; return whether it was missing.

    With `fsync`, it is on the disk in the end, also if an earlier run created it.
    """
    is_new = True
    with file_errors(path):
        try:
            os.mkdir(path)
        except FileExistsError as error:
            if not os.path.isdir(path):
                raise _not_a_folder(path, error) from error
            is_new = False
        if fsync:
            sync_folder_of(path)
    return is_new


def remove_if_empty(folder: bytes) -> None:
    """Remove a local folder that has nothing in it; a store has no such folders."""
    store, path = locate(folder)
    if store is None:
        with suppress(OSError):
            os.rmdir(path)


def clear_leftovers(*folders: bytes) -> None:
    """Remove the temporary files that dead processes of this host left in local folders."""
    for folder in folders:
        store, path = locate(folder)
        if store is None:
            temporary.clear_leftovers(path)


def scratch_folder(folder: bytes) -> bytes:
    """Return a local folder for scratch files: the output folder, or `$TMPDIR` for a store."""
    store, path = locate(folder)
    if store is None:
        return path
    import tempfile

    return os.fsencode(tempfile.gettempdir())


class FreeSpace(NamedTuple):
    """A user's free space: bytes, files (None if not limited), and the size of a block in bytes."""

    bytes: int
    files: int | None
    block: int


def describe_space(folder: bytes) -> str:
    """Return a message with the free space at a folder, existing or not."""
    if is_remote(folder):
        return f"{show(folder)}: an object store, which reports no limit"
    return f"{show(folder)}: {human_bytes(free_space(folder).bytes)} free"


def free_space(folder: bytes) -> FreeSpace:
    """Return the free space at a local folder, existing or not."""
    parent = os.path.abspath(local_path(folder))
    while local_status(parent, follow_symlinks=False) is None:
        parent = os.path.dirname(parent)
    if not is_folder(parent):
        raise ImagineError(f"{show(folder)}: {show(parent)} is not a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ImagineError(f"{show(folder)}: {show(parent)} can't be written to")
    with file_errors(folder):
        status = os.statvfs(parent)
    block = status.f_frsize or status.f_bsize
    files = status.f_favail if status.f_files else None
    return FreeSpace(status.f_bavail * block, files, block)


def require_space(folder: bytes, size: int, files: int) -> None:
    """Refuse `files` files of `size` bytes in total that don't fit into a local folder."""
    if is_remote(folder):
        return
    free = free_space(folder)
    # On average, a file's last block is half empty.
    needed = size + files * free.block // 2
    if needed > free.bytes:
        raise ImagineError(
            f"{show(folder)}: does not fit: about {human_bytes(needed)} are needed,"
            f" {human_bytes(free.bytes)} are free"
        )
    if free.files is not None and files > free.files:
        raise ImagineError(
            f"{show(folder)}: does not fit: the file system has room for"
            f" {counted(free.files, 'more file')}, not {files}"
        )


def _not_a_folder(path: bytes, error: OSError) -> ImagineError:
    return ImagineError(f"{file_error(path, error)}, and it is not a folder")
