"""How many processors this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil, inf
from pathlib import Path

from imagine_common.errors import UsageError
from imagine_common.host.cgroups import control_groups

_MAX_WORKERS = 1024  # A slip of the finger must not take the machine down.


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
        Where it is below 1 or over 1,024.
    """
    if workers is None:
        return usable_cpus()
    if not 1 <= workers <= _MAX_WORKERS:
        raise UsageError(f"argument --workers: must be from 1 to {_MAX_WORKERS}, not {workers}")
    return workers


def _cgroup_quota() -> float:
    """Return how many processors' time the control groups around this process allow."""
    quotas = [
        _quota_v1(group) if version == 1 else _quota_v2(group)
        for version, group in control_groups("cpu")
    ]
    return min([float(1 << 20), *quotas])


def _quota_v1(group: Path) -> float:
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota = int((group / "cpu.cfs_quota_us").read_text())
        period = int((group / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 else inf
    return inf


def _quota_v2(group: Path) -> float:
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    return inf
