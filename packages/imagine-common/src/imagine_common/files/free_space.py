"""Telling whether files would fit where they are to go, before one is written."""

from __future__ import annotations

import os
from typing import NamedTuple

from imagine_common.errors import ImagineError, file_error
from imagine_common.files.urls import is_remote, local_path
from imagine_common.text import counted, human_bytes, show


class FreeSpace(NamedTuple):
    """What a file system has left for this user.

    `bytes` come in blocks of `block` bytes; `files` is None where it has no limit of its own.
    """

    bytes: int
    files: int | None
    block: int


def describe_space(folder: bytes) -> str:
    """Return words for what is left where a folder is, or would be.

    Raises
    ------
    ImagineError
        As `free_space` does.
    """
    if is_remote(folder):
        return f"{show(folder)}: a store, which tells no limit"
    return f"{show(folder)}: {human_bytes(free_space(folder).bytes)} free"


def free_space(folder: bytes) -> FreeSpace:
    """Return what is left where a folder is, or would be.

    Raises
    ------
    ImagineError
        Where it can't be told.
    """
    there = os.path.abspath(local_path(folder))
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        raise ImagineError(f"{show(folder)}: {show(there)} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ImagineError(f"{show(folder)}: {show(there)} can't be written to")
    try:
        status = os.statvfs(there)
    except OSError as error:
        raise file_error(folder, error) from error
    block = status.f_frsize or status.f_bsize
    files = status.f_favail if status.f_files else None
    return FreeSpace(status.f_bavail * block, files, block)


def require_space(folder: bytes, size: int, files: int) -> None:
    """Refuse files that would not fit into a folder: bytes in all, and how many.

    Stores tell no limit, and are taken to have none.

    Raises
    ------
    ImagineError
    """
    if is_remote(folder):
        return
    free = free_space(folder)
    # On average a file's last block is half empty.
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
