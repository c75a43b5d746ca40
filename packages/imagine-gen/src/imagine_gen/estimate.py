"""Estimating the bytes and the time of a run by making a few of its images in memory.

The target is measured by writing a little into it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files.folders import is_folder
from imagine_common.files.output import AtomicFile
from imagine_common.files.urls import is_remote, local_path
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.tar import sample
from imagine_gen.work.encoders import image_encoder
from imagine_gen.work.units import plan_processes

_MOST_IMAGES = 32
_LEAST_IMAGES = 3
_SECONDS = 1.0
_WRITTEN_BYTES = 1 << 25
_WRITTEN_SECONDS = 0.5
_EMPTY_FILES = 64


class Estimate(NamedTuple):
    """The bytes of all images, the seconds to make them, the images tried, a run's processes."""

    bytes: int
    seconds: float
    tried: int
    workers: int


def estimate(
    spec: DatasetSpec, workers: int | None = None, chunksize: int | None = None
) -> Estimate:
    """Make some images, spread over the dataset, for about a second."""
    workers, _ = plan_processes(spec, workers, chunksize)
    begin = time.perf_counter()
    encoder = image_encoder(spec)
    prepared = time.perf_counter()
    count = min(spec.count, _MOST_IMAGES)
    # In bit-reversed order, so that the images are spread evenly even if time runs out.
    places = sorted(range(count), key=lambda place: f"{place:05b}"[::-1])
    indexes = [spec.start + spec.count * place // count for place in places]
    size = tried = 0
    warm = prepared
    for index in indexes:
        image = encoder.encode(index)
        is_member = spec.shard_samples is not None
        size += sum(map(len, sample(spec, index, image)[0] if is_member else image.buffers))
        tried += 1
        if tried == 1 and count > 1:
            warm = time.perf_counter()  # The first image also touches fresh memory.
        elif tried >= _LEAST_IMAGES and time.perf_counter() - warm > _SECONDS:
            break
    each = (time.perf_counter() - warm) / max(1, tried - (warm != prepared))
    seconds = prepared - begin + each * spec.count / workers
    return Estimate(size * spec.count // tried, seconds, tried, workers)


class Target(NamedTuple):
    """What a folder takes: bytes a second, and files a second without their bytes."""

    bytes: float
    files: float


def measure_target(folder: bytes, most: int) -> Target | None:
    """Measure an existing local folder that can be written to; return None for another.

    Writes a temporary file of up to 32 MiB, or `most` bytes, to the disk, then some empty files,
    and removes them.
    """
    if is_remote(folder) or not is_folder(folder):
        return None
    piece = os.urandom(1 << 20)  # A file system may compress zeros.
    path = os.path.join(local_path(folder), b"target")
    try:
        with _unfinished(path, fsync=True) as file:
            begin = time.perf_counter()
            while file.size < min(most, _WRITTEN_BYTES):
                file.write([piece])
                if time.perf_counter() - begin > _WRITTEN_SECONDS:
                    break
            file.settle()
            rate = file.size / _since(begin)
        begin = time.perf_counter()
        for _ in range(_EMPTY_FILES):
            with _unfinished(path):
                pass
        return Target(rate, _EMPTY_FILES / _since(begin))
    except ImagineError:
        return None


def _since(begin: float) -> float:
    return max(time.perf_counter() - begin, 1e-9)  # A coarse clock may not advance.


@contextmanager
def _unfinished(path: bytes, fsync: bool = False) -> Iterator[AtomicFile]:
    """Open a file that never gets its name."""
    file = AtomicFile(path, fsync)
    try:
        yield file.__enter__()
    finally:
        file.abort()
