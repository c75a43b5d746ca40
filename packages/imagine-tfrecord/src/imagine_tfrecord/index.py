"""The index of a TFRecord file: the lines that DALI's tfrecord2idx writes, one for each record."""

from __future__ import annotations

import os
import re

from imagine_common.exchange.names import TRAIN, VALID
from imagine_common.packers.records import index_of

# A record's offset, and its size with its frame, in bytes.
LINE_FORMAT = b"%d %d\n"
INDEX_LINE = re.compile(rb"[0-9]{1,20} [0-9]{1,20}\n")


def dlio_index(path: bytes) -> bytes | None:
    """Return the path of the index that DLIO's layout has for a file: D/index/train/NAME.idx."""
    folder, name = os.path.split(os.path.dirname(path))
    if name.isdigit():
        folder, name = os.path.split(folder)
    is_split = name in (TRAIN, VALID)
    return index_of(path, os.path.join(folder, b"index", name)) if is_split else None
