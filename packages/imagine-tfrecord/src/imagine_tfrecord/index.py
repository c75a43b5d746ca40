"""The index of a TFRecord file: the lines that DALI's tfrecord2idx writes, one for each record."""

from __future__ import annotations

import os
import re

# A record's offset, and its size with its frame, in bytes.
INDEX_LINE = re.compile(rb"([0-9]{1,20}) ([0-9]{1,20})\n")


def index_of(path: bytes, folder: bytes | None) -> bytes:
    """Return the path of a file's index: beside it, or under the same name in a folder."""
    return (path if folder is None else os.path.join(folder, os.path.basename(path))) + b".idx"
