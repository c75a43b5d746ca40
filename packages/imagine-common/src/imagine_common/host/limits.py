"""The CPUs and the memory that this process may use, and keeping freed memory.

A container's limits are in control groups, whose files are named as in the kernel's documentation
of versions 1 and 2.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path

from imagine_common.errors import UsageError

_MAX_WORKERS = 1024  # A typing error must not take the machine down.
_MEMBERSHIP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_MEMORY_FILES = {1: "memory.limit_in_bytes", 2: "memory.max"}
_KEPT_BYTES = 8 << 20


def usable_cpus() -> int:
    """Return the number of CPUs by affinity, or fewer if a control group has a quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quotas = [ceil(_quota(version, group)) for version, group in _control_groups("cpu")]
    return max(1, min([count, *quotas]))


def check_workers(workers: int | None) -> int:
    """Return a number of workers: the given one, or the number of usable CPUs for None."""
    if workers is None:
        return usable_cpus()
    if not 1 <= workers <= _MAX_WORKERS:
        raise UsageError(f"argument --workers: must be from 1 to {_MAX_WORKERS}, not {workers}")
    return workers


def usable_memory() -> int:
    """Return the machine's memory in bytes, or less if a control group has a limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for version, group in _control_groups("memory"):
        with suppress(OSError, ValueError):  # "max" is no limit.
            limits.append(int((group / _MEMORY_FILES[version]).read_text()))
    return min(limits)


def keep_freed_memory() -> None:
    """Make glibc keep up to 16 MiB of freed memory instead of returning it to the system.

    By default it returns more than 128 KiB at the heap's end, and the next image takes a page fault
    for every 4 KiB: half the time of packing 100 KB. Freeing a large block raises that limit to
    twice its size (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytes(_KEPT_BYTES)


def _control_groups(controller: str) -> Iterator[tuple[int, Path]]:
    """Yield the version and folder of this process's group and of every group above it."""
    with suppress(OSError):
        for line in _MEMBERSHIP.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            root = _CGROUPS / controller if controllers else _CGROUPS
            group = root / path.lstrip("/")
            while group != root.parent:
                yield 1 if controllers else 2, group
                group = group.parent


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
