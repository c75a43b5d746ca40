"""Dimensions that vary from image to image: drawn from ranges, or from a list.

Draws use integer arithmetic on random words, so they are the same on every host.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from threading import Lock
from typing import ClassVar, TypeAlias

from imagine_gen.random_streams import BlockStream, Draw

MAX_POOLED_WIDTHS = 16


@dataclass(frozen=True)
class SizeRange:
    """Ranges of widths and heights in pixels, with all values equally likely.

    With `steps`, only that many widths occur, spread evenly over the range.
    """

    widths: tuple[int, int]
    heights: tuple[int, int]
    steps: int | None = None
    sides: ClassVar[tuple[str, str]] = ("--width", "--height")  # as errors call them

    @property
    def least(self) -> tuple[int, int]:
        """Return the least width and the least height."""
        return self.widths[0], self.heights[0]

    @property
    def largest(self) -> tuple[int, int]:
        """Return the greatest width and the greatest height."""
        return self.widths[1], self.heights[1]

    @cached_property
    def pool_widths(self) -> tuple[int, ...]:
        """Return the widths that occur with `steps`."""
        least, most = self.widths
        count = min(self.steps or MAX_POOLED_WIDTHS, most - least + 1)
        return tuple(least + (most - least) * step // max(1, count - 1) for step in range(count))

    def pooled(self) -> SizeRange:
        """Return the range with at most as many widths as there can be pools."""
        return SizeRange(self.widths, self.heights, MAX_POOLED_WIDTHS)

    def pick(self, first: int, second: int) -> tuple[int, int]:
        """Return the width and height that two random 64-bit words choose."""
        if self.steps is None:
            width = _within(first, *self.widths)
        else:
            width = self.pool_widths[_within(first, 0, len(self.pool_widths) - 1)]
        return width, _within(second, *self.heights)


@dataclass(frozen=True)
class SizeList:
    """Widths and heights in pixels, each with its share of the images as a weight."""

    sizes: tuple[tuple[int, int], ...]
    weights: tuple[int, ...]
    sides: ClassVar[tuple[str, str]] = ("--size-list: widths", "--size-list: heights")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.sizes, self.weights))  # once, because lists may be long

    @cached_property
    def _sums(self) -> list[int]:
        return list(accumulate(self.weights))

    @property
    def least(self) -> tuple[int, int]:
        """Return the least width and the least height."""
        return min(width for width, _ in self.sizes), min(height for _, height in self.sizes)

    @property
    def largest(self) -> tuple[int, int]:
        """Return the greatest width and the greatest height."""
        return max(width for width, _ in self.sizes), max(height for _, height in self.sizes)

    @cached_property
    def pool_widths(self) -> tuple[int, ...]:
        """Return the widths that occur."""
        return tuple(sorted({width for width, _ in self.sizes}))

    def pooled(self) -> SizeList:
        """Return the list with at most as many widths as there can be pools.

        The likeliest widths stay. Each other one becomes the nearest of them (the smaller of two).
        """
        likely: dict[int, int] = {}
        for (width, _), weight in zip(self.sizes, self.weights):
            likely[width] = likely.get(width, 0) + weight
        kept = sorted(likely, key=lambda width: (-likely[width], width))[:MAX_POOLED_WIDTHS]
        sizes = tuple(
            (min(kept, key=lambda near: (abs(near - width), near)), height)
            for width, height in self.sizes
        )
        return SizeList(sizes, self.weights)

    def pick(self, first: int, _second: int) -> tuple[int, int]:
        """Return the width and height that two random 64-bit words choose."""
        return self.sizes[bisect_right(self._sums, _within(first, 0, self._sums[-1] - 1))]


Sizes: TypeAlias = "SizeRange | SizeList"


class SizeDrawer:
    """Draws the dimensions of images. Threads may share a drawer."""

    def __init__(self, seed: int, sizes: Sizes) -> None:
        self._sizes = sizes
        self._stream = BlockStream(seed, Draw.DIMENSIONS, 2)
        self._lock = Lock()  # a stream counts the words that it has read

    def draw(self, index: int) -> tuple[int, int]:
        """Return the width and height of an image, in pixels."""
        with self._lock:
            first, second = self._stream.words(index).tolist()
        return self._sizes.pick(first, second)


size_drawer = lru_cache(maxsize=4)(SizeDrawer)


def _within(word: int, least: int, most: int) -> int:
    """Return the number in a range that a random word chooses."""
    return least + (word * (most - least + 1) >> 64)
