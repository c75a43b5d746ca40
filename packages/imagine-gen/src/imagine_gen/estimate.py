"""Estimating the bytes and the time of a run by making a few of its images in memory."""

from __future__ import annotations

import time
from typing import NamedTuple

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.work.encoders import image_encoder
from imagine_gen.work.units import plan_processes

_MOST_IMAGES = 32
_LEAST_IMAGES = 3
_SECONDS = 1.0


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
        size += sum(map(len, encoder.encode(index).buffers))
        tried += 1
        if tried == 1 and count > 1:
            warm = time.perf_counter()  # The first image also touches fresh memory.
        elif tried >= _LEAST_IMAGES and time.perf_counter() - warm > _SECONDS:
            break
    each = (time.perf_counter() - warm) / max(1, tried - (warm != prepared))
    seconds = prepared - begin + each * spec.count / workers
    return Estimate(size * spec.count // tried, seconds, tried, workers)
