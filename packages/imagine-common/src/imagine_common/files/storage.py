"""Where files are: each operation on a path, by the kind of the path.

A local path goes straight to the operating system, and so does that of a `file://` URL. Any other
URL goes to an object store, for which modules are imported that nobody else has to wait for.
Folders, of which stores have none but in names, have a module of their own.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from imagine_common.errors import ImagineError
from imagine_common.files import atomic
from imagine_common.files.atomic import AtomicFile
from imagine_common.files.reading import InputFile, RegularFile, hint_at_name
from imagine_common.files.urls import is_url, local_path, parse_url
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.stores.objects import StoreFile
    from imagine_common.files.stores.store import Store

OutputFile: TypeAlias = "AtomicFile | StoreFile"


def locate(path: bytes) -> tuple[Store | None, bytes]:
    """Return the store that a path leads to, or None and the local path."""
    if not is_url(path):
        return None, path
    local = local_path(path)
    if local != path:
        return None, local
    from imagine_common.files.stores.store import find_store

    # Libraries know schemes in lower case only.
    scheme = parse_url(path).scheme.encode()
    return find_store(path), scheme + path[len(scheme) :]


def output_file(path: bytes, fsync: bool = False) -> OutputFile:
    """Return a file that is there once its `with` block ends well.

    What a store has taken is safe, so `fsync` asks nothing more of it.
    """
    store, path = locate(path)
    if store is None:
        return AtomicFile(path, fsync)
    from imagine_common.files.stores.objects import StoreFile

    return StoreFile(store, path)


def temporary_name(file: OutputFile) -> bytes:
    """Return the name that a file which is being written has so far, for who writes it otherwise.

    Raises
    ------
    ImagineError
        For an object in a store, which has none.
    """
    if isinstance(file, AtomicFile):
        return file.temporary
    raise ImagineError(f"{show(file.path)}: only native code writes into an object store")


@contextmanager
def indexed_file(
    path: bytes, index_path: bytes, fsync: bool = False
) -> Generator[tuple[OutputFile, OutputFile]]:
    """Give a file and its index, which appear whole or not at all; the index comes last.

    An older index goes before: at no moment one stands beside a file that is not its own.
    """
    # They are finished in the reverse order: the index once its file is there.
    with output_file(index_path, fsync) as index, output_file(path, fsync) as file:
        yield file, index
        # From here on, no lack of space may come between the two.
        file.settle()
        index.settle()
        remove_file(index_path, fsync)


def open_input(path: bytes, expected: str) -> InputFile:
    """Open a file for reading; `expected` says what should be there.

    Raises
    ------
    ImagineError
        Where it is missing, can't be read or is no regular file.
    """
    store, place = locate(path)
    if store is None:
        return RegularFile(place, expected)
    from imagine_common.files.stores.objects import StoreInput

    size = store.size(place)
    if size is None:
        raise ImagineError(f"{show(path)}: no such object{hint_at_name(path)}")
    return StoreInput(store, place, size)


def exists(path: bytes) -> bool:
    """Tell whether there is something of this name, be it a link that leads nowhere.

    Raises
    ------
    ImagineError
        Where a store does not tell.
    """
    store, path = locate(path)
    return os.path.lexists(path) if store is None else store.size(path) is not None


def is_file(path: bytes) -> bool:
    """Tell whether a path that a folder has given is a regular file, or a link to one."""
    store, path = locate(path)
    return store is not None or os.path.isfile(path)


def remove_file(path: bytes, fsync: bool = False) -> None:
    """Remove a file, where it is there.

    Raises
    ------
    ImagineError
        Where it can't be removed.
    """
    store, path = locate(path)
    if store is None:
        atomic.remove_file(path, fsync)
    else:
        store.remove(path)


def sync_file(path: bytes) -> None:
    """Have a finished file, and its name, written to the disk. In a store it is safe anyway.

    Raises
    ------
    ImagineError
        Where that can't be done.
    """
    store, path = locate(path)
    if store is None:
        atomic.sync_file(path)
