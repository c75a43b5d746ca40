"""How many processors this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil, inf
from pathlib import Path

from imagine_common.errors import UsageError

_MEMBERSHIP = Path("/proc/self/cgroup")
_MAX_WORKERS = 1024  # A slip of the finger must not take the machine down.
_CGROUPS = Path("/sys/fs/cgroup")


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
    """Return how many processors' time the control groups around this process allow.

    The kernel's documentation of control groups, versions 1 and 2, names the files.
    """
    quotas = [float(1 << 20)]
    with suppress(OSError):
        for line in _MEMBERSHIP.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            root = _CGROUPS / "cpu" if controllers else _CGROUPS
            # Any group on the way up may be the one with the quota.
            group = root / path.lstrip("/")
            while group != root.parent:
                quotas.append(_quota_v1(group) if controllers else _quota_v2(group))
                group = group.parent
    return min(quotas)


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
