"""How an image of photo content is composed: all that differs between images is drawn here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.content.photo.leaves import LABEL_BITS
from imagine_gen.content.photo.planes import Cut, Plane
from imagine_gen.content.photo.tables import THEMES, powers_of_two
from imagine_gen.random_streams import RandomStream

REGIONS = 4
LABELS = 1 << LABEL_BITS
MOST_EXPONENT = 204
_STEPS = 32  # of the strength's exponent for a doubling
_DRAWN_BYTES = 3 << 12


class Tables(NamedTuple):
    """What places look like, by region and label: int16 of shape (256,) each.

    `colors` is (4, 256): red, green, blue and luma in eighths of a level. `rough` and `leafy` are
    exponents of the strength of fine textures. `shaded` and `mottled` tell how much shade and
    mid-sized noise show, `sloped` how light changes with the distance from the region's edge;
    who is higher (`relief`) casts a shadow on who is lower.
    """

    colors: Plane
    rough: Plane
    leafy: Plane
    shaded: Plane
    mottled: Plane
    sloped: Plane
    relief: Plane


@dataclass(frozen=True)
class Scene:
    """A composition; `levels` is how often the scene is doubled to become the image."""

    levels: int
    leaves: Cut
    hills: Cut
    light: Cut
    calm: Cut
    mottle: Cut
    rough: Cut
    leafy: Cut
    grain: Cut
    tinge: Cut
    hilliness: int
    roughness: int
    brightness: int
    unevenness: int
    grain_gain: int
    hue_gain: int
    tinge_gain: int
    ramp: int
    horizons: tuple[int, ...]
    shadow_depth: int
    tables: Tables
    band: int  # where a strip lies, in 65,536ths

    def strip_top(self, most: int) -> int:
        """Return the first row of a strip, up to `most`."""
        return self.band * (max(0, most) + 1) >> 16


class _Fineness(NamedTuple):
    """What gives images the bytes of photographs, at exponents and gains that were found by trial.

    `rough` and `leafy` are exponents; `grain` of 16 parts of the rough texture are white grain, and
    `tinge` and `hue` are how much grain and leaves differ between colors: from the least to the
    most.
    """

    rough: int
    leafy: int
    grain: tuple[int, int]
    tinge: tuple[int, int]
    hue: tuple[int, int]


# Photographs that were made smaller have less grain than those that come from the sensor as they
# are. Grain makes PNG decode faster, which it does for wide noise too: there, rows have the same
# filter, the cheapest to undo.
_SMALL = _Fineness(rough=160, leafy=185, grain=(0, 0), tinge=(1, 2), hue=(0, 3))
_LARGE = _Fineness(rough=160, leafy=184, grain=(3, 5), tinge=(1, 1), hue=(0, 4))
_LARGE_SIDE = 1500


class _Dice:
    """Numbers drawn one after another from a stream, 16 bits each."""

    def __init__(self, stream: RandomStream) -> None:
        self._words: npt.NDArray[np.uint16] = stream.read(0, _DRAWN_BYTES).view("<u2")
        self._used = 0

    def words(self, count: int) -> npt.NDArray[np.int64]:
        self._used += count
        drawn: npt.NDArray[np.int64] = self._words[self._used - count : self._used].astype(np.int64)
        return drawn

    def below(self, count: int) -> int:
        """Return a number from 0 to `count` - 1."""
        return int(self.words(1)[0]) * count >> 16

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def gaussian(self, deviation: int) -> int:
        return int(self.gaussians(1, deviation)[0])

    def gaussians(self, count: int, deviation: int) -> npt.NDArray[np.int64]:
        """Return sums of four numbers, which are nearly gaussian: their deviation is 37,837."""
        total = self.words(4 * count).reshape(4, count).sum(axis=0) - 2 * 65_535
        found: npt.NDArray[np.int64] = total * deviation // 37_837
        return found


@lru_cache(maxsize=1)
def exponential() -> Plane:
    """Return the strength of the fine parts for an exponent: doubled every 32, up to 82."""
    return np.array(powers_of_two(1 + MOST_EXPONENT, _STEPS, 1), np.int16)


def draw_scene(stream: RandomStream, width: int, height: int) -> Scene:
    """Draw the composition of an image of `width` x `height` pixels."""
    dice = _Dice(stream)

    def cut(levels: int = 0) -> Cut:
        return Cut(dice.below(8), dice.below(1 << 16), dice.below(1 << 16), levels)

    longest = max(width, height)
    fineness = _LARGE if longest > _LARGE_SIDE else _SMALL
    # One of four is out of focus.
    levels = 1 + (longest // _LARGE_SIDE).bit_length() + (dice.below(4) == 0)
    broad = max(0, (longest // 160).bit_length() - levels)
    rows = max(1, height >> levels)
    spread = dice.between(500, 4000)  # of the ramp over the image
    horizons = sorted(dice.between(-2400, 2400) for _ in range(REGIONS - 1))
    return Scene(
        levels=levels,
        leaves=cut(),
        hills=cut(broad + dice.below(2)),
        light=cut(broad + dice.below(2)),
        calm=cut(broad),
        mottle=cut(max(0, broad - 2)),
        rough=cut(),
        leafy=cut(),
        grain=cut(),
        tinge=cut(),
        grain_gain=dice.between(*fineness.grain),
        hue_gain=dice.between(*fineness.hue),
        tinge_gain=dice.between(*fineness.tinge),
        hilliness=dice.between(2, 12),
        roughness=dice.below(3) * dice.below(8),
        brightness=dice.between(2, 8),
        unevenness=dice.between(3, 5),
        ramp=(2 * spread << 16) // rows,
        horizons=tuple(level + spread for level in horizons),
        shadow_depth=dice.between(60, 280),
        tables=_tables(dice, fineness),
        band=dice.below(1 << 16),
    )


def _tables(dice: _Dice, fineness: _Fineness) -> Tables:
    shape = REGIONS, LABELS
    theme = THEMES[dice.below(len(THEMES))]
    exposure, contrast, vivid = dice.gaussian(14), dice.between(200, 300), dice.between(150, 270)
    warmth, tint = dice.gaussian(6), dice.gaussian(2)

    def column(values: Iterable[int]) -> npt.NDArray[np.int64]:
        return np.fromiter(values, np.int64, REGIONS)[:, None]

    dense = dice.words(REGIONS)[:, None] * column(part.leaves for part in theme) >> 16
    visible = (dice.words(REGIONS * LABELS).reshape(shape) >> 8) < dense
    chosen = np.where(visible, 1 + (dice.words(REGIONS * LABELS).reshape(shape) >> 15), 0)
    palette = np.array(
        [[part.colors[dice.below(len(part.colors))] for _ in range(3)] for part in theme], np.int64
    )
    rgb = np.moveaxis(palette[np.arange(REGIONS)[:, None], chosen], -1, 0)
    luma = (77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2]) >> 8
    chroma = (rgb - luma) * vivid >> 8
    varied = dice.gaussians(REGIONS * LABELS, 256).reshape(shape) * visible
    luma = luma + (varied * column(part.varied for part in theme) >> 8)
    luma = np.clip(128 + ((luma - 128) * contrast >> 8) + exposure, 16, 235)
    chroma += np.array([warmth, tint, -warmth])[:, None, None]
    # What is very dark or light has little color.
    chroma = chroma * np.minimum(64, np.minimum(luma, 255 - luma)) >> 6
    colors = np.empty((4, *shape), np.int16)
    colors[:3] = 8 * np.clip(luma + chroma, 0, 255)
    colors[3] = 8 * luma

    strength = dice.gaussian(7) + dice.gaussians(REGIONS, 11)[:, None]
    strength = strength + dice.gaussians(REGIONS * LABELS, 12).reshape(shape) * visible
    rough = fineness.rough + strength + column(part.rough for part in theme)
    leafy = fineness.leafy + strength + column(part.leafy for part in theme)
    shaded = (2 + (dice.words(REGIONS)[:, None] * 26 >> 16)) * visible
    mottled = column(part.mottled for part in theme) + np.zeros(shape, np.int64)
    sloped = (dice.words(REGIONS)[:, None] * 20 >> 16) - 10 + np.zeros(shape, np.int64)
    relief = (1 + (dice.words(REGIONS * LABELS).reshape(shape) >> 12)) * visible
    tables = (rough, leafy, shaded, mottled, sloped, relief)
    return Tables(colors.reshape(4, -1), *(table.reshape(-1).astype(np.int16) for table in tables))
