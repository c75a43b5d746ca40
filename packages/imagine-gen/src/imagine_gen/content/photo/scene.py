"""The composition of an image of photo content: everything that differs between images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.content.photo.leaves import LABEL_BITS
from imagine_gen.content.photo.tables import THEMES, powers_of_two
from imagine_gen.content.photo.textures import Cut, Plane
from imagine_gen.random_streams import RandomStream

REGIONS = 4
LABELS = 1 << LABEL_BITS
MOST_EXPONENT = 204
_STEPS = 32  # of the strength's exponent for a doubling
_DRAWN_BYTES = 3 << 12
# The strength of the fine parts by exponent: doubled every 32, up to 82.
STRENGTHS = np.array(powers_of_two(1 + MOST_EXPONENT, _STEPS, 1), np.int16)


class Tables(NamedTuple):
    """The looks of places, by region and label: int16 of shape (256,) each.

    `colors` is (4, 256): red, green, blue and luma in eighths of a level. `rough` and `leafy` are
    exponents of the strength of the fine textures. `shaded` and `mottled` are the strengths of
    shade and of mid-sized noise, `sloped` is the change of light with the distance from the
    region's edge. A place casts a shadow on places with less `relief`.
    """

    colors: Plane
    rough: Plane
    leafy: Plane
    shaded: Plane
    mottled: Plane
    sloped: Plane
    relief: Plane


class _Fineness(NamedTuple):
    """Exponents and gains, found by trial, that give images the bytes of photographs.

    `rough` and `leafy` are exponents. The others are ranges: `grain` of 16 parts of the rough
    texture are white grain; `tinge` and `hue` are how much grain and leaves differ between colors.
    """

    rough: int
    leafy: int
    grain: tuple[int, int]
    tinge: tuple[int, int]
    hue: tuple[int, int]


# Photographs that were made smaller have less grain than those straight from the sensor. Grain
# makes PNG decode faster, as wide noise does: its rows have the same filter, the cheapest to undo.
_SMALL = _Fineness(rough=160, leafy=185, grain=(0, 0), tinge=(1, 2), hue=(0, 3))
_LARGE = _Fineness(rough=160, leafy=184, grain=(3, 5), tinge=(1, 1), hue=(0, 4))
_LARGE_SIDE = 1500


class Scene:
    """The composition of an image of `width` x `height` pixels.

    Every attribute is a draw from the stream, or follows from draws. The order of the statements
    is the order of the draws, so it must not change.
    """

    def __init__(self, stream: RandomStream, width: int, height: int) -> None:
        dice = _Dice(stream)
        longest = max(width, height)
        fineness = _LARGE if longest > _LARGE_SIDE else _SMALL
        is_out_of_focus = dice.below(4) == 0
        self.doublings = 1 + (longest // _LARGE_SIDE).bit_length() + is_out_of_focus
        broad = max(0, (longest // 160).bit_length() - self.doublings)
        spread = dice.between(500, 4000)  # of the ramp over the image
        self.ramp = (2 * spread << 16) // max(1, height >> self.doublings)
        horizons = sorted(dice.between(-2400, 2400) for _ in range(REGIONS - 1))
        self.horizons = [horizon + spread for horizon in horizons]
        self.leaves = dice.cut()
        broader = dice.below(2)
        self.hills = dice.cut(broad + broader)
        broader = dice.below(2)
        self.light = dice.cut(broad + broader)
        self.calm = dice.cut(broad)
        self.mottle = dice.cut(max(0, broad - 2))
        self.rough = dice.cut()
        self.leafy = dice.cut()
        self.grain = dice.cut()
        self.tinge = dice.cut()
        self.grain_gain = dice.between(*fineness.grain)
        self.hue_gain = dice.between(*fineness.hue)
        self.tinge_gain = dice.between(*fineness.tinge)
        self.hilliness = dice.between(2, 12)
        roughness = dice.below(3)
        self.roughness = roughness * dice.below(8)
        self.brightness = dice.between(2, 8)
        self.unevenness = dice.between(3, 5)
        self.shadow_depth = dice.between(60, 280)
        self.tables = _draw_tables(dice, fineness)
        self._band = dice.below(1 << 16)

    def strip_top(self, most: int) -> int:
        """Return the first row of a strip, from 0 to `most`."""
        return self._band * (max(0, most) + 1) >> 16


class _Dice:
    """Numbers of 16 bits, drawn one after another from a stream."""

    def __init__(self, stream: RandomStream) -> None:
        self._words: npt.NDArray[np.uint16] = stream.read(0, _DRAWN_BYTES).view("<u2")
        self._used = 0

    def words(self, *shape: int) -> npt.NDArray[np.int64]:
        begin = self._used
        self._used += math.prod(shape)
        return self._words[begin : self._used].astype(np.int64).reshape(shape)

    def below(self, count: int) -> int:
        """Return a number from 0 to `count` - 1."""
        self._used += 1
        return int(self._words[self._used - 1]) * count >> 16

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def gaussian(self, deviation: int) -> int:
        return int(self.gaussians(deviation, 1)[0])

    def gaussians(self, deviation: int, *shape: int) -> npt.NDArray[np.int64]:
        """Return sums of four numbers, which are nearly gaussian: their deviation is 37,837."""
        total = self.words(4, *shape).sum(axis=0) - 2 * 65_535
        found: npt.NDArray[np.int64] = total * deviation // 37_837
        return found

    def cut(self, doublings: int = 0) -> Cut:
        turn = self.below(8)
        top = self.below(1 << 16)
        left = self.below(1 << 16)
        return Cut(turn, top, left, doublings)


def _draw_tables(dice: _Dice, fineness: _Fineness) -> Tables:
    """Draw a theme, and how its materials look in this image."""
    # First everything is drawn, in an order that must not change; then the tables are computed.
    shape = REGIONS, LABELS
    theme = THEMES[dice.below(len(THEMES))]
    exposure = dice.gaussian(14)
    contrast = dice.between(200, 300)
    vividness = dice.between(150, 270)
    warmth = dice.gaussian(6)
    tint = dice.gaussian(2)
    density = dice.words(REGIONS, 1)
    visibility = dice.words(*shape)
    choice = dice.words(*shape)
    palette = [  # of each region: the bare ground, and two kinds of leaves
        [material.colors[dice.below(len(material.colors))] for _ in range(3)] for material in theme
    ]
    lightness = dice.gaussians(256, *shape)
    image_strength = dice.gaussian(7)
    region_strength = dice.gaussians(11, REGIONS, 1)
    leaf_strength = dice.gaussians(12, *shape)
    shade = dice.words(REGIONS, 1)
    slope = dice.words(REGIONS, 1)
    relief = dice.words(*shape)

    dense = density * _column(material.leaves for material in theme) >> 16
    visible = (visibility >> 8) < dense
    chosen = np.where(visible, 1 + (choice >> 15), 0)
    rgb = np.moveaxis(np.array(palette, np.int64)[np.arange(REGIONS)[:, None], chosen], -1, 0)
    luma = (77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2]) >> 8
    chroma = (rgb - luma) * vividness >> 8
    luma = luma + (lightness * visible * _column(material.varied for material in theme) >> 8)
    luma = np.clip(128 + ((luma - 128) * contrast >> 8) + exposure, 16, 235)
    chroma += np.array([warmth, tint, -warmth])[:, None, None]
    # Very dark and very light places have little color.
    chroma = chroma * np.minimum(64, np.minimum(luma, 255 - luma)) >> 6
    colors = np.empty((4, *shape), np.int16)
    colors[:3] = 8 * np.clip(luma + chroma, 0, 255)
    colors[3] = 8 * luma

    strength = image_strength + region_strength + leaf_strength * visible
    flat = np.zeros(shape, np.int64)
    tables = (
        fineness.rough + strength + _column(material.rough for material in theme),
        fineness.leafy + strength + _column(material.leafy for material in theme),
        (2 + (shade * 26 >> 16)) * visible,
        flat + _column(material.mottled for material in theme),
        flat + (slope * 20 >> 16) - 10,
        (1 + (relief >> 12)) * visible,
    )
    return Tables(colors.reshape(4, -1), *(table.reshape(-1).astype(np.int16) for table in tables))


def _column(values: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.fromiter(values, np.int64, REGIONS)[:, None]
