"""Dealing strips: every image gets others, the same ones each time."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_gen.pooled import Dealer
from imagine_gen.random_streams import scramble


@pytest.mark.parametrize("size", [*range(1, 70), 255, 256, 257, 1000, 4097])
def test_scramble_maps_numbers_one_to_one(size: int) -> None:
    assert sorted(scramble(number, size) for number in range(size)) == list(range(size))


@given(st.integers(min_value=2, max_value=2**80), st.data())
def test_scramble_keeps_numbers_apart_and_in_range(size: int, data: st.DataObject) -> None:
    numbers = data.draw(st.sets(st.integers(0, size - 1), max_size=20))
    scrambled = {scramble(number, size) for number in numbers}
    assert len(scrambled) == len(numbers)
    assert all(0 <= number < size for number in scrambled)


def test_neighbors_are_scrambled_far_apart() -> None:
    dealer = Dealer(0, 256, 8, 8)
    first_picks = [dealer.deal(index)[0] for index in range(10_000)]
    steps = Counter(after - before for before, after in pairwise(first_picks))
    assert max(steps.values()) < 150  # 39 expected of the most frequent; all, were they in order


@pytest.mark.parametrize(
    ("pool", "strips", "combinations"),
    [(3, 2, 6), (3, 3, 6), (3, 4, 18), (2, 5, 8), (5, 1, 5), (1, 4, 1), (4, 4, 24)],
)
def test_every_combination_is_dealt_once(pool: int, strips: int, combinations: int) -> None:
    dealer = Dealer(0, pool, strips, strips)
    assert dealer.combinations == combinations
    deals = [dealer.deal(index) for index in range(combinations)]
    assert len({tuple(deal) for deal in deals}) == combinations


def test_images_differ_in_their_distinguishing_strips() -> None:
    dealer = Dealer(0, 10, 4, 3)
    assert dealer.combinations == 720
    assert len({tuple(dealer.deal(index)[:3]) for index in range(720)}) == 720


def test_a_hundred_thousand_small_images_differ() -> None:
    dealer = Dealer(0, 256, 4, 4)
    assert len({tuple(dealer.deal(index)) for index in range(100_000)}) == 100_000


@pytest.mark.parametrize("index", [0, 1, 4095, 4096, 2**32, 2**63 - 1])
@pytest.mark.parametrize(("pool", "strips"), [(256, 1), (256, 135), (5, 23), (1, 7)])
def test_the_whole_pool_is_dealt_before_a_strip_comes_again(
    pool: int, strips: int, index: int
) -> None:
    picks = Dealer(7, pool, strips, strips).deal(index)
    assert len(picks) == strips
    for start in range(0, strips, pool):
        deck = picks[start : start + pool]
        assert len(set(deck)) == len(deck)
        assert set(deck) <= set(range(pool))


def test_strips_are_dealt_equally_often() -> None:
    dealer = Dealer(3, 64, 24, 24)
    counts = Counter(pick for index in range(2_000) for pick in dealer.deal(index))
    assert set(counts) == set(range(64))
    assert all(600 < count < 900 for count in counts.values())  # 750 expected


def test_order_of_asking_changes_nothing() -> None:
    indexes = [0, 1, 2, 4095, 4096, 4097, 10_000]
    dealer = Dealer(3, 64, 24, 24)
    backward = {index: dealer.deal(index) for index in reversed(indexes)}
    assert {index: Dealer(3, 64, 24, 24).deal(index) for index in indexes} == backward


def test_deals_stay_as_they_are() -> None:
    assert Dealer(0, 256, 4, 4).deal(0) == [85, 212, 243, 75]
    assert Dealer(1, 16, 20, 20).deal(5000) == [
        6,
        13,
        4,
        7,
        12,
        9,
        11,
        14,
        5,
        8,
        10,
        1,
        2,
        0,
        15,
        3,
        15,
        0,
        14,
        13,
    ]
    assert Dealer(1, 2, 4, 4).deal(5000) == [0, 1, 0, 1]


def test_the_random_part_depends_on_the_seed() -> None:
    assert Dealer(0, 256, 30, 30).deal(5)[:8] == Dealer(1, 256, 30, 30).deal(5)[:8]
    assert Dealer(0, 256, 30, 30).deal(5)[8:] != Dealer(1, 256, 30, 30).deal(5)[8:]
