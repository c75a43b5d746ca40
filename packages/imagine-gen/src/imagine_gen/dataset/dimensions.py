"""Dimensions that vary from image to image: drawn from ranges, or from a list.

Draws use integer arithmetic on random words, so they are the same on every host.

A line of a file with a list is `width height [weight]`: pixels, and a whole number, by default 1.
A `#` starts a comment. The lists of the tool are in the folder `size_lists`; comments in them name
their sources.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import ClassVar, SupportsIndex, TypeAlias

from imagine_common.errors import UsageError, file_error
from imagine_common.files.reading import refuse_special
from imagine_common.files.urls import local_path, refuse_store
from imagine_common.text import did_you_mean, show

MAX_POOLED_WIDTHS = 16
_FOLDER = os.path.join(os.path.dirname(__file__), "size_lists")
_SUFFIX = ".txt"
_LINE = re.compile(rb"([0-9]{1,10})[ \t]+([0-9]{1,10})(?:[ \t]+([0-9]{1,10}))?")
_BOM = b"\xef\xbb\xbf"
_MAX_BYTES = 1 << 22
_SHOWN = 40  # characters of an invalid line


@dataclass(frozen=True)
class SizeRange:
    """Ranges of widths and heights in pixels, with all values equally likely.

    With `steps`, only that many widths occur, spread evenly over the range.
    """

    widths: tuple[int, int]
    heights: tuple[int, int]
    steps: int | None = None
    sides: ClassVar[tuple[str, str]] = ("--width", "--height")  # as errors call them

    def __post_init__(self) -> None:
        _check_pairs("widths", [self.widths])
        _check_pairs("heights", [self.heights])
        for least, most in (self.widths, self.heights):
            if least > most:
                raise UsageError(f"a range of sizes: {least} is greater than {most}")

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

    def __post_init__(self) -> None:
        _check_pairs("sizes", self.sizes)
        good = [weight for weight in self.weights if isinstance(weight, int) and weight > 0]
        if not 0 < len(self.sizes) == len(self.weights) == len(good):
            raise UsageError("argument weights: must be whole numbers from 1 on, as many as sizes")

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


def _check_pairs(name: str, pairs: Iterable[object]) -> None:
    for pair in pairs:
        if (
            not isinstance(pair, tuple)
            or [isinstance(n, SupportsIndex) for n in pair] != [True] * 2
        ):
            raise UsageError(f"argument {name}: must be tuples of two whole numbers, not {pair!r}")


def _within(word: int, least: int, most: int) -> int:
    """Return the number in a range that a random word chooses."""
    return least + (word * (most - least + 1) >> 64)


def size_list_names() -> list[str]:
    """Return the names of the tool's own lists."""
    files = sorted(os.listdir(_FOLDER))
    return [name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)]


def load_size_list(source: str) -> SizeList:
    """Return the list with a name, or that of a file, which may be a pipe such as `<(command)`."""
    refuse_store("--size-list", os.fsencode(source))
    where = f"argument --size-list: {show(os.fsencode(source))}: "
    names = size_list_names()
    path = os.path.join(_FOLDER, source.lower() + _SUFFIX) if source.lower() in names else source
    try:
        local = local_path(os.fsencode(path))
        refuse_special(local, "a list of sizes")
        with open(local, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"{where}no such file; lists that come with the tool: {', '.join(names)}"
            f"{did_you_mean(source, names)}"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise UsageError(f"{where}{error}") from error
    except OSError as error:
        raise file_error(os.fsencode(source), error) from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{where}more than {_MAX_BYTES} bytes, which no list of sizes needs")
    return parse_size_list(data, where)


def parse_size_list(data: bytes, where: str) -> SizeList:
    """Return the list in a file, or raise a `UsageError` that begins with `where`."""
    sizes: list[tuple[int, int]] = []
    weights: list[int] = []
    for number, line in enumerate(data.removeprefix(_BOM).splitlines(), 1):
        text = line.partition(b"#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        values = [int(value or 1) for value in match.groups()] if match else [0]
        if not all(values):
            raise UsageError(
                f"{where}line {number}: expected WIDTH HEIGHT [WEIGHT], whole numbers from 1 on,"
                f" not {text[:_SHOWN].decode('latin-1')!a}"
            )
        width, height, weight = values
        sizes.append((width, height))
        weights.append(weight)
    if not sizes:
        raise UsageError(f"{where}no line with a width and a height")
    return SizeList(tuple(sizes), tuple(weights))
