"""The number of CPUs that this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

from imagine_common.errors import UsageError
from imagine_common.host.cgroups import control_groups

_MAX_WORKERS = 1024  # A typing error must not take the machine down.


def usable_cpus() -> int:
    """Return the number of CPUs by affinity, or fewer if a control group has a quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quotas = [ceil(_quota(version, group)) for version, group in control_groups("cpu")]
    return max(1, min([count, *quotas]))


def check_workers(workers: int | None) -> int:
    """Return a number of workers: the given one, or the number of usable CPUs for None."""
    if workers is None:
        return usable_cpus()
    if not 1 <= workers <= _MAX_WORKERS:
        raise UsageError(f"argument --workers: must be from 1 to {_MAX_WORKERS}, not {workers}")
    return workers


def _quota(version: int, group: Path) -> float:
    """Return how many CPUs' time a control group allows; a very large number without a quota."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        if version == 1:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        else:
            quota, period = (group / "cpu.max").read_text().split()
        if int(quota) > 0 or version == 2:
            return int(quota) / int(period)
    return 1 << 20
