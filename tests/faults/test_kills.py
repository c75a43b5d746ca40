"""Tools that are killed at random moments, seeded: see kills.py, which also runs for long."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kills import Job, check_whole, kill_once, make_jobs
from support import JPEG, PACKERS, TOOLS

pytestmark = pytest.mark.process


KILLS = 8  # of each tool, of each packer with a tar stream, and of shards


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    return make_jobs(tmp_path_factory.mktemp("jobs"), JPEG)


@pytest.mark.parametrize("seed", range(KILLS * (len(TOOLS) + len(PACKERS) + 1)))
def test_a_killed_run_leaves_nothing_partial_and_resumes_to_the_same_bytes(
    jobs: list[Job], tmp_path: Path, seed: int
) -> None:
    kill_once(jobs[seed % len(jobs)], tmp_path / "out", random.Random(seed))


def test_a_partial_file_would_be_seen(jobs: list[Job], tmp_path: Path) -> None:
    name, data = next(iter(jobs[0].expected.items()))
    (tmp_path / name).write_bytes(data[:-1])
    with pytest.raises(AssertionError, match="is not whole"):
        check_whole(jobs[0], tmp_path, "")
