"""Planning: how many workers a dataset gets, and how many images make a unit of work."""

from __future__ import annotations

from typing import NamedTuple

from imagine_common.errors import UsageError
from imagine_common.files.urls import is_remote
from imagine_common.host.cpus import check_workers
from imagine_common.host.memory import usable_memory
from imagine_common.text import human_bytes
from imagine_gen.dataset.memory import worker_bytes
from imagine_gen.dataset.spec import DatasetSpec

# A unit of about this size hides the cost of handing it over, and is short enough that paths keep
# flowing. Pooled pixels cost a fraction of fresh ones.
_PIXELS_IN_UNIT = 1 << 21
_POOLED_PIXELS_IN_UNIT = 1 << 27
_MAX_IMAGES_IN_UNIT = 256
# Requests to a store are slow but run side by side, and a unit waits for all of its own.
_LEAST_IMAGES_IN_REMOTE_UNIT = 16
# A cluster takes longer to hand a unit over, and one scheduler serves all its workers.
_TIMES_ON_CLUSTER = 8
_THREADS_OF_USUAL_UNITS = 32
_UNITS_PER_THREAD = 4


class Plan(NamedTuple):
    """The number of processes, and of images in a unit of work."""

    workers: int
    chunksize: int


def plan_processes(spec: DatasetSpec, workers: int | None, chunksize: int | None) -> Plan:
    """Plan the work of processes of this machine; None leaves a number to the plan.

    Raises
    ------
    UsageError
        If `workers` or `chunksize` is below 1, or an image needs more memory than there is.
    """
    fitting = _fitting_workers(spec)
    # An explicit number overrides the memory limit.
    workers = min(check_workers(None), fitting) if workers is None else check_workers(workers)
    if chunksize is None:
        chunksize = _usual_chunksize(spec)
        if spec.count <= chunksize:
            workers = 1  # Starting processes would take longer.
    # Every worker gets some images, even if the chunks asked for are larger.
    chunksize = min(_check_chunksize(chunksize), -(-spec.count // workers))
    return Plan(min(workers, -(-spec.count // chunksize)), chunksize)


def plan_cluster(spec: DatasetSpec, threads: int, chunksize: int | None) -> int:
    """Return the number of images in a unit of work on a cluster with so many threads."""
    if chunksize is not None:
        return min(_check_chunksize(chunksize), -(-spec.count // threads))
    times = _TIMES_ON_CLUSTER * max(1, threads // _THREADS_OF_USUAL_UNITS)
    # Several units per thread, so that no thread idles long at the end.
    return min(_usual_chunksize(spec, times), -(-spec.count // (_UNITS_PER_THREAD * threads)))


def _usual_chunksize(spec: DatasetSpec, times: int = 1) -> int:
    pixels_in_unit = _POOLED_PIXELS_IN_UNIT if spec.pooled else _PIXELS_IN_UNIT
    least = _LEAST_IMAGES_IN_REMOTE_UNIT if is_remote(spec.path) else 1
    fitting = max(least, times * pixels_in_unit // (spec.width * spec.height))
    return min(times * _MAX_IMAGES_IN_UNIT, fitting)


def _check_chunksize(chunksize: int) -> int:
    if chunksize < 1:
        raise UsageError(f"argument --chunksize: must be at least 1, not {chunksize}")
    return chunksize


def _fitting_workers(spec: DatasetSpec) -> int:
    """Return the number of processes that the memory is enough for."""
    needed, memory = worker_bytes(spec), usable_memory()
    if needed > memory:
        raise UsageError(
            f"arguments --width, --height: making a {spec.image_format} of {spec.width}x"
            f"{spec.height} takes {human_bytes(needed)} of memory, but only"
            f" {human_bytes(memory)} are usable"
        )
    return memory // needed
