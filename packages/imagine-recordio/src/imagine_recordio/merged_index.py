"""One index for all files of a dataset, as DALI's reader of RecordIO takes it.

It reads several files as if they were one: offsets run on across them, in the order in which they
are given to it (dali/operators/reader/loader/recordio_loader.h).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from imagine_common.errors import file_error
from imagine_common.files.output import OutputFile
from imagine_common.files.storage import open_input, output_file
from imagine_common.packers.records import Shard
from imagine_recordio.index import index_line, read_index


def merge_indexes(shards: Generator[Shard], path: bytes, fsync: bool) -> Generator[Shard]:
    """Hand on finished shards, and write the index of all of them, whole or not at all.

    Raises
    ------
    ImagineError
        Where the index of a shard can't be read, or the merged one can't be written.
    """
    with closing(shards):
        # Nothing is created before there is a shard, and with it the folder.
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
    """Add a shard's lines; return where the next shard begins."""
    if not shard.records:
        return base
    index = shard.path.removesuffix(b".rec") + b".idx"
    try:
        with open_input(index, "an index") as found, found.stream() as file:
            for key, offset in read_index(file):
                merged.write([index_line(key, base + offset)])
        with open_input(shard.path, "a RecordIO file") as rec:
            return base + rec.size
    except OSError as error:
        raise file_error(index, error) from error
