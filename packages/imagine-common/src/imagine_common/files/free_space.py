"""Free space: whether files would fit into a folder, found out before the first is written.

Functions raise an `ImagineError` if the folder can't be created or written to.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from imagine_common.errors import ImagineError, file_errors
from imagine_common.files.urls import is_remote, local_path
from imagine_common.text import counted, human_bytes, show


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
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
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
