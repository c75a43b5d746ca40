"""A short, seeded part of the fuzzing that fuzz.py does for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import Target, fuzz, targets

pytestmark = pytest.mark.process

INPUTS = 1500


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return {target.name: target for target in targets(tmp_path_factory.mktemp("targets"))}


@pytest.mark.parametrize(
    "name", ["manifest", "tar", "image", "existing image", "tfrecord", "recordio"]
)
def test_no_input_crashes_or_hangs_a_reader(
    found: dict[str, Target], tmp_path: Path, name: str
) -> None:
    fuzz(found[name], tmp_path, range(INPUTS), seed=20)
