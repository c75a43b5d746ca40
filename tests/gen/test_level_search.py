"""Finding a level by few trials, whatever the sizes are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_gen.target_size.level_search import Ladder, interpolated, level_of, log2

LEVELS = 2_000


def expect(level: int) -> int:
    return 1_000 + level * level // 20


def tried(room: int, size: float, power: float) -> tuple[int | None, dict[int, int]]:
    """Search for an image that differs from the expectation by a factor and a power."""
    sizes: dict[int, int] = {}

    def measure(level: int, _best: int | None) -> int:
        assert level not in sizes
        sizes[level] = int(size * expect(level) ** power) + 1
        return sizes[level]

    return Ladder(expect, LEVELS, 30_000).search(room, measure), sizes


def test_image_as_expected_is_tried_once() -> None:
    level, sizes = tried(30_000, 1, 1)
    assert level is not None
    assert list(sizes) == [level]
    assert 0 <= 30_000 - sizes[level] <= 150


@pytest.mark.parametrize("size", [0.5, 0.9, 1.1, 2])
@pytest.mark.parametrize("power", [0.95, 1, 1.05])
def test_other_images_are_tried_few_times(size: float, power: float) -> None:
    level, sizes = tried(30_000, size, power)
    assert level is not None
    assert len(sizes) <= 4
    assert 0 <= 30_000 - sizes[level] <= 150


@given(st.integers(200, 10**6), st.floats(0.1, 10), st.floats(0.3, 2))
def test_level_leaves_no_more_room_than_the_next_rung_asks_for(
    room: int, size: float, power: float
) -> None:
    level, sizes = tried(room, size, power)
    assert len(sizes) <= 20
    if level is None:
        assert sizes[0] > room
        return
    assert sizes[level] <= room
    fitting = [tried for tried in sizes.values() if tried <= room and room - tried not in (1, 2, 3)]
    assert sizes[level] == max(fitting, default=sizes[level])


def test_too_little_room_for_a_segment_is_avoided_where_it_can_be() -> None:
    sizes = {0: 1_000, 1: 1_090, 2: 1_099, 3: 1_110}
    ladder = Ladder(sizes.__getitem__, 4, 1_100)
    assert ladder.search(1_100, lambda level, _: sizes[level]) == 1
    assert ladder.search(1_003, lambda level, _: sizes[level]) == 0
    assert ladder.search(999, lambda level, _: sizes[level]) is None


def test_levels_between_those_measured_lie_on_a_line() -> None:
    measured = []

    def measure(level: int) -> int:
        measured.append(level)
        return 100 * level

    sizes = interpolated(measure, 40)
    assert [sizes(level) for level in range(40)] == [100 * level for level in range(40)]
    assert sorted(measured) == [0, 16, 32, 39]


def test_level_is_the_finest_that_fits() -> None:
    assert level_of(1_000, lambda level: level * 100, 50) == 10
    assert level_of(1_099, lambda level: level * 100, 50) == 10
    assert level_of(-5, lambda level: level * 100, 50) == 0
    assert level_of(10**9, lambda level: level * 100, 50) == 49


@given(st.integers(1, 2**50))
def test_logarithm_is_that_of_mathematics(number: int) -> None:
    assert 0 <= math.log2(number) * 4096 - log2(number) < 1.001
