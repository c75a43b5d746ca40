"""Spreading a dataset's images over workers, in units of work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeVar

from imagine_common.errors import UsageError
from imagine_common.files.urls import is_remote, rooted
from imagine_common.host.cpus import check_workers
from imagine_common.host.memory import usable_memory
from imagine_common.host.start_method import start_method
from imagine_common.host.stopping import check_stopped
from imagine_common.parallel.ordered_map import Workers, base_of, ordered_map
from imagine_common.text import human_bytes
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.encoders import image_encoder

Result = TypeVar("Result")

# A unit of work of about this size is long enough to hide what handing it over costs, and short
# enough that paths keep flowing. Pooled pixels cost a fraction of fresh ones.
_PIXELS_IN_UNIT = 1 << 21
_POOLED_PIXELS_IN_UNIT = 1 << 27
_MAX_IMAGES_IN_UNIT = 256
# A store takes a while for each: it gets several at a time, and a unit waits for all of its own.
_LEAST_STORED_IMAGES_IN_UNIT = 16
# A cluster takes longer to hand a unit over, and one scheduler does that for all its workers.
_TIMES_ON_CLUSTER = 8
_THREADS_OF_USUAL_UNITS = 32
_UNITS_PER_THREAD = 4

# The encoders that this process works with, and that others find when they are forked.
_inherited: dict[DatasetSpec, ImageEncoder] = {}


def map_images(
    function: Callable[[DatasetSpec, ImageEncoder, int], Result],
    spec: DatasetSpec,
    workers: Workers | None,
    chunksize: int | None,
    tidy: Callable[[DatasetSpec], object] = lambda _: None,
) -> Generator[tuple[range, list[Result]]]:
    """Apply a function to each image's index and yield the results of each unit, in order.

    Parameters, and errors raised, are those of `map_units`, but that the function gets an index.
    """
    return map_units(partial(_each, function), spec, workers, chunksize, tidy)


def map_units(
    function: Callable[[DatasetSpec, ImageEncoder, range], list[Result]],
    spec: DatasetSpec,
    workers: Workers | None,
    chunksize: int | None,
    tidy: Callable[[DatasetSpec], object] = lambda _: None,
) -> Generator[tuple[range, list[Result]]]:
    """Apply a function to the images of each unit of work and yield what it returns, in order.

    What can be wrong with the arguments is found at once, not when the first result is asked for.

    Parameters
    ----------
    function : callable
        Gets the specification, with a path that holds for the worker, an encoder of its images, and
        their indexes. It can be pickled.
    spec : DatasetSpec
    workers : int or Cluster, optional
        Processes, or a cluster. All usable processors unless given.
    chunksize : int, optional
        Images per unit of work.
    tidy : callable
        Removes what a host's dead processes have left of the dataset, given the specification.

    Raises
    ------
    UsageError
        Where `workers` or `chunksize` is below 1, and where an image needs more memory than is.
    WorkerLost
        Where a worker process died.
    """
    here = False
    own = spec
    if workers is None or isinstance(workers, int):
        workers, chunksize = plan_units(spec, workers, chunksize)
        here = workers == 1 or start_method() == "fork"
    else:
        if spec.path.startswith(b"memory://"):
            raise UsageError(
                "argument --path: memory:// is the memory of one process, not of a cluster's"
            )
        own = replace(spec, path=rooted(spec.path, base_of(workers)))
        chunksize = _plan_on_cluster(spec, workers.threads, chunksize)
    # Whether a size can be reached, only an encoder knows.
    encoder = image_encoder(spec) if here or spec.target_size is not None else None
    results = ordered_map(
        partial(_work, function, own), _units(spec, chunksize), workers, partial(tidy, own)
    )
    return _map_units(results, spec, chunksize, encoder if here else None)


def plan_units(spec: DatasetSpec, workers: int | None, chunksize: int | None) -> tuple[int, int]:
    """Return how many processes work on a dataset, and how many images make a unit of work.

    Parameters, and errors raised, are those of `map_images`.
    """
    fitting = _fitting_workers(spec)
    # Whoever gives a number knows better.
    workers = min(check_workers(None), fitting) if workers is None else check_workers(workers)
    if chunksize is None:
        chunksize = _usual_chunksize(spec)
        if spec.count <= chunksize:
            workers = 1  # Starting processes would take longer.
    # However large a chunk was asked for, every worker gets some.
    chunksize = min(_check_chunksize(chunksize), -(-spec.count // workers))
    return min(workers, -(-spec.count // chunksize)), chunksize


def _plan_on_cluster(spec: DatasetSpec, threads: int, chunksize: int | None) -> int:
    """Return how many images make a unit of work on a cluster that works on so many at once."""
    if chunksize is not None:
        return min(_check_chunksize(chunksize), -(-spec.count // threads))
    times = _TIMES_ON_CLUSTER * max(1, threads // _THREADS_OF_USUAL_UNITS)
    # Some more than one for each thread, so that none waits long for the others at the end.
    return min(_usual_chunksize(spec, times), -(-spec.count // (_UNITS_PER_THREAD * threads)))


def _usual_chunksize(spec: DatasetSpec, times: int = 1) -> int:
    pixels_in_unit = _POOLED_PIXELS_IN_UNIT if spec.pooled else _PIXELS_IN_UNIT
    least = _LEAST_STORED_IMAGES_IN_UNIT if is_remote(spec.path) else 1
    fitting = max(least, times * pixels_in_unit // (spec.width * spec.height))
    return min(times * _MAX_IMAGES_IN_UNIT, fitting)


def _check_chunksize(chunksize: int) -> int:
    if chunksize < 1:
        raise UsageError(f"argument --chunksize: must be at least 1, not {chunksize}")
    return chunksize


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
    results: Generator[list[Result]],
    spec: DatasetSpec,
    chunksize: int,
    encoder: ImageEncoder | None,
) -> Generator[tuple[range, list[Result]]]:
    if encoder:
        _inherited[spec] = encoder
    try:
        with closing(results):
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
    return function(spec, _inherited.get(spec) or _own.encoder(spec), indexes)


def _each(
    function: Callable[[DatasetSpec, ImageEncoder, int], Result],
    spec: DatasetSpec,
    encoder: ImageEncoder,
    indexes: range,
) -> list[Result]:
    results = []
    for index in indexes:
        check_stopped()
        results.append(function(spec, encoder, index))
    return results


class _Own(threading.local):
    """The encoder that a thread has made for itself: a worker of a cluster may have several."""

    def __init__(self) -> None:
        self.encoder = lru_cache(maxsize=1)(image_encoder)


_own = _Own()
