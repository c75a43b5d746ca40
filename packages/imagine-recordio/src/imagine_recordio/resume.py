"""Telling whether a `.rec` file and its index are those that would be written."""

from __future__ import annotations

from collections.abc import Iterator

from imagine_common.errors import ImagineError
from imagine_common.files import open_regular
from imagine_common.packers.images import read_image
from imagine_common.packers.packing import Image, ImageInfo, Shard
from imagine_common.packers.resume import cannot_resume, match_records
from imagine_recordio.framing import is_whole
from imagine_recordio.index import read_index
from imagine_recordio.record import image_record, least_record_size


def match_shard(path: bytes, images: Iterator[ImageInfo]) -> Shard:
    """Return the shard that two files are, which must be that of these images.

    Raises
    ------
    ImagineError
        As `match_records` does, and where the index is not that of these records.
    """
    fd, index_bytes = open_regular(path + b".idx", "a finished index")
    with open(fd, "rb") as file:
        index = read_index(file)

        def record_size(image: ImageInfo, rec: int, offset: int) -> int:
            try:
                found = next(index, None)
            except ImagineError as error:
                raise cannot_resume(path + b".idx", str(error)) from error
            if found != (image.position, offset):
                line = "no more lines" if found is None else f"key {found[0]} at byte {found[1]}"
                reason = f"expected key {image.position} at byte {offset}, found {line}"
                raise cannot_resume(path + b".idx", reason)
            if is_whole(rec, offset):
                return least_record_size(image)
            # The image holds the magic number, and only reading it tells how often.
            data = read_image(image.path, image.size)
            record = image_record(Image(image.position, image.path, image.labels, data))
            return sum(map(len, record))

        shard = match_records(path + b".rec", images, image_record, record_size)
        if file.read(1):
            raise cannot_resume(path + b".idx", "it has more lines than the file has records")
    return shard._replace(size=shard.size + index_bytes)
