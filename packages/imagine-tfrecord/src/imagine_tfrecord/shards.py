"""A TFRecord file, with or without an index, as the packers write and compare it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagine_common.packers.records import Image, index_of
from imagine_common.packers.shards.record_format import RecordFormat
from imagine_tfrecord.framing import FRAME_BYTES, frame
from imagine_tfrecord.index import INDEX_LINE, LINE_FORMAT
from imagine_tfrecord.schemas import Schema

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header
    from imagine_common.files.reading import FileSlice


class TFRecordFormat(RecordFormat):
    """TFRecord files of a schema's Examples.

    If `indexed`, each file has an index, which is beside it or in the folder `index_path`.
    """

    index_start = INDEX_LINE
    other_suffix = b".rec"
    other_index_start = re.compile(rb"[0-9]+\t[0-9]+\n")

    def __init__(
        self, schema: Schema, indexed: bool = False, index_path: bytes | None = None
    ) -> None:
        self.schema = schema
        self._indexed = indexed
        self._index_path = index_path
        self.old_index_path = None if indexed else index_path

    def files(self, path: bytes) -> tuple[bytes, ...]:
        """Return a shard's files: the records and, if it has one, the index."""
        return (path, index_of(path, self._index_path)) if self._indexed else (path,)

    def record(self, image: Image) -> Sequence[bytes]:
        """Return an image's record in its frame, as buffers: the image itself is not copied."""
        before, after = self.schema.surroundings(image)
        return frame([before, image.data, after] if after else [before, image.data])

    def record_size(self, image: Image) -> int:
        """Return the bytes of an image's record in its frame."""
        return FRAME_BYTES + sum(map(len, self.schema.surroundings(image))) + image.size

    def index_line(self, _position: int, offset: int, size: int) -> bytes:
        """Return a record's line in the index; empty if there is no index."""
        return LINE_FORMAT % (offset, size) if self._indexed else b""

    def image_limit(self, image: Image) -> int:
        """Return the largest size in bytes of an image with this image's path and labels."""
        return self.schema.image_limit(image)

    def examine(self, path: bytes, file: bytes | FileSlice) -> Header | None:
        """Return the image's header, if the schema's features depend on it."""
        return self.schema.examine(path, file)
