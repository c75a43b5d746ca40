"""How much memory there is, and keeping freed memory for the next image."""

from __future__ import annotations

import os
from contextlib import suppress

from imagine_common.host.cgroups import control_groups

_LIMIT_FILES = {1: "memory.limit_in_bytes", 2: "memory.max"}
_BYTES = 8 << 20


def keep_freed_memory() -> None:
    """Have the C library keep some megabytes of freed memory, where it is glibc's.

    Unless told, it gives what is free at the heap's end, beyond 128 KiB, back to the system, and
    then takes a page fault for every 4 KiB of the next image: half the time of packing 100 KB. A
    large block that is freed tells it to keep twice as much (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytes(_BYTES)


def usable_memory() -> int:
    """Return the machine's memory in bytes, or less where the control group has a limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for version, group in control_groups("memory"):
        with suppress(OSError, ValueError):  # "max" is no limit.
            limits.append(int((group / _LIMIT_FILES[version]).read_text()))
    return min(limits)
