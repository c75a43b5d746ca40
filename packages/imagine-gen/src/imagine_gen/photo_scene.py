"""How an image of photo content is composed: all that differs between images is drawn here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from imagine_gen.photo_tables import THEMES, powers_of_two
from imagine_gen.photo_textures import LABEL_BITS, Plane
from imagine_gen.streams import RandomStream

REGIONS = 4
LABELS = 1 << LABEL_BITS
_STEPS = 32  # of the strength's exponent for a doubling
_DRAWN_BYTES = 1 << 13


@dataclass(frozen=True)
class Cut:
    """Where a texture is cut: one of eight turns, an offset, and how often the cut is doubled."""

    turn: int
    top: int
    left: int
    levels: int = 0


@dataclass(frozen=True)
class Scene:
    """A composition.

    `levels` is how often the scene is doubled to become the image. `tables` are int16 of shape
    (6, 256): for region and label, red, green, blue and luma in eighths of a level, the exponent of
    the fine parts' strength, and how much leaves are shaded.
    """

    levels: int
    leaves: Cut
    hills: Cut
    light: Cut
    calm: Cut
    detail: Cut
    grain: Cut
    hilliness: int
    brightness: int
    unevenness: int
    detail_gain: int
    grain_gain: int
    ramp: int
    horizons: tuple[int, ...]
    tables: Plane
    band: int  # where a strip lies, in 65,536ths

    def strip_top(self, most: int) -> int:
        """Return the first row of a strip, up to `most`."""
        return self.band * (max(0, most) + 1) >> 16


class _Dice:
    """Numbers drawn one after another from a stream, 16 bits each."""

    def __init__(self, stream: RandomStream) -> None:
        self._words = stream.read(0, _DRAWN_BYTES).view("<u2")
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
        return total * deviation // 37_837


@lru_cache(maxsize=1)
def exponential() -> Plane:
    """Return the strength of the fine parts for an exponent: up to 255, doubled every 32."""
    return np.array(powers_of_two(256, _STEPS, 1), np.int16)


def draw_scene(stream: RandomStream, width: int, height: int) -> Scene:
    """Draw the composition of an image of `width` x `height` pixels."""
    dice = _Dice(stream)

    def cut(levels: int = 0) -> Cut:
        return Cut(dice.below(8), dice.below(1 << 16), dice.below(1 << 16), levels)

    longest = max(width, height)
    levels = 1 + (longest // 1500).bit_length()
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
        detail=cut(),
        grain=cut(),
        hilliness=dice.between(1, 12),
        brightness=dice.between(3, 14),
        unevenness=dice.between(3, 8),
        detail_gain=dice.between(3, 9),
        grain_gain=dice.between(6, 12),
        ramp=(2 * spread << 16) // rows,
        horizons=tuple(level + spread for level in horizons),
        tables=_tables(dice),
        band=dice.below(1 << 16),
    )


def _tables(dice: _Dice) -> Plane:
    tables = np.empty((6, REGIONS, LABELS), np.int16)
    theme = THEMES[dice.below(len(THEMES))]
    exposure, contrast, busy = dice.gaussian(14), dice.between(150, 330), dice.gaussian(20)
    warmth, tint = dice.gaussian(7), dice.gaussian(3)
    for region in range(REGIONS):
        palette = np.array(theme[region], np.int64)
        chosen = palette[dice.words(3) * len(palette) >> 16]
        seen = dice.below(224)
        visible = (dice.words(LABELS) >> 8) < seen
        colors = chosen[np.where(visible, dice.words(LABELS) * 3 >> 16, 0)]
        lightness = np.where(visible, dice.gaussians(LABELS, dice.between(8, 30)), 0)
        colors = colors + lightness[:, None]
        colors = (colors - 128) * contrast // 256 + 128 + exposure
        colors = colors + np.array([warmth, tint, -warmth])
        colors = np.clip(colors * 8, 0, 2040).T
        tables[:3, region] = colors
        tables[3, region] = (77 * colors[0] + 150 * colors[1] + 29 * colors[2]) // 256
        strength = 140 + busy + dice.gaussian(30)
        tables[4, region] = strength + np.where(visible, dice.gaussians(LABELS, 30), 0)
        tables[5, region] = np.where(visible, dice.between(0, 40), 0)
    return tables.reshape(6, -1)
