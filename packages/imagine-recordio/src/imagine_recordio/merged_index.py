"""One index for all files of a dataset, for DALI's RecordIO reader.

DALI reads several files as if they were one, in the order in which it gets them, so offsets run on
from file to file (dali/operators/reader/loader/recordio_loader.h).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from imagine_common.errors import file_errors
from imagine_common.files.output import OutputFile
from imagine_common.files.storage import open_input, output_file
from imagine_common.packers.records import Shard
from imagine_recordio.index import index_line, read_index


def merge_indexes(shards: Generator[Shard], path: bytes, fsync: bool) -> Generator[Shard]:
    """Yield finished shards unchanged, and write the index of all of them, whole or not at all.

    Raises
    ------
    ImagineError
        If a shard's index can't be read, or the merged one can't be written.
    """
    with closing(shards):
        # The first shard's folder must exist before the index is created in it.
        first = next(shards, None)
        if first is None:
            return
        with output_file(path, fsync) as merged:
            base = _append(merged, first, 0)
            yield first
            for shard in shards:
                base = _append(merged, shard, base)
                yield shard


def _append(merged: OutputFile, shard: Shard, base: int) -> int:
    """Add a shard's lines; return the offset of the next shard."""
    if not shard.records:
        return base
    index = shard.path.removesuffix(b".rec") + b".idx"
    with file_errors(index):
        with open_input(index, "an index") as found, found.stream() as file:
            for key, offset in read_index(file):
                merged.write([index_line(key, base + offset)])
        with open_input(shard.path, "a RecordIO file") as rec:
            return base + rec.size
