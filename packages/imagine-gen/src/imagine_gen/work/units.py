"""Mapping work over a dataset's images: units of images go to workers, results come in order.

A dataset with images too large for memory, or a `chunksize` or number of `workers` below 1, is a
`UsageError`. By default, as many processes work as there are usable CPUs, and memory for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar

from imagine_common.errors import UsageError
from imagine_common.files.urls import is_remote, rooted
from imagine_common.host.limits import check_workers, usable_memory
from imagine_common.host.threads import start_method
from imagine_common.parallel.ordered_map import Workers, base_of, ordered_map
from imagine_common.text import human_bytes
from imagine_gen.dataset.formats import worker_bytes
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.encoders import image_encoder

Result = TypeVar("Result")
# What a worker does with a unit: it gets the dataset, with a path that is valid for the worker, an
# encoder of its images, and the unit's indexes, and returns one result for each. It can be pickled.
Work: TypeAlias = Callable[[DatasetSpec, ImageEncoder, range], list[Result]]

# A unit of about this size hides the cost of handing it over, and is short enough that paths keep
# flowing. Direct and pooled pixels cost a fraction of others.
_PIXELS_IN_UNIT = 1 << 21
_FAST_PIXELS_IN_UNIT = 1 << 27
_MAX_IMAGES_IN_UNIT = 256
# Fewer would not keep enough requests to a store in flight: a worker has at most two units.
_LEAST_IMAGES_IN_REMOTE_UNIT = 16
# A cluster takes longer to hand a unit over, and one scheduler serves all its workers.
_TIMES_ON_CLUSTER = 8
_THREADS_OF_USUAL_UNITS = 32
_UNITS_PER_THREAD = 4

# The encoders of this process, which forked workers inherit.
_inherited: dict[DatasetSpec, ImageEncoder] = {}
# The encoder that a thread made for itself. Workers of a cluster may have several threads.
_own = threading.local()


@contextmanager
def mapped_units(
    work: Work[Result],
    spec: DatasetSpec,
    workers: Workers | None,
    chunksize: int | None,
    tidy: Callable[[DatasetSpec], object] = lambda _: None,
) -> Iterator[Iterator[tuple[range, list[Result]]]]:
    """Do work on the images of a dataset; the iterator yields units and their results, in order.

    A unit has `chunksize` images. `tidy` removes what dead processes of a host left in the
    dataset's folders. A target size out of reach is a `UsageError`, a dead worker a `WorkerLost`.
    """
    inherits = False
    own = spec
    if workers is None or isinstance(workers, int):
        workers, chunksize = plan_processes(spec, workers, chunksize)
        inherits = workers == 1 or start_method() == "fork"
    else:
        own = replace(spec, path=rooted(spec.path, base_of(workers)))
        chunksize = _plan_cluster(spec, workers.threads, chunksize)
    # Only an encoder finds out whether a target size can be reached.
    if inherits or spec.target_size is not None:
        encoder = image_encoder(spec)
        if inherits:
            _inherited[spec] = encoder
    units = partial(_units, spec, chunksize)
    do = partial(work_on, work, own)
    units_each = 1 + is_remote(spec.path)
    results = ordered_map(do, units(), workers, partial(tidy, own), units_each)
    try:
        with closing(results):
            yield zip(units(), results)
    finally:
        _inherited.pop(spec, None)


def _units(spec: DatasetSpec, chunksize: int) -> Iterator[range]:
    """Yield the indexes of each unit of work."""
    end = spec.start + spec.count
    for first in range(spec.start, end, chunksize):
        yield range(first, min(first + chunksize, end))


def work_on(work: Work[Result], spec: DatasetSpec, indexes: range) -> list[Result]:
    """Do work on a unit in this process."""
    encoder = _inherited.get(spec)
    if encoder is None:
        if getattr(_own, "spec", None) != spec:
            _own.encoder, _own.spec = image_encoder(spec), spec
        encoder = _own.encoder
    return work(spec, encoder, indexes)


def plan_processes(
    spec: DatasetSpec, workers: int | None, chunksize: int | None
) -> tuple[int, int]:
    """Return the number of processes of this machine, and of images in a unit of work."""
    needed, memory = worker_bytes(spec), usable_memory()
    if needed > memory:
        raise UsageError(
            f"arguments --width, --height: making a {spec.image_format} of {spec.width}x"
            f"{spec.height} takes {human_bytes(needed)} of memory, but only"
            f" {human_bytes(memory)} are usable"
        )
    processes = check_workers(workers)
    if workers is None:  # An explicit number overrides the memory limit.
        processes = min(processes, memory // needed)
    if chunksize is None:
        chunksize = _usual_chunksize(spec)
        if spec.count <= chunksize:
            processes = 1  # Starting processes would take longer.
    # Every worker gets some images, even if the chunks asked for are larger.
    chunksize = min(_check_chunksize(chunksize), -(-spec.count // processes))
    chunksize = spec.shard_samples or chunksize
    return min(processes, -(-spec.count // chunksize)), chunksize


def _plan_cluster(spec: DatasetSpec, threads: int, chunksize: int | None) -> int:
    """Return the number of images in a unit of work on a cluster with so many threads."""
    if spec.shard_samples is not None:
        return spec.shard_samples
    if chunksize is not None:
        return min(_check_chunksize(chunksize), -(-spec.count // threads))
    times = _TIMES_ON_CLUSTER * max(1, threads // _THREADS_OF_USUAL_UNITS)
    # Several units per thread, so that no thread idles long at the end.
    return min(_usual_chunksize(spec, times), -(-spec.count // (_UNITS_PER_THREAD * threads)))


def _usual_chunksize(spec: DatasetSpec, times: int = 1) -> int:
    pixels_in_unit = _FAST_PIXELS_IN_UNIT if spec.pooled or spec.direct else _PIXELS_IN_UNIT
    least = _LEAST_IMAGES_IN_REMOTE_UNIT if is_remote(spec.path) else 1
    fitting = max(least, times * pixels_in_unit // (spec.width * spec.height))
    return min(times * _MAX_IMAGES_IN_UNIT, fitting)


def _check_chunksize(chunksize: int) -> int:
    if chunksize < 1:
        raise UsageError(f"argument --chunksize: must be at least 1, not {chunksize}")
    return chunksize
