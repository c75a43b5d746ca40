"""Verifying a dataset: each image is made again and compared with its file."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.names import numbered
from imagine_common.files.folders import is_folder
from imagine_common.files.reading import compare
from imagine_common.files.storage import exists, open_input
from imagine_common.host.threads import check_stopped
from imagine_common.parallel.ordered_map import Workers
from imagine_common.parallel.progress import progress
from imagine_common.text import show
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.units import mapped_units

MISSING = "missing"


class Verdict(NamedTuple):
    """The result for an image: its file, the file's size in bytes, and the fault, if any."""

    path: bytes
    size: int
    fault: str = ""
    labels: tuple[int, ...] = ()


def verify_units(
    spec: DatasetSpec, workers: Workers | None = None, chunksize: int | None = None
) -> Generator[list[Verdict]]:
    """Compare the images of a dataset with their files, and yield the verdicts of each unit.

    Nothing is written. An image is right if its file has the bytes that would be written now. For
    compressed formats this requires the same version of the encoder.
    """
    if not is_folder(spec.path):
        raise ImagineError(f"{show(spec.path)}: no such folder; nothing to verify")
    with mapped_units(_verify_images, spec, workers, chunksize) as units:
        for indexes, verdicts in units:
            yield [
                verdict._replace(path=spec.image_path(index), labels=spec.labels(index))
                for index, verdict in zip(indexes, verdicts)
            ]


def extra_files(spec: DatasetSpec) -> list[bytes]:
    """Return the paths of files with names of images that are not in the dataset."""
    suffix = b"." + spec.image_format.encode()
    extra = []
    for folder in spec.folders():
        for number, name in numbered(folder, spec.name, suffix):
            path = os.path.join(folder, name)
            if number >= spec.start + spec.count or path != spec.image_path(number):
                extra.append(path)
    return extra


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
            return Verdict(path, 0, MISSING)
        with open_input(path, "an image file") as file:
            size = file.size
            same, end = compare(file, 0, encoder.encode(index).buffers)
    except ImagineError as error:
        return Verdict(path, size, str(error).removeprefix(f"{show(path)}: "))
    if not same and end == size:
        return Verdict(path, size, f"cut off after {size} bytes")
    if not same:
        return Verdict(path, size, f"differs from byte {end} on")
    if end != size:
        return Verdict(path, size, f"has {size} bytes instead of {end}")
    return Verdict(path, size)
