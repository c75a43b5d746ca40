"""A RecordIO file and its index, as the packers write and compare them."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from imagine_common.files.output import Buffer
from imagine_common.files.reading import InputFile
from imagine_common.packers.records import Image, RecordFile
from imagine_common.packers.shards.record_format import RecordFormat, load
from imagine_recordio.framing import is_whole
from imagine_recordio.index import INDEX_LINE, index_line, index_of, merge_indexes
from imagine_recordio.record import image_limit, image_record, least_record_size


class RecordIOFormat(RecordFormat):
    """`.rec` files, each with its `.idx`.

    If `merged`, the index of all shards together goes to `merged_path`. An older one is removed in
    any case.
    """

    index_start = INDEX_LINE

    def __init__(self, merged_path: bytes, merged: bool = False) -> None:
        self.merged = merged
        self.outdated = (merged_path,)
        self._merged_path = merged_path

    def files(self, path: bytes) -> tuple[bytes, ...]:
        """Return a shard's files: the records and the index."""
        return path + b".rec", path + b".idx"

    def index_beside(self, file: bytes) -> bytes:
        """Return where the index of a file of records is."""
        return index_of(file)

    def record(self, image: Image) -> Sequence[Buffer]:
        """Return an image's record in its frame, as buffers."""
        return image_record(image)

    def record_size(self, image: Image) -> int:
        """Return the bytes of an image's record in its frame, if it is not split."""
        return least_record_size(image)

    def size_in_file(self, image: Image, file: InputFile, offset: int) -> int:
        """Return the bytes of an image's record, which begins at an offset of a file."""
        if is_whole(file, offset):
            return least_record_size(image)
        # The image holds the magic number. How often, only reading it shows.
        return sum(map(len, image_record(load(image))))

    def index_line(self, position: int, offset: int, _size: int) -> bytes:
        """Return a record's line in the index."""
        return index_line(position, offset)

    def merge(self, shards: Generator[RecordFile], fsync: bool) -> Generator[RecordFile]:
        """Yield finished shards unchanged; if `merged`, write the index of all of them."""
        return merge_indexes(shards, self._merged_path, fsync) if self.merged else shards

    def image_limit(self, image: Image) -> int:
        """Return the largest size in bytes of an image with this image's path and labels."""
        return image_limit(image)
