"""Verifying a dataset: each image is made again and compared with what is on the disk."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.names import numbered
from imagine_common.files.folders import is_folder
from imagine_common.files.reading import compare
from imagine_common.files.storage import exists, open_input
from imagine_common.parallel.ordered_map import Workers
from imagine_common.text import show
from imagine_gen.dataset.layout import folders
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.units import map_images

MISSING = "missing"


class Verdict(NamedTuple):
    """What an image file was found to be.

    `size` is in bytes; `finding` says what is wrong with the file, or nothing.
    """

    path: bytes
    size: int
    finding: str = ""
    labels: tuple[int, ...] = ()


def verify_units(
    spec: DatasetSpec, workers: Workers | None = None, chunksize: int | None = None
) -> Generator[list[Verdict]]:
    """Compare the images of a dataset with their files and yield the verdicts, some at a time.

    Nothing is written. Images are as they should be where all bytes are those that would be written
    now: with JPEG and compressed PNG that asks for the same version of the encoder.

    Parameters
    ----------
    spec : DatasetSpec
    workers : int or Cluster, optional
        Processes, or a cluster. All usable processors unless given.
    chunksize : int, optional
        Images per unit of work.

    Raises
    ------
    UsageError
        As `map_images` does.
    ImagineError
        Where the folder is not there.
    """
    if not is_folder(spec.path):
        raise ImagineError(f"{show(spec.path)}: no such folder; nothing to verify")
    with closing(map_images(_verify_image, spec, workers, chunksize)) as units:
        for indexes, verdicts in units:
            yield [
                verdict._replace(path=spec.image_path(index), labels=spec.labels(index))
                for index, verdict in zip(indexes, verdicts)
            ]


def extra_files(spec: DatasetSpec) -> list[bytes]:
    """Return the paths of files that are named as images, but are not of the dataset."""
    suffix = b"." + spec.format.extension.encode()
    extra = []
    for folder in folders(spec):
        for number, name in numbered(folder, spec.name, suffix):
            path = os.path.join(folder, name)
            if number >= spec.start + spec.count or path != spec.image_path(number):
                extra.append(path)
    return extra


def _verify_image(spec: DatasetSpec, encoder: ImageEncoder, index: int) -> Verdict:
    path = spec.image_path(index)
    size = 0
    try:
        if not exists(path):
            return Verdict(path, 0, MISSING)
        with open_input(path, "an image file") as file:
            size = file.size
            same, end = compare(file, 0, encoder.encode(index).buffers)
    except ImagineError as error:
        return Verdict(path, size, str(error).removeprefix(f"{show(path)}: "))
    except OSError as error:
        return Verdict(path, size, error.strerror or str(error))
    if not same and end == size:
        return Verdict(path, size, f"cut off after {size} bytes")
    if not same:
        return Verdict(path, size, f"differs from byte {end} on")
    if end != size:
        return Verdict(path, size, f"has {size} bytes instead of {end}")
    return Verdict(path, size)
