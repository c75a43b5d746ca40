"""Making a dataset: each image from its pixels to its file."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import closing
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.files.folders import (
    clear_leftovers,
    create_folder,
    folder_bytes,
    remove_if_empty,
)
from imagine_common.files.others import Others
from imagine_common.files.storage import remove_file
from imagine_common.files.temporary import release_folders
from imagine_common.files.urls import is_remote
from imagine_common.parallel.ordered_map import Workers
from imagine_common.signatures import PathLike, check_types, named_by_parameter, with_options
from imagine_gen.dataset.combinations import refuse_clashes
from imagine_gen.dataset.options import HEIGHT, NAME, OPTIONS, WIDTH
from imagine_gen.dataset.spec import DatasetSpec, OptionalArguments
from imagine_gen.verify import compare_kept, extra_files
from imagine_gen.work.digests import with_digests
from imagine_gen.work.files import FinishedFile, clear_folders, make_images
from imagine_gen.work.units import Work, mapped_units

if TYPE_CHECKING:
    from typing_extensions import Unpack

_RUNNING = """\
resume : bool
    Keep existing images of the requested format, mode and dimensions. Some of them, at most 16, are
    made again and compared.
fsync : bool
    Have each image on the disk before it counts as finished, so that it survives a power failure.
clean : bool
    Remove other images that are named like these. By default they are an error, unless `start` is
    not 0, since they may be those of other parts.
keep_others : bool, optional
    Leave such images there; if None, with a warning."""


class ImageFile(NamedTuple):
    """The finished file of an image.

    `size` is in bytes, and `filler` is the number of them that only bring the file to its target
    size. `kept` is true if the file existed before the run.
    """

    path: str
    size: int
    kept: bool = False
    labels: tuple[int, ...] = ()
    filler: int = 0


class CreateSummary(NamedTuple):
    """The images that a run made or kept: their number, their bytes, and the seconds it took.

    If sizes were asked for, `first_bytes` is the size of the first image, and `folder_bytes` the
    size of all regular files in the dataset's folders. `warnings` are about other files there.
    """

    files: int
    bytes: int
    seconds: float
    first_bytes: int | None = None
    folder_bytes: int | None = None
    warnings: tuple[str, ...] = ()


def generate(
    spec: DatasetSpec,
    workers: Workers | None = None,
    chunksize: int | None = None,
    *,
    resume: bool = False,
    fsync: bool = False,
    clean: bool = False,
    keep_others: bool | None = False,
) -> Generator[ImageFile]:
    """Make the images of a dataset and yield each, in order, once its file is complete.

    Parameters
    ----------
    spec : DatasetSpec
    workers : int or DaskCluster, optional
        Processes, or a cluster. By default as many processes as there are usable CPUs, and memory
        for.
    chunksize : int, optional
        Images per unit of work. Neither changes a byte of the images.
    {running}

    Raises
    ------
    UsageError
        If an argument has a wrong type, `workers` or `chunksize` is below 1, an image needs more
        memory than there is, or the folder has images of another run.
    ImagineError
        If a file cannot be written, or a kept image differs. Images finished before stay.
    """
    others = Others(clean, keep_others)
    with named_by_parameter():
        check_types(locals(), generate.__annotations__)
        with closing(generate_units(spec, workers, chunksize, resume, fsync, others)) as units:
            for indexes, files in units:
                for index, (size, filler, kept, _) in zip(indexes, files):
                    path = os.fsdecode(spec.image_path(index))
                    labels = () if spec.shard_samples else spec.labels(index)
                    yield ImageFile(path, size, kept, labels, filler)


def generate_units(
    spec: DatasetSpec,
    workers: Workers | None,
    chunksize: int | None,
    resume: bool,
    fsync: bool,
    others: Others,
    digests: bool = False,
) -> Generator[tuple[range, list[FinishedFile]]]:
    """Make the images of a dataset and yield the indexes and files of each unit, in order."""
    outdated = other_images(spec, others)
    work: Work[FinishedFile] = partial(make_images, resume, fsync, os.urandom(8))
    remove = remove_file
    if spec.shard_samples is not None:
        from imagine_gen.tar import make_shard, remove_shard

        work, remove = partial(make_shard, resume, fsync), remove_shard
    elif is_remote(spec.path):
        from imagine_gen.work.uploads import upload_images

        work = partial(upload_images, resume)  # type: ignore[assignment]
    if digests:
        work = partial(with_digests, work)
    with mapped_units(work, spec, workers, chunksize, clear_folders) as units:
        try:
            for folder in spec.fixed_folders:
                create_folder(folder, fsync)
            if others.keep or spec.start:  # Other parts may have many folders.
                clear_leftovers(spec.path)
            else:
                clear_folders(spec)
            for path in outdated:
                remove(path, fsync)
            emptied = {os.path.dirname(path) for path in outdated}
            for folder in emptied - {spec.path, *spec.fixed_folders}:
                remove_if_empty(folder)
            is_compared = resume and not spec.shard_samples
            yield from compare_kept(units, spec, workers) if is_compared else units
        finally:
            release_folders()


def other_images(spec: DatasetSpec, others: Others) -> list[bytes]:
    """Return the paths of other runs' images in a dataset's folders if they are to be removed.

    Raise a `UsageError` if they must not be there.
    """
    if spec.start:
        refuse_clashes({"--start", *(["--clean"] if others.clean else [])})
        others = others._replace(keep=True)
    prefix = os.path.join(spec.path, b"")
    names = (path.removeprefix(prefix) for path in extra_files(spec))
    return [prefix + name for name in others.to_remove(spec.path, names)]


@with_options({name: getattr(DatasetSpec, name) for name in OptionalArguments.__annotations__})
def create_images(
    path: PathLike,
    name: PathLike = NAME,
    width: int = WIDTH,
    height: int = HEIGHT,
    count: int = 1,
    image_format: str = "jpg",
    seed: int = 0,
    size: bool = False,
    chunksize: int = 64,
    *,
    workers: Workers | None = None,
    resume: bool = False,
    fsync: bool = False,
    clean: bool = False,
    keep_others: bool | None = False,
    **options: Unpack[OptionalArguments],
) -> CreateSummary:
    """Make a dataset of random images and return a summary once all files are complete.

    Parameters
    ----------
    path : path-like
        Folder or URL for the images; created if missing.
    width, height : int
        Pixels.
    size : bool
        Report the sizes of the first image and of the folder.
    chunksize : int
        Images per unit of work.
    workers : int or DaskCluster, optional
        Processes, or a cluster; by default one process per usable CPU, as far as memory allows.
    {running}
    sizes : SizeRange or SizeList, optional
        Draw the dimensions of each image from it, instead of using `width` and `height`.
    {options}

    Raises
    ------
    UsageError
        If an argument has a wrong type or is out of range, or the folder has images of another run.
        Nothing has been written then.
    ImagineError
        If a file cannot be written, or a kept image differs. Images finished before stay.
    """
    warned: list[str] = []
    begin = time.perf_counter()
    spec = DatasetSpec(path, name, width, height, count, image_format, seed=seed, **options)
    others = Others(clean, keep_others, warned.append)
    units = generate_units(spec, workers, chunksize, resume, fsync, others)
    sizes = (file.size for _, files in units for file in files)
    first = next(sizes)
    total = first + sum(sizes)
    summary = CreateSummary(count, total, time.perf_counter() - begin, warnings=tuple(warned))
    if size:
        summary = summary._replace(first_bytes=first, folder_bytes=dataset_bytes(spec))
    return summary


def _describe_options() -> str:
    """Return the options in the format of the docstring of `create_images`."""
    types = {**DatasetSpec.__annotations__, **create_images.__annotations__}
    texts = [(option.field, option.description) for option in OPTIONS]
    return "\n".join(f"{name} : {types[name]}\n    {t[0].upper()}{t[1:]}." for name, t in texts)


for _function in (generate, create_images):
    if _function.__doc__:  # Python's option -OO removes it.
        _text = cleandoc(_function.__doc__)
        _function.__doc__ = _text.format(running=_RUNNING, options=_describe_options())


def dataset_bytes(spec: DatasetSpec) -> int:
    """Return the total size of the regular files in a dataset's folders, in bytes."""
    return sum(map(folder_bytes, spec.folders()))
