"""Folders of files: each operation on one, by the kind of its path.

In a store, a folder is what names have in common up to a slash: it need not be created, and is
there as long as something is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from imagine_common.errors import ImagineError, file_error
from imagine_common.files import atomic, temporary
from imagine_common.files.storage import locate


def is_folder(path: bytes) -> bool:
    """Tell whether a folder is there; in a store, whether something is in it.

    Raises
    ------
    ImagineError
        Where a store does not tell.
    """
    store, path = locate(path)
    return os.path.isdir(path) if store is None else any(store.list(path))


def identity(folder: bytes) -> object:
    """Return what tells a folder from all others, however it is reached.

    Raises
    ------
    ImagineError
        Where it can't be told.
    """
    store, path = locate(folder)
    if store is not None:
        return path
    try:
        status = os.stat(path)
    except OSError as error:
        raise file_error(folder, error) from error
    return status.st_dev, status.st_ino


def list_folder(folder: bytes) -> tuple[list[bytes], set[bytes]]:
    """Return the names in a folder: those of files and others, and those of folders.

    Raises
    ------
    ImagineError
        Where it can't be read.
    """
    store, path = locate(folder)
    files: list[bytes] = []
    folders: set[bytes] = set()
    if store is not None:
        for found in store.list(path):
            if found.is_folder:
                folders.add(found.name)
            else:
                files.append(found.name)
        return files, folders
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if _leads_to_folder(entry):
                    folders.add(entry.name)
                else:
                    files.append(entry.name)
    except OSError as error:
        raise file_error(folder, error) from error
    return files, folders


def names_in(folder: bytes, prefix: bytes) -> Iterator[bytes]:
    """Yield the names in a folder that begin with a prefix, as far as it can be read."""
    store, path = locate(folder)
    if store is not None:
        with suppress(ImagineError):
            for found in store.list(path, prefix):
                yield found.name
        return
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                yield entry.name


def subfolders(folder: bytes) -> Iterator[bytes]:
    """Yield the names of the folders in a folder, links to some left out.

    Raises
    ------
    ImagineError
        Where it can't be read.
    """
    store, path = locate(folder)
    if store is not None:
        yield from (found.name for found in store.list(path) if found.is_folder)
        return
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield entry.name
    except OSError as error:
        raise file_error(folder, error) from error


def folder_bytes(folder: bytes) -> int:
    """Return the total size of the regular files in a folder, not below it, in bytes.

    Raises
    ------
    ImagineError
        Where the folder can't be read.
    """
    store, path = locate(folder)
    if store is not None:
        return sum(found.size for found in store.list(path) if not found.is_folder)
    total = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                # Others may work in the folder too; a link may lead nowhere or in a circle.
                with suppress(OSError):
                    total += entry.stat().st_size if entry.is_file() else 0
    except OSError as error:
        raise file_error(folder, error) from error
    return total


def create_folder(folder: bytes, fsync: bool = False) -> None:
    """Create a folder and its parents, where missing. Stores have none to be created.

    Raises
    ------
    ImagineError
        Where it can't be made, or something else has the name.
    """
    store, path = locate(folder)
    if store is None:
        atomic.create_folder(path, fsync)


def clear_leftovers(*folders: bytes) -> None:
    """Remove the temporary files that dead processes of this host left; stores have none."""
    for folder in folders:
        store, path = locate(folder)
        if store is None:
            temporary.clear_leftovers(path)


def scratch_folder(folder: bytes) -> bytes:
    """Return where a run that writes into a folder keeps what goes with it: there, if it can."""
    store, path = locate(folder)
    if store is None:
        return path
    import tempfile

    return os.fsencode(tempfile.gettempdir())


def _leads_to_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A symbolic link in a circle.
        return False
