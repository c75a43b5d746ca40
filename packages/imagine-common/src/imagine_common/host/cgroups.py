"""The control groups of this process, which hold a container's limits.

File names follow the kernel's documentation of control groups, versions 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def control_groups(controller: str) -> Iterator[tuple[int, Path]]:
    """Yield the version and folder of this process's group and of every group above it.

    A controller is one of the kernel's, such as `cpu` or `memory`.
    """
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
