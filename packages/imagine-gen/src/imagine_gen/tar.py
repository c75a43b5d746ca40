"""A dataset as tar archives instead of files: one stream on a descriptor, or shards.

With labels they are WebDataset's: each image is followed by a member of the same name with the
extension `.cls`, which contains the label in digits. Metadata is fixed, so archives have the same
bytes on every host.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from imagine_common.errors import ImagineError, StdoutClosed, UsageError
from imagine_common.exchange.tar import archive_end, member_head, member_padding
from imagine_common.files.output import Buffer, BufferedOutput
from imagine_common.files.reading import compare
from imagine_common.files.storage import open_input, output_file, remove_file, sync_file
from imagine_common.host.threads import check_stopped, worker_process
from imagine_common.parallel.progress import progress
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.work.digests import with_digests
from imagine_gen.work.encoders import image_encoder
from imagine_gen.work.files import FinishedFile
from imagine_gen.work.units import Work, mapped_units


def stream_tar(
    spec: DatasetSpec,
    fd: int,
    workers: int | None = None,
    chunksize: int | None = None,
    digests: bool = False,
) -> Generator[tuple[range, list[FinishedFile]]]:
    """Write the images of a dataset to a descriptor as a tar archive; yield each unit's indexes.

    Members have the names of the files below the dataset's folder. By default, one process makes
    direct or pooled images, because handing one over takes as long as making it. With `digests`,
    files have theirs.
    """
    is_fast = spec.pooled or spec.direct
    if is_fast and workers is None:
        workers = 1
    output = BufferedOutput(fd)
    work: Work[EncodedImage] = partial(_encode, not is_fast)
    if digests:
        work = partial(with_digests, work)
    with mapped_units(work, spec, workers, chunksize) as units:
        try:
            for indexes, images in units:
                files = []
                for index, image in zip(indexes, images):
                    output.write(sample(spec, index, image)[0])
                    size = sum(map(len, image.buffers))
                    files.append(FinishedFile(size, image.filler, digest=image.digest))
                output.flush()  # A reader may be waiting for these.
                yield indexes, files
            output.write([archive_end(output.size)])
            output.flush()
        except BrokenPipeError:
            raise StdoutClosed("standard output: its reader closed it") from None
        except OSError as error:
            raise ImagineError(f"standard output: {error.strerror}") from error


def _encode(
    join: bool, _spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[EncodedImage]:
    images = []
    joined = join or worker_process.is_set()
    for index in indexes:
        check_stopped()
        image = encoder.encode(index)
        # One buffer travels between processes faster than many, and views can't. In this process,
        # the buffers of a pooled image are the strips themselves, which need no copy.
        progress.advance()
        pieces = [b"".join(image.buffers)] if joined else list(image.buffers)
        images.append(EncodedImage(pieces, image.filler))
    return images


def sample(
    spec: DatasetSpec, index: int, image: EncodedImage, offset: int = 0
) -> tuple[list[Buffer], bytes]:
    """Return the members of an image and its label, and with `index`, their line there.

    The index is that of NVIDIA DALI's wds2idx, version 1.2, whose lines have the extension, the
    offset, the size in bytes and the name of each member. The sample begins at `offset`.
    """
    name = spec.image_name(index)
    members: list[tuple[bytes, Iterable[Buffer]]] = [(name, image.buffers)]
    members += [(os.path.splitext(name)[0] + b".cls", [b"%d" % at]) for at in spec.labels(index)]
    pieces: list[Buffer] = []
    line = []
    for member, buffers in members:
        data = list(buffers)
        size = sum(map(len, data))
        head, padding = member_head(member, size), member_padding(size)
        pieces += [head, *data, padding]
        if spec.index:
            extension = os.path.splitext(member)[1].removeprefix(b".")
            line.append(b"%b %d %d %b" % (extension, offset + len(head), size, member))
            offset += len(head) + size + len(padding)
    return pieces, b" ".join(line)


def make_shard(
    resume: bool, fsync: bool, spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[FinishedFile]:
    """Write the shard of a unit's images, and its index; with `resume`, keep those that exist."""
    path = spec.image_path(indexes[0])
    if resume and (size := _whole_size(spec, encoder, indexes, path)):
        if fsync:
            sync_file(path)
        if fsync and spec.index:
            sync_file(_index_of(path))
        progress.advance(len(indexes))
        return [FinishedFile(size, kept=True)]
    remove_file(_index_of(path), fsync)  # It must never be that of another shard.
    filler = 0
    with (
        output_file(_index_of(path), fsync) if spec.index else nullcontext() as lines,
        output_file(path, fsync) as shard,
    ):
        if lines:
            lines.write([b"v1.2 %d\n" % len(indexes)])
        for index in indexes:
            image = encoder.encode(index)
            pieces, line = sample(spec, index, image, shard.size)
            shard.write([b"".join(pieces)])
            if lines:
                lines.write([line + b"\n"])
            filler += image.filler
            progress.advance()
        shard.write([archive_end(shard.size)])
    return [FinishedFile(shard.size, filler)]


def remove_shard(path: bytes, fsync: bool = False) -> None:
    """Remove a shard and its index."""
    remove_file(_index_of(path), fsync)
    remove_file(path, fsync)


def _index_of(path: bytes) -> bytes:
    return path.removesuffix(b".tar") + b".idx"


def _whole_size(spec: DatasetSpec, encoder: ImageEncoder, indexes: range, path: bytes) -> int:
    """Return the size of a shard with the same first and last sample and end, or 0 for another.

    With `index`, the lines of these samples, and the number of lines, must be right too.
    """
    try:
        with open_input(path, "a shard") as file:
            pieces, first_line = sample(spec, indexes[0], encoder.encode(indexes[0]))
            if not compare(file, 0, pieces).equal:
                return 0
            image = encoder.encode(indexes[-1])
            image = image._replace(buffers=list(image.buffers))
            last = b"".join(sample(spec, indexes[-1], image)[0])
            begin = max(0, file.size - len(last) - 2 * len(archive_end(0)))
            before, found, end = file.read_at(begin, file.size - begin).rpartition(last)
            if not found or end != archive_end(file.size - len(end)):
                return 0
        if spec.index:
            _, last_line = sample(spec, indexes[-1], image, begin + len(before))
            with open_input(_index_of(path), "an index") as index:
                lines = index.read_at(0, index.size).split(b"\n")
            ends = [b"v1.2 %d" % len(indexes), first_line, last_line, b""]
            if lines[:2] + lines[-2:] != ends or len(lines) != len(indexes) + 2:
                return 0
        return file.size
    except ImagineError:
        return 0  # Replacing the file reports what is wrong with it.


def limited_shards(spec: DatasetSpec, most: int, samples: int | None) -> DatasetSpec:
    """Return a dataset with shards of at most `most` bytes, and at most `samples` if not None."""
    is_stored = spec.image_format == "bmp" or spec.compress_level == 0
    has_one_size = is_stored or (spec.direct and spec.content == "noise")
    is_known = spec.target_size or (has_one_size and spec.compress_ratio == 1)
    if spec.sizes or spec.target_size_stdev or not is_known:
        raise UsageError(
            "argument --shard-bytes: only for images of one known size, which are BMP, stored PNG,"
            " direct noise or of a --target-size, with one width and height; use --shard-samples"
        )
    last = spec.start + spec.count - 1  # It has the longest name.
    size = sum(map(len, sample(spec, last, image_encoder(spec).encode(last))[0]))
    fitting = most // size
    while fitting and fitting * size + len(archive_end(fitting * size)) > most:
        fitting -= 1
    if not fitting:
        least = size + len(archive_end(size))
        raise UsageError(f"argument --shard-bytes: a shard has at least {least} bytes, not {most}")
    return replace(spec, shard_samples=min(fitting, samples or fitting))
