"""DALI's index of a TFRecord file: a line for each record, as DALI's tfrecord2idx writes it."""

from __future__ import annotations

import os

from imagine_common.errors import UsageError
from imagine_common.files.urls import check_url
from imagine_common.text import show


def index_line(offset: int, size: int) -> bytes:
    """Return the line of a record, of a size in bytes with its frame."""
    return b"%d %d\n" % (offset, size)


def index_of(path: bytes, folder: bytes | None) -> bytes:
    """Return where a file's index is: beside it, or under the same name in a folder."""
    return (path if folder is None else os.path.join(folder, os.path.basename(path))) + b".idx"


def require_folder_name(folder: bytes) -> None:
    """Refuse a name that no folder for indexes can have.

    Raises
    ------
    UsageError
    """
    if not folder:
        raise UsageError("argument --index-path: the folder's name is empty")
    if b"\0" in folder:
        raise UsageError(f"argument --index-path: {show(folder)}: no name holds a NUL byte")
    check_url(folder)
