"""Textures that photo content is cut from, made once for a dataset.

They wrap around in both directions, so a cut may lie anywhere. All arithmetic is in integers, which
are the same on every processor; a sum of random bytes stands for a gaussian.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.photo_planes import Plane, Texture, doubled, runs
from imagine_gen.streams import Draw, RandomStream

LABEL_BITS = 6
SIDE = 1024  # of all but cloud
CLOUD_SIDE = 512
CLOUD_RMS, CLOUD_PEAK = 512, 2340  # the peak times 14 fits into 16 bits
FINE_RMS = 32
SHADE_PEAK = 127

_CLOUD_COARSEST = 4
_ROUGH_COARSEST = 64
_NUMBER_BITS = 16  # of small leaves
_SMALLEST, _MOST_SMALL = 3, 24  # their radii
# Sixteenths of the coefficients of x², x y and y² of the ellipses that they are.
_SHAPES = ((16, 0, 16), (16, 0, 40), (40, 0, 16), (30, 24, 30), (30, -24, 30))
_LEAST_RADIUS, _MOST_RADIUS = 4, 320
_COVERINGS = 4  # how often leaves cover the texture, on average
_WARP_RMS = 10  # pixels by which leaves are bent
_BYTES_IN_SUM = 4  # of which a nearly gaussian number is the sum


class Textures(NamedTuple):
    """All textures of a dataset.

    `labels` tells of each place which leaf is on top (uint8 below 64; several leaves share one),
    `shade` how it is lit (int8), `cloud` is a sum of octaves whose amplitude halves (int16, rms
    512). The fine ones are int8, rms 32: `rough` is a sum of octaves of the same amplitude, `leafy`
    and `hue` are leaves of random lightness without what is large in them, `grain` is white.
    """

    labels: Texture
    shade: Texture
    cloud: Texture
    rough: Texture
    leafy: Texture
    hue: Texture
    grain: Texture


@lru_cache(maxsize=1)
def textures(seed: int) -> Textures:
    """Return the textures of a dataset, made on first use; forked processes share them."""
    cloud = _octaves(seed, 0, _CLOUD_COARSEST, CLOUD_SIDE, halving=True)
    rough = _octaves(seed, 1, _ROUGH_COARSEST, SIDE, halving=False)
    grain = _fine(_gaussian(seed, 2, SIDE))
    labels, shade = _leaves(seed)
    small = _small_leaves(seed)
    return Textures(
        Texture(labels),
        Texture(shade),
        Texture(np.clip(_normalized(cloud, CLOUD_RMS), -CLOUD_PEAK, CLOUD_PEAK)),
        Texture(_fine(rough)),
        Texture(_fine(_gaussian(seed, 6, 1 << _NUMBER_BITS // 2).reshape(-1)[small])),
        Texture(_fine(_gaussian(seed, 7, 1 << _NUMBER_BITS // 2).reshape(-1)[small])),
        Texture(grain),
    )


def _small_leaves(seed: int) -> npt.NDArray[np.int32]:
    """Return the numbers of leaves so small that none catches the eye where the texture recurs.

    They lie on each other in the order of their numbers, but are painted by size and shape, many at
    once, where they are above what is there.
    """
    count = 1 << _NUMBER_BITS
    words = RandomStream(seed, Draw.PHOTO_TEXTURE, 8).read(0, 8 * count).view("<u2")
    u, x, y, look = words.reshape(4, count).astype(np.int64)
    radii = np.array([math.isqrt((_SMALLEST**2 << 16) // (n + 1)) for n in u.tolist()])
    radii = np.minimum(radii, _MOST_SMALL)
    top = np.zeros(SIDE * SIDE, np.int32)
    across = np.arange(-_MOST_SMALL, _MOST_SMALL + 1)
    for radius in range(_SMALLEST, _MOST_SMALL + 1):
        for shape in range(len(_SHAPES)):
            numbers = np.flatnonzero((radii == radius) & (look % len(_SHAPES) == shape))
            a, b, c = _SHAPES[shape]
            form = a * across**2 + b * across * across[:, None] + c * across[:, None] ** 2
            down, right = np.nonzero(form <= 16 * radius * radius)
            rows = ((y[numbers] % SIDE)[:, None] + down) % SIDE
            places = (rows * SIDE + ((x[numbers] % SIDE)[:, None] + right) % SIDE).reshape(-1)
            owners = np.repeat(numbers.astype(np.int32), len(down))
            above = owners > top[places]
            # Of those at the same place the last one stays, which is the highest.
            top[places[above]] = owners[above]
    return top.reshape(SIDE, SIDE)


def _fine(plane: Plane) -> npt.NDArray[np.int8]:
    return np.clip(_normalized(plane, FINE_RMS), -127, 127).astype(np.int8)


def _gaussian(seed: int, number: int, side: int) -> Plane:
    """Return independent numbers, nearly gaussian: int16 of shape (side, side), rms about 148."""
    size = side * side
    octets = RandomStream(seed, Draw.PHOTO_TEXTURE, number).read(0, _BYTES_IN_SUM * size)
    total = np.zeros(size, np.int16)
    for part in octets.reshape(_BYTES_IN_SUM, size):
        total += part
    return (total - 255 * _BYTES_IN_SUM // 2).reshape(side, side)


def _octaves(seed: int, number: int, coarsest: int, side: int, *, halving: bool) -> Plane:
    """Return smooth noise: random grids from `coarsest` cells on, enlarged and added up."""
    total = np.zeros((coarsest, coarsest), np.int16)
    cells, gain = coarsest, 64
    while cells < side:
        grid = _gaussian(seed, 1000 * (number + 1) + cells, cells).astype(np.int32)
        total = _doubled_around(total + (grid * gain >> 5).astype(np.int16))
        cells *= 2
        gain = gain // 2 if halving else gain
    return total


def _doubled_around(plane: Plane) -> Plane:
    """Return a plane that wraps around, enlarged to twice its sides."""
    return doubled(np.pad(plane, 1, mode="wrap"))


def _normalized(plane: Plane, rms: int) -> Plane:
    """Return a plane scaled to a root mean square, which is computed exactly."""
    wide = plane.astype(np.int64)
    present = max(1, math.isqrt(int((wide * wide).sum()) // plane.size))
    return (wide * rms // present).astype(np.int16)


def _leaves(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Return labels and shade of leaves that lie on each other (the dead leaves model).

    Radii follow a power law with exponent -3, which makes the picture alike at all scales. Leaves
    are ellipses and rectangles, then bent.
    """
    labels = np.zeros((SIDE, SIDE), np.uint8)
    shade = np.zeros((SIDE, SIDE), np.int8)
    words = RandomStream(seed, Draw.PHOTO_TEXTURE, 3).read(0, 1 << 18).view("<u2").tolist()
    painted = 0
    for n in range(0, len(words), 8):
        if painted >= _COVERINGS * SIDE * SIDE:
            break
        u, x, y, look, turn, flat, lit, _ = words[n : n + 8]
        radius = min(_MOST_RADIUS, math.isqrt((_LEAST_RADIUS**2 << 16) // (u + 1)))
        painted += 3 * radius * radius
        _paint(
            labels,
            shade,
            x * SIDE >> 16,
            y * SIDE >> 16,
            radius,
            look,
            _direction(turn),
            96 + (flat * 160 >> 16),
            _direction(lit),
        )
    down, right = (
        _doubled_around(_doubled_around(_octaves(seed, number, 8, SIDE // 4, halving=True)))
        for number in (4, 5)
    )
    rows = (np.arange(SIDE)[:, None] + _normalized(down, _WARP_RMS)) % SIDE
    columns = (np.arange(SIDE) + _normalized(right, _WARP_RMS)) % SIDE
    return labels[rows, columns], shade[rows, columns]


def _paint(
    labels: npt.NDArray[np.uint8],
    shade: npt.NDArray[np.int8],
    x: int,
    y: int,
    radius: int,
    look: int,
    axis: tuple[int, int],
    flat: int,
    light: tuple[int, int],
) -> None:
    """Paint a leaf: an ellipse or a rectangle, `flat` 256ths as wide as long, along an axis."""
    across = np.arange(-radius, radius + 1, dtype=np.int32)
    down = across[:, None]
    along = across * axis[0] + down * axis[1] >> 8
    aside = (down * axis[0] - across * axis[1]) // flat
    if look & 3:
        inside = along * along + aside * aside <= radius * radius
    else:
        inside = (abs(along) * 10 <= radius * 7) & (abs(aside) * 10 <= radius * 7)
    lit = np.clip((across * light[0] + down * light[1]) * SHADE_PEAK // (radius * 256), -127, 127)
    label = look >> 4 & (1 << LABEL_BITS) - 1
    # Where it reaches over an edge it goes on at the other side.
    for row, top, row_count in runs(y - radius, 2 * radius + 1, SIDE):
        for column, left, column_count in runs(x - radius, 2 * radius + 1, SIDE):
            part = slice(row, row + row_count), slice(column, column + column_count)
            place = slice(top, top + row_count), slice(left, left + column_count)
            np.copyto(labels[place], np.uint8(label), where=inside[part])
            np.copyto(shade[place], lit[part], where=inside[part], casting="unsafe")


def _direction(random: int) -> tuple[int, int]:
    """Return a vector of length 256, in integers, from 16 random bits.

    From the rational points ((1 - t²), 2 t) / (1 + t²) of a quarter circle.
    """
    t = random & 0x3FFF
    one = 1 << 14
    length = one * one + t * t
    x, y = (one * one - t * t) * 256 // length, 2 * t * one * 256 // length
    for _ in range(random >> 14):
        x, y = -y, x
    return x, y
