"""Spreading a dataset's images over processes, in units of work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import lru_cache, partial
from typing import TypeVar

from imagine_common.cpus import check_workers
from imagine_common.errors import UsageError
from imagine_common.memory import usable_memory
from imagine_common.parallel import ordered_map, workers_are_forked
from imagine_common.report import human_bytes
from imagine_common.urls import is_stored
from imagine_gen.encoders import ImageEncoder, image_encoder
from imagine_gen.spec import DatasetSpec

Result = TypeVar("Result")

# A unit of work of about this size is long enough to hide what handing it over costs, and short
# enough that paths keep flowing. Pooled pixels cost a fraction of fresh ones.
_PIXELS_IN_UNIT = 1 << 21
_POOLED_PIXELS_IN_UNIT = 1 << 27
_MAX_IMAGES_IN_UNIT = 256
# A store takes a while for each: it gets several at a time, and a unit waits for all of its own.
_LEAST_STORED_IMAGES_IN_UNIT = 16

# The encoders that this process works with, and that others find when they are forked.
_inherited: dict[DatasetSpec, ImageEncoder] = {}


def map_images(
    function: Callable[[DatasetSpec, ImageEncoder, int], Result],
    spec: DatasetSpec,
    workers: int | None,
    chunksize: int | None,
) -> Generator[tuple[range, list[Result]]]:
    """Apply a function to each image's index and yield the results of each unit, in order.

    Parameters, and errors raised, are those of `map_units`, but that the function gets an index.
    """
    return map_units(partial(_each, function), spec, workers, chunksize)


def map_units(
    function: Callable[[DatasetSpec, ImageEncoder, range], list[Result]],
    spec: DatasetSpec,
    workers: int | None,
    chunksize: int | None,
) -> Generator[tuple[range, list[Result]]]:
    """Apply a function to the images of each unit of work and yield what it returns, in order.

    What can be wrong with the arguments is found at once, not when the first result is asked for.

    Parameters
    ----------
    function : callable
        Gets the specification, an encoder of its images, and their indexes. It can be pickled.
    spec : DatasetSpec
    workers : int, optional
        Processes. All usable processors unless given.
    chunksize : int, optional
        Images per unit of work.

    Raises
    ------
    UsageError
        Where `workers` or `chunksize` is below 1, and where an image needs more memory than is.
    WorkerLost
        Where a worker process died.
    """
    workers, chunksize = plan_units(spec, workers, chunksize)
    here = workers == 1 or workers_are_forked()
    # Whether a size can be reached, only an encoder knows.
    encoder = image_encoder(spec) if here or spec.target_size is not None else None
    return _map_units(partial(_work, function, spec), spec, chunksize, workers, encoder)


def plan_units(spec: DatasetSpec, workers: int | None, chunksize: int | None) -> tuple[int, int]:
    """Return how many processes work on a dataset, and how many images make a unit of work.

    Parameters, and errors raised, are those of `map_images`.
    """
    fitting = _fitting_workers(spec)
    # Whoever gives a number knows better.
    workers = min(check_workers(None), fitting) if workers is None else check_workers(workers)
    pixels_in_unit = _POOLED_PIXELS_IN_UNIT if spec.pooled else _PIXELS_IN_UNIT
    if chunksize is None:
        pixels = spec.width * spec.height
        least = _LEAST_STORED_IMAGES_IN_UNIT if is_stored(spec.path) else 1
        chunksize = min(_MAX_IMAGES_IN_UNIT, max(least, pixels_in_unit // pixels))
        if spec.count <= chunksize:
            workers = 1  # Starting processes would take longer.
    elif chunksize < 1:
        raise UsageError(f"argument --chunksize: must be at least 1, not {chunksize}")
    # However large a chunk was asked for, every worker gets some.
    chunksize = min(chunksize, -(-spec.count // workers))
    return min(workers, -(-spec.count // chunksize)), chunksize


def _fitting_workers(spec: DatasetSpec) -> int:
    """Return for how many processes the memory is enough.

    Raises
    ------
    UsageError
        Where it is not enough for one.
    """
    needed, memory = spec.worker_bytes, usable_memory()
    if needed > memory:
        raise UsageError(
            f"arguments --width, --height: making a {spec.image_format} of {spec.width}x"
            f"{spec.height} takes {human_bytes(needed)} of memory, of which there are"
            f" {human_bytes(memory)}"
        )
    return memory // needed


def _map_units(
    work: Callable[[range], list[Result]],
    spec: DatasetSpec,
    chunksize: int,
    workers: int,
    encoder: ImageEncoder | None,
) -> Generator[tuple[range, list[Result]]]:
    if encoder:
        _inherited[spec] = encoder
    try:
        with closing(ordered_map(work, _units(spec, chunksize), workers)) as results:
            yield from zip(_units(spec, chunksize), results)
    finally:
        _inherited.pop(spec, None)


def _units(spec: DatasetSpec, chunksize: int) -> Iterator[range]:
    """Yield the indexes of each unit of work."""
    end = spec.start + spec.count
    for first in range(spec.start, end, chunksize):
        yield range(first, min(first + chunksize, end))


def _work(
    function: Callable[[DatasetSpec, ImageEncoder, range], list[Result]],
    spec: DatasetSpec,
    indexes: range,
) -> list[Result]:
    return function(spec, _inherited.get(spec) or _own_encoder(spec), indexes)


def _each(
    function: Callable[[DatasetSpec, ImageEncoder, int], Result],
    spec: DatasetSpec,
    encode: ImageEncoder,
    indexes: range,
) -> list[Result]:
    return [function(spec, encode, index) for index in indexes]


@lru_cache(maxsize=1)
def _own_encoder(spec: DatasetSpec) -> ImageEncoder:
    return image_encoder(spec)
