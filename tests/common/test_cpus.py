from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagine_common.errors import UsageError
from imagine_common.host import limits
from imagine_common.host.limits import check_workers, usable_cpus, usable_memory

HAS_AFFINITY = 16


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the kernel: sixteen processors by affinity, no quota yet."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(HAS_AFFINITY)))
    (tmp_path / "membership").write_text("4:memory:/\n3:cpuacct,cpu:/\n0::/\n")
    monkeypatch.setattr(limits, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(limits, "_CGROUPS", tmp_path)
    return tmp_path


@pytest.fixture
def one_processor() -> Iterator[None]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


def test_affinity_counts_not_the_machine(one_processor: None) -> None:
    assert usable_cpus() == 1


def test_without_a_control_group_nothing_limits_processors(cgroup: Path) -> None:
    assert usable_cpus() == HAS_AFFINITY


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("100000 100000\n", 1),
        ("1000 100000\n", 1),
        ("50000 10000\n", 5),
        ("9900000 100000\n", HAS_AFFINITY),
        ("max 100000\n", HAS_AFFINITY),
        ("", HAS_AFFINITY),
        ("100000 0\n", HAS_AFFINITY),
        ("something else\n", HAS_AFFINITY),
    ],
)
def test_quota_of_cgroup_v2_limits(cgroup: Path, cpu_max: str, expected: int) -> None:
    (cgroup / "cpu.max").write_text(cpu_max)
    assert usable_cpus() == expected


@pytest.mark.parametrize(
    ("group", "expected"), [("a", 4), ("a/b", 2), ("a/b/c", 2), ("a/d", 4), ("gone", 9)]
)
def test_any_group_on_the_way_up_limits(cgroup: Path, group: str, expected: int) -> None:
    for name, count in (("", 9), ("a", 4), ("a/b", 2), ("a/b/c", 3)):
        (cgroup / name).mkdir(exist_ok=True)
        (cgroup / name / "cpu.max").write_text(f"{count}00000 100000\n")
    (cgroup / "membership").write_text(f"0::/{group}\n")
    assert usable_cpus() == expected


@pytest.mark.parametrize(
    ("quota", "period", "expected"),
    [
        ("300000\n", "100000\n", 3),
        ("250000\n", "100000\n", 3),
        ("10000\n", "100000\n", 1),
        ("-1\n", "100000\n", HAS_AFFINITY),
        ("0\n", "100000\n", HAS_AFFINITY),
        ("300000\n", "0\n", HAS_AFFINITY),
        ("300000\n", "", HAS_AFFINITY),
    ],
)
def test_quota_of_cgroup_v1_limits(cgroup: Path, quota: str, period: str, expected: int) -> None:
    (cgroup / "cpu").mkdir()
    (cgroup / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (cgroup / "cpu" / "cpu.cfs_period_us").write_text(period)
    assert usable_cpus() == expected


def test_system_without_affinity_counts_its_processors(
    cgroup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert usable_cpus() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1


def test_workers_are_the_usable_processors_unless_given(cgroup: Path) -> None:
    assert check_workers(None) == HAS_AFFINITY
    assert check_workers(1) == 1
    assert check_workers(100) == 100


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker_is_wrong_usage(workers: int) -> None:
    with pytest.raises(UsageError, match=f"--workers: must be from 1 to 1024, not {workers}$"):
        check_workers(workers)


@pytest.mark.parametrize(
    ("limit", "expected"), [("5000000\n", 5_000_000), ("max\n", None), ("x", None)]
)
@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_memory_is_that_of_the_control_group(
    cgroup: Path, name: str, limit: str, expected: int | None
) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (cgroup / name).parent.mkdir(exist_ok=True)
    (cgroup / name).write_text(limit)
    assert usable_memory() == (expected or machine)
