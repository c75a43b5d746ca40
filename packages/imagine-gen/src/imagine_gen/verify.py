"""Verifying a dataset: each image is made again and compared with its file.

With `--resume`, some of the kept images are. Their bytes may differ between versions of an encoder,
so the pixels count: with the same seed and quality, the variance of their difference is a small
share of that of the images.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files.folders import is_folder
from imagine_common.files.reading import FileSlice, InputFile, compare
from imagine_common.files.stamps import check_stamp
from imagine_common.files.storage import exists, open_input
from imagine_common.host.threads import check_stopped
from imagine_common.parallel.ordered_map import Workers, choose_workers
from imagine_common.parallel.progress import progress
from imagine_common.text import show
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.digests import with_digests
from imagine_gen.work.files import FinishedFile, existing_size
from imagine_gen.work.units import Work, mapped_units, work_on

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport

MISSING = "missing"
_MOST_COMPARED = 16
_TOLERANCE = 0.02  # of the variance


class Verdict(NamedTuple):
    """The result for an image: its file's size in bytes, any fault, and for a card the digest."""

    size: int
    fault: str = ""
    digest: int = 0


def verify_units(
    spec: DatasetSpec,
    workers: Workers | None = None,
    chunksize: int | None = None,
    only_read: bool = False,
) -> Generator[tuple[range, list[Verdict]]]:
    """Compare the images of a dataset with their files; yield each unit's indexes and verdicts.

    Nothing is written. An image is right if its file has the bytes that would be written now. For
    compressed formats this requires the same version of the encoder. With `only_read`, no image is
    made, and verdicts have digests instead.
    """
    if not is_folder(spec.path):
        raise ImagineError(f"{show(spec.path)}: no such folder; nothing to verify")
    work: Work[Verdict] = partial(with_digests, _look_at) if only_read else _verify_images
    with mapped_units(work, spec, workers, chunksize) as units:
        yield from units


def _look_at(spec: DatasetSpec, encoder: ImageEncoder, indexes: range) -> list[Verdict]:
    sizes = (existing_size(spec, encoder.dataset, index) for index in indexes)
    return [Verdict(size, "" if size else f"{MISSING}, cut off or another image") for size in sizes]


def extra_files(spec: DatasetSpec) -> Iterator[bytes]:
    """Yield the paths of files with names of images that are not in the dataset."""
    suffix = os.path.splitext(spec.image_path(0))[1]
    for folder in sorted(spec.folders()):
        names = spec.files.others(folder, suffix, partial(_is_own, spec, folder))
        yield from (os.path.join(folder, name) for name in names)


def _is_own(spec: DatasetSpec, folder: bytes, number: int, name: bytes) -> bool:
    index = number * (spec.shard_samples or 1)
    is_in = index < spec.start + spec.count
    return is_in and os.path.join(folder, name) == spec.image_path(index)


def check_stamped(path: bytes) -> FileReport:
    """Check the file of an image with a stamp, which needs no description of the dataset."""
    from imagine_common.packers.checking import check_file  # Runs that only write don't need it.

    def check(report: FileReport, file: InputFile) -> None:
        report.records = 1
        try:
            stamp = check_stamp(FileSlice(file.read_at, 0), 0, file.size)
        except ImagineError as error:
            raise ImagineError(f"{show(path)}: {error}") from None
        if stamp is None:
            raise ImagineError(f"{show(path)}: no image with a stamp, which --stamp makes")
        report.stamps.add(report, stamp)

    return check_file(path, "an image file", check)


def _verify_images(spec: DatasetSpec, encoder: ImageEncoder, indexes: range) -> list[Verdict]:
    verdicts = []
    for index in indexes:
        verdicts.append(_verify_image(encoder, index, spec.image_path(index)))
        progress.advance()
    return verdicts


def _verify_image(encoder: ImageEncoder, index: int, path: bytes) -> Verdict:
    check_stopped()
    size = 0
    try:
        if not exists(path):
            return Verdict(0, MISSING)
        with open_input(path, "an image file") as file:
            size = file.size
            same, end = compare(file, 0, encoder.encode(index).buffers)
    except ImagineError as error:
        return Verdict(size, str(error).removeprefix(f"{show(path)}: "))
    if not same and end == size:
        return Verdict(size, f"cut off after {size} bytes")
    if not same:
        return Verdict(size, f"differs from byte {end} on")
    return Verdict(size, "" if end == size else f"has {size} bytes instead of {end}")


def compare_kept(
    units: Iterator[tuple[range, list[FinishedFile]]], spec: DatasetSpec, workers: Workers | None
) -> Iterator[tuple[range, list[FinishedFile]]]:
    """Yield units, but compare some of the images that they kept with what would be made now.

    These are spread over the dataset, one for each worker and at most 16.

    Raises
    ------
    ImagineError
        If an image differs, before its unit is yielded.
    """
    chosen = choose_workers(workers)
    threads = chosen if isinstance(chosen, int) else chosen.threads
    most, compared = min(threads, _MOST_COMPARED), 0
    for indexes, files in units:
        index = next((index for index, file in zip(indexes, files) if file.kept), -1)
        if index >= spec.start + spec.count * compared // most:
            compared += 1
            alike: list[bool] = work_on(_is_alike, spec, range(index, index + 1))
            if not alike[0]:
                raise ImagineError(
                    f"{show(spec.image_path(index))}: kept by --resume, but it differs from the"
                    " image that would be made: with another --seed or other options, or by another"
                    " version of the encoder; --verify finds all such images"
                )
        yield indexes, files


def _is_alike(spec: DatasetSpec, encoder: ImageEncoder, indexes: range) -> list[bool]:
    """Return whether the existing file of one image has about the pixels that would be made now."""
    (index,) = indexes
    path = spec.image_path(index)
    if not _verify_image(encoder, index, path).fault:
        return [True]
    from PIL import Image, ImageChops, ImageStat

    with open_input(path, "an image file") as file:
        found = file.read_at(0, file.size)
    made = b"".join(encoder.encode(index).buffers)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about large images.
            images = [Image.open(io.BytesIO(file)) for file in (found, made)]
        # A GIF file of mode RGB is opened with a palette.
        pair = [image.convert("RGB" if image.mode == "P" else image.mode) for image in images]
    except Exception:  # Pillow raises many types for a broken file.
        return [False]
    error = ImageStat.Stat(ImageChops.difference(*pair))
    variance = sum(sum(ImageStat.Stat(image).var) for image in pair)
    return [sum(error.sum2) <= _TOLERANCE * variance * pair[0].width * pair[0].height]
