"""Telling whether a `.rec` file and its index are those that would be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from imagine_common.files.reading import InputFile
from imagine_common.packers.records import ImageInfo, Shard
from imagine_common.packers.shards.resume import IndexMatch, load, match_records
from imagine_recordio.framing import is_whole
from imagine_recordio.index import index_line
from imagine_recordio.record import image_record, least_record_size


def match_shard(files: Sequence[bytes], images: Iterator[ImageInfo]) -> Shard:
    """Return the shard that two files are, which must be that of these images.

    Raises
    ------
    ImagineError
        As `match_records` does, and where the index is not that of these records.
    """
    with closing(IndexMatch(files[1])) as index:
        shard = match_records(
            files[0],
            images,
            image_record,
            _record_size,
            lambda image, *place: index.expect(index_line(image.position, *place)),
        )
        index.expect_end()
    return shard._replace(size=shard.size + index.size)


def _record_size(image: ImageInfo, rec: InputFile, offset: int) -> int:
    if is_whole(rec, offset):
        return least_record_size(image)
    # The image holds the magic number, and only reading it tells how often.
    return sum(map(len, image_record(load(image))))
