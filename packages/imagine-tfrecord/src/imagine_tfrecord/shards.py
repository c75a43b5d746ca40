"""One TFRecord file, with or without an index: writing it, and telling whether it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from imagine_common.exchange.manifest import Entry
from imagine_common.files.reading import InputFile
from imagine_common.files.storage import indexed_file, output_file, remove_file
from imagine_common.packers.records import Image, ImageInfo, Shard
from imagine_common.packers.shards.resume import IndexMatch, match_records
from imagine_tfrecord.framing import FRAME_BYTES, frame
from imagine_tfrecord.index import index_line, index_of
from imagine_tfrecord.schemas import Schema, Subject

_MAX_EXAMPLE_BYTES = 2**31 - 1  # protobuf's limit for any message
_MOST_DESCRIBED_BYTES = 1024  # of a header's features in an Example, but for the file's name


def shard_files(indexed: bool, index_path: bytes | None, path: bytes) -> tuple[bytes, ...]:
    """Return a shard's files: itself, and its index if it has one."""
    return (path, index_of(path, index_path)) if indexed else (path,)


def write_shard(
    schema: Schema, files: Sequence[bytes], images: Iterator[Image], fsync: bool
) -> Shard:
    """Write one TFRecord file, whole or not at all, and its index."""
    if len(files) == 1:
        with output_file(files[0], fsync) as file:
            records = 0
            for image in images:
                file.write(image_record(schema, image))
                records += 1
            # An older index is not this file's. It goes once nothing but a name can fail.
            file.settle()
            remove_file(index_of(files[0], None), fsync)
        return Shard(files[0], records, file.size)
    with indexed_file(files[0], files[1], fsync) as (file, index):
        records = 0
        for image in images:
            offset = file.size
            file.write(image_record(schema, image))
            index.write([index_line(image.position, offset, file.size - offset)])
            records += 1
    return Shard(files[0], records, file.size + index.size)


def match_shard(schema: Schema, files: Sequence[bytes], images: Iterator[ImageInfo]) -> Shard:
    """Return the shard that files are, which must be that of these images.

    Raises
    ------
    ImagineError
        As `match_records` does, and where the index is not that of these records.
    """

    def record(image: Image) -> list[bytes]:
        return image_record(schema, image)

    def size(image: ImageInfo, _file: InputFile, _offset: int) -> int:
        return record_size(schema, image)

    if len(files) == 1:
        return match_records(files[0], images, record, size)
    with closing(IndexMatch(files[1])) as index:
        shard = match_records(
            files[0],
            images,
            record,
            size,
            lambda image, *place: index.expect(index_line(image.position, *place)),
        )
        index.expect_end()
        return shard._replace(size=shard.size + index.size)


def image_record(schema: Schema, image: Image) -> list[bytes]:
    """Return an image's record in its frame, in pieces: the image is not copied."""
    data = image.data
    before, after = schema.parts(Subject(image.path, image.labels, len(data), image.header))
    return frame([before, data, after] if after else [before, data])


def record_size(schema: Schema, image: ImageInfo) -> int:
    """Return the bytes of an image's record in its frame."""
    subject = Subject(image.path, image.labels, image.size, image.header)
    return FRAME_BYTES + sum(map(len, schema.parts(subject))) + image.size


def image_limit(schema: Schema, entry: Entry) -> int:
    """Return the most bytes that the image of an entry may have.

    Raises
    ------
    ImagineError
        For labels that the schema has no place for.
    """
    schema.require_labels(entry)
    if schema.examine is not None:
        return _MAX_EXAMPLE_BYTES - _MOST_DESCRIBED_BYTES - len(entry.path)
    subject = Subject(entry.path, entry.labels, _MAX_EXAMPLE_BYTES, None)
    return _MAX_EXAMPLE_BYTES - sum(map(len, schema.parts(subject)))
