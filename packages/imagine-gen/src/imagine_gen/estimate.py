"""What a run would make, estimated by making a few of its images, in memory."""

from __future__ import annotations

import time
from typing import NamedTuple

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.work.encoders import image_encoder
from imagine_gen.work.units import plan_units

_MOST_IMAGES = 32
_LEAST_IMAGES = 3
_SECONDS = 1.0


class Estimate(NamedTuple):
    """About how many bytes all images have, and how long making them takes, writing apart.

    `tried` is how many have been made to know that, `workers` how many processes would.
    """

    bytes: int
    seconds: float
    tried: int
    workers: int


def estimate(
    spec: DatasetSpec, workers: int | None = None, chunksize: int | None = None
) -> Estimate:
    """Make some images, spread over the dataset, for a second or so.

    Raises
    ------
    UsageError
        As `map_images` does.
    """
    workers, _ = plan_units(spec, workers, chunksize)
    begin = time.perf_counter()
    encoder = image_encoder(spec)
    prepared = time.perf_counter()
    count = min(spec.count, _MOST_IMAGES)
    # Not in order: should time run out, those that were made still are from everywhere.
    places = sorted(range(count), key=lambda place: f"{place:05b}"[::-1])
    indexes = [spec.start + spec.count * place // count for place in places]
    size = tried = 0
    warm = prepared
    for index in indexes:
        size += sum(map(len, encoder.encode(index).buffers))
        tried += 1
        if tried == 1 and count > 1:
            warm = time.perf_counter()  # The first touches memory that the others find ready.
        elif tried >= _LEAST_IMAGES and time.perf_counter() - warm > _SECONDS:
            break
    each = (time.perf_counter() - warm) / max(1, tried - (warm != prepared))
    seconds = prepared - begin + each * spec.count / workers
    return Estimate(size * spec.count // tried, seconds, tried, workers)
