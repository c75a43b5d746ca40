"""Making a dataset: spreading its images over processes, and each image from pixels to its file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from functools import lru_cache, partial
from typing import NamedTuple

from imagine_common.atomic import AtomicFile, clear_leftovers, create_folder
from imagine_common.cpus import check_workers
from imagine_common.errors import UsageError, WorkerLost, file_error
from imagine_common.parallel import ordered_map, workers_are_forked
from imagine_gen.encoders import ImageEncoder, image_encoder
from imagine_gen.spec import DatasetSpec

# A unit of work of about this size is long enough to hide what handing it over costs, and short
# enough that paths keep flowing. Pooled pixels cost a fraction of fresh ones.
_PIXELS_IN_UNIT = 1 << 21
_POOLED_PIXELS_IN_UNIT = 1 << 27
_MAX_IMAGES_IN_UNIT = 256

# The encoders that processes find when they are forked, with all that is in memory already.
_inherited: dict[DatasetSpec, ImageEncoder] = {}


class ImageFile(NamedTuple):
    """A finished image file; `size` is in bytes."""

    path: bytes
    size: int


class CreateSummary(NamedTuple):
    """What a run has made; `seconds` is its duration.

    Where sizes were asked for, `first_bytes` is the size of the run's first image and
    `folder_bytes` that of all regular files in the folder.
    """

    files: int
    bytes: int
    seconds: float
    first_bytes: int | None = None
    folder_bytes: int | None = None


def generate(
    spec: DatasetSpec, workers: int | None = None, chunksize: int | None = None
) -> Generator[ImageFile]:
    """Make the images of a dataset and yield each, in order, once its file is complete.

    Parameters
    ----------
    spec : DatasetSpec
    workers : int, optional
        Processes. All usable processors unless given.
    chunksize : int, optional
        Images per unit of work. Neither changes a byte of the images.

    Raises
    ------
    UsageError
        Where `workers` or `chunksize` is below 1.
    ImagineError
        Where a file can't be written. Images finished before stay.
    """
    with closing(generate_units(spec, workers, chunksize)) as units:
        for images in units:
            yield from images


def generate_units(
    spec: DatasetSpec, workers: int | None = None, chunksize: int | None = None
) -> Generator[list[ImageFile]]:
    """Do what `generate` does, yielding the images of a unit of work together."""
    workers = check_workers(workers)
    pixels_in_unit = _POOLED_PIXELS_IN_UNIT if spec.pooled else _PIXELS_IN_UNIT
    pixels = spec.width * spec.height
    if chunksize is None:
        chunksize = min(_MAX_IMAGES_IN_UNIT, max(1, pixels_in_unit // pixels))
        if spec.count <= chunksize:
            workers = 1  # Starting processes would take longer.
    elif chunksize < 1:
        raise UsageError(f"argument --chunksize: must be at least 1, not {chunksize}")
    # However large a chunk was asked for, every worker gets some.
    chunksize = min(chunksize, -(-spec.count // workers))
    workers = min(workers, -(-spec.count // chunksize))
    make: Callable[[range], list[int]] = partial(_make_in_worker, spec)
    if workers == 1:
        make = partial(_make_images, spec, image_encoder(spec))
    elif workers_are_forked():
        _inherited[spec] = image_encoder(spec)
    create_folder(spec.path)
    try:
        with closing(ordered_map(make, _units(spec, chunksize), workers)) as results:
            for unit, sizes in zip(_units(spec, chunksize), results):
                yield [ImageFile(spec.image_path(i), size) for i, size in zip(unit, sizes)]
    except WorkerLost:
        clear_leftovers(spec.path)
        raise
    finally:
        _inherited.pop(spec, None)


def create_images(
    path: str | bytes | os.PathLike[str],
    name: str,
    width: int,
    height: int,
    count: int,
    image_format: str,
    seed: int = 0,
    size: bool = False,
    chunksize: int = 64,
    *,
    start: int = 0,
    mode: str = "RGB",
    quality: int = 75,
    compress_level: int = 0,
    pooled: bool = False,
    pool_strips: int | None = None,
    workers: int | None = None,
) -> CreateSummary:
    """Make a dataset of random images and return what was made once all is written.

    Parameters
    ----------
    path : path-like
        The folder for the images; created if missing.
    name : str
        Files are called by this prefix, the image's index and the format's extension.
    width, height : int
        In pixels.
    count : int
        How many images.
    image_format : {"jpg", "jpeg", "png", "bmp", "bitmap"}
        In any case.
    seed : int
        The dataset's seed, below 2**64. Different seeds share no image.
    size : bool
        Whether the summary tells the first image's size and the folder's.
    chunksize : int
        Images per unit of work.
    start : int
        The index of the first image.
    mode : {"RGB", "RGBA", "L"}
        Where the format has it.
    quality : int
        JPEG quality, 1 to 100.
    compress_level : int
        How hard PNG is compressed, 1 to 9; 0 stores it, which noise doesn't suffer from.
    pooled : bool
        Whether images are put together from strips of a pool: much faster, but strips recur.
    pool_strips : int, optional
        How many strips the pool has.
    workers : int, optional
        Processes. All usable processors unless given.

    Raises
    ------
    UsageError
        Where an argument is out of range; nothing has been written then.
    ImagineError
        Where a file can't be written. Images finished before stay.
    """
    spec = DatasetSpec(
        path=os.fsencode(path),
        name=os.fsencode(name),
        width=width,
        height=height,
        count=count,
        image_format=image_format,
        start=start,
        mode=mode,
        quality=quality,
        compress_level=compress_level,
        pooled=pooled,
        pool_strips=pool_strips,
        seed=seed,
    )
    begin = time.perf_counter()
    total = 0
    first = None
    for image in generate(spec, workers, chunksize):
        first = image.size if first is None else first
        total += image.size
    summary = CreateSummary(count, total, time.perf_counter() - begin)
    if size:
        summary = summary._replace(first_bytes=first, folder_bytes=folder_bytes(spec.path))
    return summary


def folder_bytes(path: bytes) -> int:
    """Return the total size of the regular files in a folder, not below it, in bytes.

    Raises
    ------
    ImagineError
        Where the folder can't be read.
    """
    total = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                # Others may work in the folder too; a link may lead nowhere or in a circle.
                with suppress(OSError):
                    total += entry.stat().st_size if entry.is_file() else 0
    except OSError as error:
        raise file_error(path, error) from error
    return total


def _units(spec: DatasetSpec, chunksize: int) -> Iterator[range]:
    """Yield the indexes of each unit of work."""
    end = spec.start + spec.count
    for first in range(spec.start, end, chunksize):
        yield range(first, min(first + chunksize, end))


def _make_in_worker(spec: DatasetSpec, indexes: range) -> list[int]:
    return _make_images(spec, _worker_encoder(spec), indexes)


@lru_cache(maxsize=1)
def _worker_encoder(spec: DatasetSpec) -> ImageEncoder:
    return _inherited.get(spec) or image_encoder(spec)


def _make_images(spec: DatasetSpec, encode: ImageEncoder, indexes: range) -> list[int]:
    """Make images and return their sizes in bytes."""
    sizes = []
    for index in indexes:
        with AtomicFile(spec.image_path(index)) as file:
            file.write(encode(index))
        sizes.append(file.size)
    return sizes
