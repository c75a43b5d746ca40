"""Leaves that lie on each other (the dead leaves model), the material of textures.

Leaves of one radius are painted together. At each place the leaf with the highest number stays. The
plane wraps around in both directions; all arithmetic is in integers.
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
SMALL_BITS = 16  # small leaves have numbers of so many bits

_SMALLEST, _MOST_SMALL = 3, 24  # their radii: so small that none catches the eye
# Ellipses: the coefficients of x², x y and y², in sixteenths.
_SHAPES = ((16, 0, 16), (16, 0, 40), (40, 0, 16), (30, 24, 30), (30, -24, 30))
_LEAST_RADIUS, _MOST_RADIUS = 4, 320
_COVERINGS = 4  # how often leaves cover a place, on average
_LEAF_PIXELS = 1 << 16  # painted at once, to stay in a core's cache
_WRAP = SIDE - 1  # a mask, much faster than a remainder

_Numbers = npt.NDArray[np.int32]


class Leaves(NamedTuple):
    """Leaves by number, from the lowest up: centers, radii, shapes and looks, each int32.

    A leaf is an ellipse, or a rectangle if `is_square`, along an axis, and `flat` 256ths as wide as
    long. It is lit from a direction. Axis and direction are vectors of length 256.
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
    """Return the number of the highest of many small leaves at each place: int32 (SIDE, SIDE)."""
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
            ellipse = a * across**2 + b * across * across[:, None] + c * across[:, None] ** 2
            down, right = np.nonzero(ellipse <= 16 * radius * radius)
            rows = (y[numbers, None] + down & _WRAP) * SIDE
            places = (rows + (x[numbers, None] + right & _WRAP)).reshape(-1)
            owners = np.repeat(numbers.astype(np.int32), len(down))
            _lay(top, places, owners)
    return top.reshape(SIDE, SIDE)


def draw_leaves(seed: int) -> Leaves:
    """Draw leaves until they cover the texture often enough."""
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
    """Return label and shade of the highest leaf at each place, or 0 without a leaf."""
    number = _highest(leaves)
    top = number - 1
    # No leaf reaches half the texture from its center, so the shorter way around is right.
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
    """Return the number, from 1, of the highest leaf at each place, or 0 without a leaf."""
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
    """Put numbers, in ascending order, at the places whose number is lower."""
    above = np.flatnonzero(numbers > top.take(places))
    # Of several numbers for one place the last stays, which is the highest.
    top[places.take(above)] = numbers.take(above)


def _radii(random: npt.NDArray[Any], least: int) -> _Numbers:
    """Return radii of at least `least` that follow a power law with exponent -3: int32."""
    # It makes the picture look alike at all scales.
    least_square = least**2 << 16
    return np.array([math.isqrt(least_square // (n + 1)) for n in random.tolist()], np.int32)


def _directions(random: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return vectors of length 256, in integers, from 16 random bits each."""
    # The rational points ((1 - t²), 2 t) / (1 + t²) of a quarter circle, turned.
    t = (random & 0x3FFF).astype(np.int64)
    one = 1 << 14
    length = one * one + t * t
    x: npt.NDArray[np.int64] = (one * one - t * t) * 256 // length
    y = 2 * t * one * 256 // length
    for turns in range(1, 4):
        turned = random >> 14 >= turns
        x, y = np.where(turned, -y, x), np.where(turned, x, y)
    return x.astype(np.int32), y.astype(np.int32)
