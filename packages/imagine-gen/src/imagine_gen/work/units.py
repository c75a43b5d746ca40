"""Mapping work over a dataset's images: units of images go to workers, results come in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeAlias, TypeVar

from imagine_common.errors import UsageError
from imagine_common.files.urls import rooted
from imagine_common.host.start_method import start_method
from imagine_common.parallel.ordered_map import Workers, base_of, ordered_map
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.encoders import image_encoder
from imagine_gen.work.plan import plan_cluster, plan_processes

Result = TypeVar("Result")
# What a worker does with a unit: it gets the dataset, with a path that is valid for the worker, an
# encoder of its images, and the unit's indexes, and returns one result for each. It can be pickled.
Work: TypeAlias = Callable[[DatasetSpec, ImageEncoder, range], list[Result]]

# The encoders of this process, which forked workers inherit.
_inherited: dict[DatasetSpec, ImageEncoder] = {}


@contextmanager
def mapped_units(
    work: Work[Result],
    spec: DatasetSpec,
    workers: Workers | None,
    chunksize: int | None,
    tidy: Callable[[DatasetSpec], object] = lambda _: None,
) -> Iterator[Iterator[tuple[range, list[Result]]]]:
    """Do work on the images of a dataset; the iterator yields units and their results, in order.

    Parameters
    ----------
    work : callable
    spec : DatasetSpec
    workers : int or Cluster, optional
        Processes, or a cluster. By default as many processes as there are usable CPUs, and memory
        for.
    chunksize : int, optional
        Images per unit of work.
    tidy : callable
        Removes what dead processes of a host left in the dataset's folders.

    Raises
    ------
    UsageError
        If `workers` or `chunksize` is below 1, if an image needs more memory than there is, or if
        the target size cannot be reached.
    WorkerLost
        If a worker process died.
    """
    inherits = False
    own = spec
    if workers is None or isinstance(workers, int):
        workers, chunksize = plan_processes(spec, workers, chunksize)
        inherits = workers == 1 or start_method() == "fork"
    else:
        if spec.path.startswith(b"memory://"):
            raise UsageError(
                "argument --path: memory:// is the memory of one process, so a cluster cannot"
                " write there"
            )
        own = replace(spec, path=rooted(spec.path, base_of(workers)))
        chunksize = plan_cluster(spec, workers.threads, chunksize)
    # Only an encoder finds out whether a target size can be reached.
    if inherits or spec.target_size is not None:
        encoder = image_encoder(spec)
        if inherits:
            _inherited[spec] = encoder
    units = partial(_units, spec, chunksize)
    results = ordered_map(partial(_work_on, work, own), units(), workers, partial(tidy, own))
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


def _work_on(work: Work[Result], spec: DatasetSpec, indexes: range) -> list[Result]:
    return work(spec, _inherited.get(spec) or _own.encoder(spec), indexes)


class _Own(threading.local):
    """The encoder that a thread made for itself. Workers of a cluster may have several threads."""

    def __init__(self) -> None:
        self.encoder = lru_cache(maxsize=1)(image_encoder)


_own = _Own()
