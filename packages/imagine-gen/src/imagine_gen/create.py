"""Making a dataset: each image from its pixels to its file."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import closing
from functools import lru_cache, partial
from typing import NamedTuple

from imagine_common.files.folders import (
    clear_leftovers,
    create_folder,
    create_subfolder,
    folder_bytes,
)
from imagine_common.files.storage import output_file, sync_file
from imagine_common.files.urls import is_remote, local_path
from imagine_common.parallel.ordered_map import Workers
from imagine_gen.dataset.dimensions import Sizes
from imagine_gen.dataset.layout import FLAT, folders, has_subfolders
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.existing import existing_size
from imagine_gen.work.units import map_images, map_units


class ImageFile(NamedTuple):
    """A finished image file.

    `size` is in bytes, of which `filler` are only there for the size; `kept` tells that it was
    there before.
    """

    path: bytes
    size: int
    kept: bool = False
    labels: tuple[int, ...] = ()
    filler: int = 0


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
    workers: Workers | None = None,
    chunksize: int | None = None,
    *,
    resume: bool = False,
    fsync: bool = False,
) -> Generator[ImageFile]:
    """Make the images of a dataset and yield each, in order, once its file is complete.

    Parameters
    ----------
    spec : DatasetSpec
    workers : int or Cluster, optional
        Processes, or a cluster. All usable processors unless given.
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
    workers: Workers | None = None,
    chunksize: int | None = None,
    *,
    resume: bool = False,
    fsync: bool = False,
) -> Generator[list[ImageFile]]:
    """Do what `generate` does, yielding the images of a unit of work together.

    Parameters, and errors raised, are those of `generate`.
    """
    with closing(_map(spec, workers, chunksize, resume, fsync)) as units:
        create_folder(spec.path, fsync)
        clear_leftovers(spec.path)
        for indexes, made in units:
            yield [
                ImageFile(spec.image_path(index), size, kept, spec.labels(index), filler)
                for index, (size, kept, filler) in zip(indexes, made)
            ]


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
    quality: int | None = None,
    compress_level: int | None = None,
    content: str = "noise",
    sizes: Sizes | None = None,
    classes: int | None = None,
    layout: str = FLAT,
    files_per_dir: int | None = None,
    pooled: bool = False,
    pool_strips: int | None = None,
    subsampling: str | None = None,
    target_size: int | None = None,
    target_size_stdev: int = 0,
    workers: Workers | None = None,
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
    image_format : {"jpg", "jpeg", "png", "bmp", "bitmap", "webp", "tiff", "avif", "jp2", "gif"}
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
    quality : int, optional
        JPEG quality, 1 to 100; 75 unless given.
    compress_level : int, optional
        How hard PNG is compressed, 1 to 9; 0 stores it, which noise doesn't suffer from. Unless
        given, noise is stored and photos are compressed with level 6.
    content : {"noise", "photo"}
        What the images show.
    sizes : SizeRange or SizeList, optional
        What the dimensions are drawn from, of each image anew, instead of `width` and `height`.
    classes : int, optional
        How many classes there are: image *i* has the label *i* mod `classes`.
    layout : {"flat", "imagefolder"}
        Whether each class has a folder of its own.
    files_per_dir : int, optional
        How many images go into each of the numbered folders below `path`; all into it unless given.
    pooled : bool
        Whether images are put together from strips of a pool: much faster, but strips recur.
    pool_strips : int, optional
        How many strips the pool has.
    subsampling : {"4:4:4", "4:2:2", "4:2:0"}, optional
        How much of its chroma a JPEG keeps: all, half, or a quarter, which is the default.
    target_size : int, optional
        How many bytes each JPEG file has, instead of a quality.
    target_size_stdev : int
        The standard deviation of that, where it is drawn for each image.
    workers : int or Cluster, optional
        Processes, or a cluster. All usable processors unless given.
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
        content=content,
        sizes=sizes,
        classes=classes,
        layout=layout,
        files_per_dir=files_per_dir,
        pooled=pooled,
        pool_strips=pool_strips,
        seed=seed,
        subsampling=subsampling,
        target_size=target_size,
        target_size_stdev=target_size_stdev,
    )
    begin = time.perf_counter()
    total = 0
    first = None
    for image in generate(spec, workers, chunksize, resume=resume, fsync=fsync):
        first = image.size if first is None else first
        total += image.size
    summary = CreateSummary(count, total, time.perf_counter() - begin)
    if size:
        summary = summary._replace(first_bytes=first, folder_bytes=dataset_bytes(spec))
    return summary


def dataset_bytes(spec: DatasetSpec) -> int:
    """Return the total size of the regular files in a dataset's folders, in bytes.

    Raises
    ------
    ImagineError
        Where a folder can't be read.
    """
    return sum(map(folder_bytes, folders(spec)))


def _map(
    spec: DatasetSpec, workers: Workers | None, chunksize: int | None, resume: bool, fsync: bool
) -> Generator[tuple[range, list[tuple[int, bool, int]]]]:
    if is_remote(spec.path):
        from imagine_gen.work.stored import put_images

        return map_units(partial(put_images, resume), spec, workers, chunksize)
    # What an earlier run made may have been removed, so this one remembers for itself.
    make = partial(_make_image, resume, fsync, os.urandom(8))
    return map_images(make, spec, workers, chunksize, _clear)


def _clear(spec: DatasetSpec) -> None:
    """Remove what dead processes of this host left in a dataset's folders."""
    for folder in folders(spec):
        clear_leftovers(folder)


@lru_cache(maxsize=1 << 16)
def _enter(folder: bytes, fsync: bool, _run: bytes) -> None:
    """Make a folder below the dataset's, or clear what dead processes left in it.

    Once in a process and run.

    Raises
    ------
    ImagineError
        Where it can't be made: the dataset's own may have gone.
    """
    if not create_subfolder(folder, fsync):
        clear_leftovers(folder)


def _make_image(
    resume: bool, fsync: bool, run: bytes, spec: DatasetSpec, encoder: ImageEncoder, index: int
) -> tuple[int, bool, int]:
    """Return an image's size in bytes, whether its file was there before, and bytes of filler."""
    path = spec.image_path(index)
    if has_subfolders(spec):
        _enter(os.path.dirname(local_path(path)), fsync, run)
    size = existing_size(spec.of_image(index), path) if resume else 0
    if size and encoder.wanted_size(index) in (None, size):
        if fsync:
            sync_file(path)
        return size, True, 0
    buffers, filler = encoder.encode(index)
    with output_file(path, fsync) as file:
        file.write(buffers)
    return file.size, False, filler
