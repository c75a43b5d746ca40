"""The index of a TFRecord file: the lines that DALI's tfrecord2idx writes, one for each record."""

from __future__ import annotations

import os
import re

from imagine_common.exchange.names import TRAIN, VALID
from imagine_common.files.storage import exists
from imagine_common.packers.records import index_of

# A record's offset, and its size with its frame, in bytes.
LINE_FORMAT = b"%d %d\n"
INDEX_LINE = re.compile(rb"[0-9]{1,20} [0-9]{1,20}\n")


def dlio_index_folder(path: bytes) -> bytes | None:
    """Return the folder that has a file's index in DLIO's layout, D/index/train, if it has it."""
    folder, name = os.path.split(os.path.dirname(path))
    if name.isdigit():
        folder, name = os.path.split(folder)
    indexes = os.path.join(folder, b"index", name)
    return indexes if name in (TRAIN, VALID) and exists(index_of(path, indexes)) else None
