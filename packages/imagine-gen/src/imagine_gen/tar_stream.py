"""A dataset as one stream: a tar archive on a descriptor instead of files on a disk.

With labels it is a WebDataset shard: behind each image comes a member of the same name with `.cls`
for its extension, which holds the label in digits.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple

from imagine_common.errors import ImagineError, StdoutClosed, UsageError
from imagine_common.exchange.tar import archive_end, member_head, member_padding
from imagine_common.files.output import Buffer, BufferedOutput
from imagine_common.text import show
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.units import map_images


class TarSummary(NamedTuple):
    """What a part of a stream holds: how many images, their bytes, and those that are filler."""

    images: int
    bytes: int
    filler: int


def stream_tar(
    spec: DatasetSpec, fd: int, workers: int | None = None, chunksize: int | None = None
) -> Generator[TarSummary]:
    """Make the images of a dataset, write them as a tar archive, and tell of some at a time.

    Members are named as the files below the dataset's folder would be. Metadata is fixed, so the
    archive is the same bytes wherever the images are. Nothing touches a disk.

    Parameters
    ----------
    spec : DatasetSpec
        Of which the path counts for nothing.
    fd : int
        Where the archive goes, such as 1, for stdout.
    workers : int, optional
        Processes. All usable processors unless given; one for pooled images, since handing one
        over takes as long as making it.
    chunksize : int, optional
        Images per unit of work.

    Raises
    ------
    UsageError
        As `map_images` does; and where the name has a dot, at which a reader of WebDataset shards
        would cut it.
    StdoutClosed
        Where the reader has gone.
    ImagineError
        Where the stream can't be written otherwise.
    """
    check_stream(spec)
    make = _pieces if spec.pooled else _whole
    if spec.pooled and workers is None:
        workers = 1
    output = BufferedOutput(fd)
    with closing(map_images(make, spec, workers, chunksize)) as units:
        try:
            for indexes, files in units:
                size = 0
                for index, (file, _) in zip(indexes, files):
                    size += _write_image(output, spec, index, file)
                # A reader may be waiting for these.
                output.flush()
                yield TarSummary(len(files), size, sum(filler for _, filler in files))
            output.write([archive_end(output.size)])
            output.flush()
        except BrokenPipeError:
            raise StdoutClosed("standard output: its reader went away") from None
        except OSError as error:
            raise ImagineError(f"standard output: {error.strerror}") from error


def check_stream(spec: DatasetSpec) -> None:
    """Refuse a dataset that no tar stream can hold.

    Raises
    ------
    UsageError
        Where the name has a dot.
    """
    if b"." in spec.name:
        raise UsageError(
            f"argument --name: {show(spec.name)} has a dot, which ends a sample's name in a tar"
            " stream"
        )


def _write_image(output: BufferedOutput, spec: DatasetSpec, index: int, file: list[Buffer]) -> int:
    name = spec.image_name(index)
    size = sum(map(len, file))
    output.write([member_head(name, size), *file, member_padding(size)])
    for label in spec.labels(index):
        digits = b"%d" % label
        head = member_head(os.path.splitext(name)[0] + b".cls", len(digits))
        output.write([head, digits, member_padding(len(digits))])
    return size


def _pieces(_spec: DatasetSpec, encoder: ImageEncoder, index: int) -> tuple[list[Buffer], int]:
    # Of a pooled image these are the strips themselves, which are not copied.
    buffers, filler = encoder.encode(index)
    return list(buffers), filler


def _whole(_spec: DatasetSpec, encoder: ImageEncoder, index: int) -> tuple[list[Buffer], int]:
    # One piece travels from process to process faster than many.
    buffers, filler = encoder.encode(index)
    return [b"".join(buffers)], filler
