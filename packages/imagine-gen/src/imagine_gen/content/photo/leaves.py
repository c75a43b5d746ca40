"""Leaves that lie on each other (the dead leaves model), which textures are made of.

All are put down at once by their number, radius by radius: the highest is what counts at each
place. The plane wraps around in both directions; all arithmetic is in integers.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.random_streams import Draw, RandomStream

SIDE = 1024  # of the plane, a power of two
LABEL_BITS = 6
SHADE_PEAK = 127
SMALL_BITS = 16  # of the numbers of small leaves

_SMALLEST, _MOST_SMALL = 3, 24  # their radii
# Sixteenths of the coefficients of x², x y and y² of the ellipses that they are.
_SHAPES = ((16, 0, 16), (16, 0, 40), (40, 0, 16), (30, 24, 30), (30, -24, 30))
_LEAST_RADIUS, _MOST_RADIUS = 4, 320
_COVERINGS = 4  # how often leaves cover the plane, on average
_LEAF_PIXELS = 1 << 16  # that are worked on at once, to stay in a core's cache
_WRAP = SIDE - 1  # to be and-ed with, which is much faster than a remainder

_Numbers = npt.NDArray[np.int32]


class Leaves(NamedTuple):
    """Leaves by number, from the lowest on: centers, radii, shapes and looks, each int32.

    They are ellipses, or rectangles where `is_square`, `flat` 256ths as wide as long, along an
    axis; and lit from a direction. Both are vectors of length 256.
    """

    x: _Numbers
    y: _Numbers
    radius: _Numbers
    is_square: npt.NDArray[np.bool_]
    label: _Numbers
    flat: _Numbers
    axis: tuple[_Numbers, _Numbers]
    light: tuple[_Numbers, _Numbers]


def small_leaves(seed: int) -> npt.NDArray[np.int32]:
    """Return the numbers of leaves so small that none catches the eye where the texture recurs.

    They lie on each other in the order of their numbers, but are painted by size and shape, many at
    once, where they are above what is there.
    """
    count = 1 << SMALL_BITS
    words = RandomStream(seed, Draw.PHOTO_TEXTURE, 8).read(0, 8 * count).view("<u2")
    u, x, y, look = words.reshape(4, count).astype(np.int64)
    radii = np.minimum(_radii(u, _SMALLEST), _MOST_SMALL)
    top = np.zeros(SIDE * SIDE, np.int32)
    across = np.arange(-_MOST_SMALL, _MOST_SMALL + 1)
    for radius in range(_SMALLEST, _MOST_SMALL + 1):
        for shape in range(len(_SHAPES)):
            numbers = np.flatnonzero((radii == radius) & (look % len(_SHAPES) == shape))
            a, b, c = _SHAPES[shape]
            form = a * across**2 + b * across * across[:, None] + c * across[:, None] ** 2
            down, right = np.nonzero(form <= 16 * radius * radius)
            rows = (y[numbers, None] + down & _WRAP) * SIDE
            places = (rows + (x[numbers, None] + right & _WRAP)).reshape(-1)
            owners = np.repeat(numbers.astype(np.int32), len(down))
            _lay(top, places, owners)
    return top.reshape(SIDE, SIDE)


def draw_leaves(seed: int) -> Leaves:
    """Draw leaves until they cover the texture often enough.

    Radii follow a power law with exponent -3, which makes the picture alike at all scales.
    """
    words = RandomStream(seed, Draw.PHOTO_TEXTURE, 3).read(0, 1 << 18).view("<u2").reshape(-1, 8)
    radius = np.minimum(_radii(words[:, 0], _LEAST_RADIUS), _MOST_RADIUS)
    covered = np.cumsum(3 * radius * radius, dtype=np.int64)
    count = 1 + int(np.searchsorted(covered, _COVERINGS * SIDE * SIDE))
    _, x, y, look, turn, flat, lit, _ = words[:count].T.astype(np.int32)
    return Leaves(
        x * SIDE >> 16,
        y * SIDE >> 16,
        radius[:count],
        look & 3 == 0,
        look >> 4 & (1 << LABEL_BITS) - 1,
        96 + (flat * 160 >> 16),
        _directions(turn),
        _directions(lit),
    )


def shaded(leaves: Leaves) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Return label and shade of the highest leaf at each place; 0 where there is none."""
    number = _highest(leaves)
    top = number - 1
    # From a leaf's center the way to its edge is never as long as half the texture.
    half = SIDE // 2
    along = np.arange(SIDE, dtype=np.int32)
    across = (along - leaves.x[top] + half & _WRAP) - half
    down = (along[:, None] - leaves.y[top] + half & _WRAP) - half
    lit = across * leaves.light[0][top] + down * leaves.light[1][top]
    shade = np.clip(lit * SHADE_PEAK // (leaves.radius * 256)[top], -SHADE_PEAK, SHADE_PEAK)
    is_bare = number == 0
    shade[is_bare] = 0
    return np.where(is_bare, 0, leaves.label[top]).astype(np.uint8), shade.astype(np.int8)


def _highest(leaves: Leaves) -> _Numbers:
    """Return the number, from 1, of the highest leaf at each place; 0 where there is none."""
    top = np.zeros(SIDE * SIDE, np.int32)
    for radius in np.unique(leaves.radius).tolist():
        across: _Numbers = np.arange(-radius, radius + 1, dtype=np.int32)
        down = across[:, None]
        for is_square in (False, True):
            alike = np.flatnonzero((leaves.radius == radius) & (leaves.is_square == is_square))
            at_once = max(1, _LEAF_PIXELS // across.size**2)
            for first in range(0, len(alike), at_once):
                numbers = alike[first : first + at_once]
                x_axis = leaves.axis[0][numbers, None, None]
                y_axis = leaves.axis[1][numbers, None, None]
                along = (across * x_axis + down * y_axis) >> 8
                aside = (down * x_axis - across * y_axis) // leaves.flat[numbers, None, None]
                if is_square:
                    inside = (abs(along) * 10 <= radius * 7) & (abs(aside) * 10 <= radius * 7)
                else:
                    inside = along * along + aside * aside <= radius * radius
                rows = (leaves.y[numbers, None] + across & _WRAP) * SIDE
                columns = leaves.x[numbers, None] + across & _WRAP
                places = (rows[:, :, None] + columns[:, None])[inside]
                owners = np.repeat(numbers + 1, inside.sum((1, 2)))
                _lay(top, places, owners.astype(np.int32))
    return top.reshape(SIDE, SIDE)


def _lay(top: _Numbers, places: _Numbers, numbers: _Numbers) -> None:
    """Put numbers, which do not fall, where they are above what is there."""
    above = np.flatnonzero(numbers > top.take(places))
    # Of those at the same place the last one stays, which is the highest.
    top[places.take(above)] = numbers.take(above)


def _radii(random: npt.NDArray[Any], least: int) -> _Numbers:
    """Return radii from `least` on that follow a power law with exponent -3: int32."""
    least_square = least**2 << 16
    return np.array([math.isqrt(least_square // (n + 1)) for n in random.tolist()], np.int32)


def _directions(random: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return vectors of length 256, in integers, from 16 random bits each.

    From the rational points ((1 - t²), 2 t) / (1 + t²) of a quarter circle.
    """
    t = (random & 0x3FFF).astype(np.int64)
    one = 1 << 14
    length = one * one + t * t
    x: npt.NDArray[np.int64] = (one * one - t * t) * 256 // length
    y = 2 * t * one * 256 // length
    for turns in range(1, 4):
        turned = random >> 14 >= turns
        x, y = np.where(turned, -y, x), np.where(turned, x, y)
    return x.astype(np.int32), y.astype(np.int32)
