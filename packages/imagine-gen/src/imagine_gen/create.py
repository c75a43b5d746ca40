"""Making a dataset: each image from its pixels to its file."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import closing, suppress
from functools import partial
from typing import NamedTuple

from imagine_common.atomic import AtomicFile, create_folder, sync_file
from imagine_common.errors import WorkerLost, file_error
from imagine_common.temporary import clear_leftovers
from imagine_gen.encoders import ImageEncoder
from imagine_gen.existing import existing_size
from imagine_gen.spec import DatasetSpec
from imagine_gen.units import map_images


class ImageFile(NamedTuple):
    """A finished image file; `size` is in bytes, `kept` tells that it was there before."""

    path: bytes
    size: int
    kept: bool = False


class CreateSummary(NamedTuple):
    """What a run has made, or kept; `seconds` is its duration.

    Where sizes were asked for, `first_bytes` is the size of the run's first image and
    `folder_bytes` that of all regular files in the folder.
    """

    files: int
    bytes: int
    seconds: float
    first_bytes: int | None = None
    folder_bytes: int | None = None


def generate(
    spec: DatasetSpec,
    workers: int | None = None,
    chunksize: int | None = None,
    *,
    resume: bool = False,
    fsync: bool = False,
) -> Generator[ImageFile]:
    """Make the images of a dataset and yield each, in order, once its file is complete.

    Parameters
    ----------
    spec : DatasetSpec
    workers : int, optional
        Processes. All usable processors unless given.
    chunksize : int, optional
        Images per unit of work. Neither changes a byte of the images.
    resume : bool
        Whether images are kept that are there, in the format, mode and dimensions asked for.
    fsync : bool
        Whether an image that is given is on the disk, and survives a failure of power.

    Raises
    ------
    UsageError
        Where `workers` or `chunksize` is below 1, and where an image needs more memory than is.
    ImagineError
        Where a file can't be written. Images finished before stay.
    """
    with closing(generate_units(spec, workers, chunksize, resume=resume, fsync=fsync)) as units:
        for images in units:
            yield from images


def generate_units(
    spec: DatasetSpec,
    workers: int | None = None,
    chunksize: int | None = None,
    *,
    resume: bool = False,
    fsync: bool = False,
) -> Generator[list[ImageFile]]:
    """Do what `generate` does, yielding the images of a unit of work together.

    Parameters, and errors raised, are those of `generate`.
    """
    make = partial(_make_image, resume, fsync)
    with closing(map_images(make, spec, workers, chunksize)) as units:
        create_folder(spec.path, fsync)
        clear_leftovers(spec.path)
        try:
            for indexes, made in units:
                paths = map(spec.image_path, indexes)
                yield [ImageFile(path, size, kept) for path, (size, kept) in zip(paths, made)]
        except WorkerLost:
            clear_leftovers(spec.path)
            raise


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
    resume: bool = False,
    fsync: bool = False,
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
    resume : bool
        Whether images are kept that are there, in the format, mode and dimensions asked for.
    fsync : bool
        Whether a finished image is on the disk, and survives a failure of power.

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
    for image in generate(spec, workers, chunksize, resume=resume, fsync=fsync):
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


def _make_image(
    resume: bool, fsync: bool, spec: DatasetSpec, encode: ImageEncoder, index: int
) -> tuple[int, bool]:
    """Return the size of an image's file in bytes, and whether it was there before."""
    path = spec.image_path(index)
    if resume and (size := existing_size(spec, path)):
        if fsync:
            sync_file(path)
        return size, True
    with AtomicFile(path, fsync) as file:
        file.write(encode(index))
    return file.size, False
