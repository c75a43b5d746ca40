"""Textures that photo content is cut from, made once for a dataset.

They wrap around in both directions, so a cut may lie anywhere. All arithmetic is in integers, which
are the same on every processor. Sums of random bytes replace gaussian numbers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.content.photo.leaves import SIDE, SMALL_BITS, draw_leaves, shaded, small_leaves
from imagine_gen.content.photo.planes import Plane, Texture, doubled
from imagine_gen.random_streams import Draw, RandomStream

CLOUD_SIDE = 512
CLOUD_RMS, CLOUD_PEAK = 512, 2340  # the peak times 14 fits into 16 bits
FINE_RMS = 32

_CLOUD_COARSEST = 4
_ROUGH_COARSEST = 64
_WARP_RMS = 10  # pixels by which leaves are bent
_BYTES_IN_SUM = 4  # of a nearly gaussian number


class Textures(NamedTuple):
    """All textures of a dataset.

    `labels` is the label of the leaf on top of each place (uint8 below 64; several leaves share
    one), `shade` its light (int8). `cloud` is a sum of octaves whose amplitude halves (int16, rms
    512). The fine ones are int8, rms 32: `rough` is a sum of octaves of the same amplitude, `leafy`
    and `hue` are small leaves of random lightness, `grain` is white.
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
    """Return the textures of a dataset, made on first use. Forked processes share them."""
    cloud = _octaves(seed, 0, _CLOUD_COARSEST, CLOUD_SIDE, halving=True)
    rough = _octaves(seed, 1, _ROUGH_COARSEST, SIDE, halving=False)
    grain = _fine(_gaussian(seed, 2, SIDE))
    labels, shade = _bent_leaves(seed)
    small = small_leaves(seed)
    return Textures(
        Texture(labels),
        Texture(shade),
        Texture(np.clip(_normalized(cloud, CLOUD_RMS), -CLOUD_PEAK, CLOUD_PEAK)),
        Texture(_fine(rough)),
        Texture(_fine(_gaussian(seed, 6, 1 << SMALL_BITS // 2).reshape(-1)[small])),
        Texture(_fine(_gaussian(seed, 7, 1 << SMALL_BITS // 2).reshape(-1)[small])),
        Texture(grain),
    )


def _fine(plane: Plane) -> npt.NDArray[np.int8]:
    return np.clip(_normalized(plane, FINE_RMS), -127, 127).astype(np.int8)


def _gaussian(seed: int, number: int, side: int) -> Plane:
    """Return independent numbers, nearly gaussian: int16 of shape (side, side), rms about 148."""
    count = side * side
    octets = RandomStream(seed, Draw.PHOTO_TEXTURE, number).read(0, _BYTES_IN_SUM * count)
    total = np.zeros(count, np.int16)
    for summand in octets.reshape(_BYTES_IN_SUM, count):
        total += summand
    return (total - 255 * _BYTES_IN_SUM // 2).reshape(side, side)


def _octaves(seed: int, number: int, coarsest: int, side: int, *, halving: bool) -> Plane:
    """Return smooth noise: the sum of enlarged random grids, from `coarsest` cells up to `side`."""
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
    """Return a plane scaled to a root mean square. All sums are exact."""
    wide = plane.astype(np.int32)
    present = max(1, math.isqrt(int((wide * wide).sum(dtype=np.int64)) // plane.size))
    return (wide * rms // present).astype(np.int16)


def _bent_leaves(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Return label and shade of the leaf on top of each place, bent by clouds."""
    labels, shade = shaded(draw_leaves(seed))
    down, right = (
        _doubled_around(_doubled_around(_octaves(seed, number, 8, SIDE // 4, halving=True)))
        for number in (4, 5)
    )
    along = np.arange(SIDE)
    rows = (along[:, None] + _normalized(down, _WARP_RMS)) % SIDE
    columns = (along + _normalized(right, _WARP_RMS)) % SIDE
    return labels[rows, columns], shade[rows, columns]
