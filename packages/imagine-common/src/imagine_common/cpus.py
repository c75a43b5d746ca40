"""How many processors this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

from imagine_common.errors import UsageError

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def usable_cpus() -> int:
    """Return the number of processors by affinity, or fewer where the control group has a quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min(count, ceil(_cgroup_quota())))


def check_workers(workers: int | None) -> int:
    """Return a number of workers: as many as usable processors, unless given.

    Raises
    ------
    UsageError
        Where it is below 1.
    """
    if workers is None:
        return usable_cpus()
    if workers < 1:
        raise UsageError(f"argument --workers: must be at least 1, not {workers}")
    return workers


def _cgroup_quota() -> float:
    """Return how many processors' time the control group allows.

    The kernel's documentation of control groups names the files.
    """
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = _CGROUP_V2.read_text().split()
        return int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota = (_CGROUP_V1 / "cpu.cfs_quota_us").read_text()
        period = (_CGROUP_V1 / "cpu.cfs_period_us").read_text()
        if int(quota) > 0:
            return int(quota) / int(period)
    return 1 << 20
