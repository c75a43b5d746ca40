"""A RecordIO file and its index, as the packers write and compare them.

A record is an IRHeader of mxnet.recordio, labels, and the image's file.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Generator
from contextlib import closing

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer
from imagine_common.files.reading import InputFile
from imagine_common.files.storage import output_file
from imagine_common.packers.records import Image, RecordFile
from imagine_common.packers.shards.record_format import RecordFormat, load
from imagine_common.text import show
from imagine_recordio.framing import MAX_LENGTH, frame, frame_size, is_whole
from imagine_recordio.index import INDEX_LINE, LINE_FORMAT, merged_lines

HEADER = struct.Struct("<IfQQ")  # flag, label, id, id2; little-endian
LABEL_BYTES = 4


class RecordIOFormat(RecordFormat):
    """`.rec` files, each with its `.idx`.

    If `merged`, the index of all shards together goes to `merged_path`. An older one is removed in
    any case.
    """

    suffix = b".rec"
    index_start = INDEX_LINE
    other_suffix = b""
    other_index_start = re.compile(rb"[0-9]+ [0-9]+\n")

    def __init__(self, merged_path: bytes, merged: bool = False) -> None:
        self.merged = merged
        self.outdated = (merged_path,)
        self._merged_path = merged_path

    def files(self, path: bytes) -> tuple[bytes, ...]:
        """Return a shard's files: the records and the index."""
        return path + self.suffix, path + b".idx"

    def record(self, image: Image) -> list[Buffer]:
        """Return an image's record in its frame, as buffers: the image itself is not copied.

        A single label (0 if there is none) is in the header, with flag 0. Several labels follow the
        header as float32, and the flag is their number. The id is the image's position.
        """
        labels = image.labels
        if len(labels) <= 1:
            header = HEADER.pack(0, sum(labels), image.position, 0)
        else:
            header = HEADER.pack(len(labels), 0, image.position, 0)
            header += struct.pack(f"<{len(labels)}f", *labels)
        return frame([header, image.data])

    def record_size(self, image: Image) -> int:
        """Return the bytes of an image's record in its frame, if it is not split."""
        return frame_size(_header_size(image) + image.size)

    def size_in_file(self, image: Image, file: InputFile, offset: int) -> int:
        """Return the bytes of an image's record, which begins at an offset of a file."""
        if is_whole(file, offset):
            return self.record_size(image)
        # The image holds the magic number. How often, only reading it shows.
        return sum(map(len, self.record(load(image))))

    def index_line(self, position: int, offset: int, _size: int) -> bytes:
        """Return a record's line in the index."""
        return LINE_FORMAT % (position, offset)

    def merge(self, shards: Generator[RecordFile], fsync: bool) -> Generator[RecordFile]:
        """Yield finished shards unchanged; if `merged`, write the index of all of them."""
        paths = []
        with closing(shards):
            for shard in shards:
                if shard.records:
                    paths.append(os.fsencode(shard.path))
                yield shard
        if self.merged and paths:
            with output_file(self._merged_path, fsync) as merged:
                for _, line in merged_lines(paths):
                    merged.write([line])

    def image_limit(self, image: Image) -> int:
        """Return the largest size in bytes of an image with this image's labels.

        Labels must fit into float32, and float32 may round fractions, but not whole numbers.
        """
        for label in image.labels:
            try:
                stored = struct.unpack("<f", struct.pack("<f", float(label)))[0]
            except OverflowError:
                stored = None
            if stored is None or (stored != label and label == int(label)):
                raise ImagineError(
                    f"{show(image.path)}: label {label} has no exact float32, which RecordIO needs;"
                    f" all whole numbers up to {2**24} have one"
                )
        return MAX_LENGTH - _header_size(image)


def _header_size(image: Image) -> int:
    return HEADER.size + LABEL_BYTES * (len(image.labels) if len(image.labels) > 1 else 0)
