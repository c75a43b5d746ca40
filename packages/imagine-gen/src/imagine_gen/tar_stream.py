"""A dataset as one stream: a tar archive on a descriptor instead of files on a disk.

With labels it is a WebDataset shard: each image is followed by a member of the same name with the
extension `.cls`, which contains the label in digits.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import partial

from imagine_common.errors import ImagineError, StdoutClosed, UsageError
from imagine_common.exchange.tar import archive_end, member_head, member_padding
from imagine_common.files.output import BufferedOutput
from imagine_common.host.threads import check_stopped, worker_process
from imagine_common.parallel.progress import progress
from imagine_common.text import show
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.work.files import FinishedFile
from imagine_gen.work.units import mapped_units


def stream_tar(
    spec: DatasetSpec, fd: int, workers: int | None = None, chunksize: int | None = None
) -> Generator[tuple[range, list[FinishedFile]]]:
    """Write the images of a dataset to a descriptor as a tar archive; yield each unit's indexes.

    Members have the names of the files below the dataset's folder. Metadata is fixed, so the
    archive has the same bytes on every host. By default, one process makes direct or pooled
    images, because handing one over takes as long as making it.
    """
    check_stream(spec)
    is_fast = spec.pooled or spec.direct
    if is_fast and workers is None:
        workers = 1
    output = BufferedOutput(fd)
    with mapped_units(partial(_encode, not is_fast), spec, workers, chunksize) as units:
        try:
            for indexes, images in units:
                pairs = zip(indexes, images)
                files = [_write_image(output, spec, index, image) for index, image in pairs]
                output.flush()  # A reader may be waiting for these.
                yield indexes, files
            output.write([archive_end(output.size)])
            output.flush()
        except BrokenPipeError:
            raise StdoutClosed("standard output: its reader closed it") from None
        except OSError as error:
            raise ImagineError(f"standard output: {error.strerror}") from error


def check_stream(spec: DatasetSpec) -> None:
    """Raise a `UsageError` if the name has a dot, which WebDataset readers misunderstand."""
    if b"." in spec.names.text:
        raise UsageError(
            f"argument {spec.naming}: {show(spec.names.text)} contains a dot, where readers of a"
            " tar stream end the name of a sample"
        )


def _encode(
    join: bool, _spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[EncodedImage]:
    images = []
    joined = join or worker_process.is_set()
    for index in indexes:
        check_stopped()
        buffers, filler = encoder.encode(index)
        # One buffer travels between processes faster than many, and views can't. In this process,
        # the buffers of a pooled image are the strips themselves, which need no copy.
        progress.advance()
        images.append(EncodedImage([b"".join(buffers)] if joined else list(buffers), filler))
    return images


def _write_image(
    output: BufferedOutput, spec: DatasetSpec, index: int, image: EncodedImage
) -> FinishedFile:
    """Append an image and its label."""
    name = spec.image_name(index)
    pieces = list(image.buffers)
    size = sum(map(len, pieces))
    output.write([member_head(name, size), *pieces, member_padding(size)])
    for label in spec.labels(index):
        digits = b"%d" % label
        head = member_head(os.path.splitext(name)[0] + b".cls", len(digits))
        output.write([head, digits, member_padding(len(digits))])
    return FinishedFile(size, image.filler)
