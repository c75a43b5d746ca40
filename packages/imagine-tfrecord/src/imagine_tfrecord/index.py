"""The index of a TFRecord file: the lines that DALI's tfrecord2idx writes, one for each record."""

from __future__ import annotations

import os
import re

from imagine_common.errors import UsageError
from imagine_common.files.urls import check_url
from imagine_common.text import show

INDEX_LINE = re.compile(rb"([0-9]{1,20}) ([0-9]{1,20})\n")


def index_line(offset: int, size: int) -> bytes:
    """Return the line of a record, given its offset and its size with its frame, in bytes."""
    return b"%d %d\n" % (offset, size)


def index_of(path: bytes, folder: bytes | None) -> bytes:
    """Return the path of a file's index: beside it, or under the same name in a folder."""
    return (path if folder is None else os.path.join(folder, os.path.basename(path))) + b".idx"


def require_folder_name(folder: bytes) -> None:
    """Raise a `UsageError` if the name of a folder for indexes can't be used."""
    if not folder:
        raise UsageError("argument --index-path: the folder's name is empty")
    if b"\0" in folder:
        raise UsageError(
            f"argument --index-path: {show(folder)}: a name must not contain a NUL byte"
        )
    check_url(folder)
