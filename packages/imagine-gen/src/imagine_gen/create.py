"""Making a dataset: spreading its images over processes, and each image from pixels to its file."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import NamedTuple, cast

from imagine_common.atomic import AtomicFile, Buffer, clear_leftovers, create_folder
from imagine_common.cpus import check_workers
from imagine_common.errors import UsageError, WorkerLost, file_error
from imagine_common.parallel import ordered_map
from imagine_gen.spec import DatasetSpec

# A unit of work of about this size is long enough to hide what handing it over costs, and short
# enough that paths keep flowing.
_PIXELS_IN_UNIT = 1 << 21
_MAX_IMAGES_IN_UNIT = 256


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
    if chunksize is None:
        pixels = spec.width * spec.height
        chunksize = min(_MAX_IMAGES_IN_UNIT, max(1, _PIXELS_IN_UNIT // pixels))
    elif chunksize < 1:
        raise UsageError(f"argument --chunksize: must be at least 1, not {chunksize}")
    # However large a chunk was asked for, every worker gets some.
    chunksize = min(chunksize, -(-spec.count // workers))
    end = spec.start + spec.count
    units = (
        range(first, min(first + chunksize, end)) for first in range(spec.start, end, chunksize)
    )
    create_folder(spec.path)
    _encoder(spec.image_format)  # Imported here, it is there in every process that is forked.
    workers = min(workers, -(-spec.count // chunksize))
    try:
        with closing(ordered_map(partial(_make_images, spec), units, workers)) as results:
            yield from results
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


def _make_images(spec: DatasetSpec, indexes: range) -> list[ImageFile]:
    encode = _encoder(spec.image_format)
    images = []
    for index in indexes:
        path = spec.image_path(index)
        with AtomicFile(path) as file:
            file.write(encode(spec, index))
        images.append(ImageFile(path, file.size))
    return images


def _encoder(image_format: str) -> Callable[[DatasetSpec, int], Iterator[Buffer]]:
    """Return the function that yields an image's file; heavy modules are imported only now."""
    module = {"jpg": "jpeg"}.get(image_format, image_format)
    encode = importlib.import_module(f"imagine_gen.{module}").encode
    return cast("Callable[[DatasetSpec, int], Iterator[Buffer]]", encode)
