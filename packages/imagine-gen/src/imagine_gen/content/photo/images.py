"""Photo content: images with a photograph's statistics, made in integers from a few textures.

An image is a scene, at half the resolution or less, that is enlarged, and fine textures and grain
on it. How strong those are varies with what they are on and along a smooth field, so that some
places are calm and some busy. What is cut from the textures where, and how it is colored, is drawn
per image; every row can be made alone. docs/photo-content.md tells all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imagine_gen.content.photo.leaves import LABEL_BITS
from imagine_gen.content.photo.planes import Plane, enlarged
from imagine_gen.content.photo.scene import MOST_EXPONENT, Scene, draw_scene, exponential
from imagine_gen.content.photo.textures import Textures, textures
from imagine_gen.dataset.modes import CHANNELS
from imagine_gen.random_streams import Draw, RandomStream

_TILE_PIXELS = 3 << 15  # whose planes stay in a core's cache
_TILE_COLUMNS = 1 << 12
_OPAQUE = 255
# Bounds are of the type of what they bound: NumPy takes long to convert others.
_ZERO, _WHITE = np.int16(0), np.int16(255)
_LIGHTEST = np.int16(255 * 8)  # Scenes are in eighths of a level.
_MOST = np.int16(MOST_EXPONENT)
_MOST_HUE = 48  # strength above which leaves get no more colorful, which would be garish
_SHADOW = 2  # how far shadows fall to the right and down, in pixels of the scene
_MOST_RAMP = 1 << 14


class PhotoContent:
    """Photo content of a dataset: `width` x `height` pixels of a mode, by a seed.

    The textures are made with the first image of a process, in about a quarter of a second.
    """

    def __init__(self, seed: int, width: int, height: int, mode: str) -> None:
        self._seed = seed
        self._size = width, height
        self._mode = mode

    def image(self, index: int) -> PhotoImage:
        """Return an image, of which no pixel is made yet."""
        return self._image(Draw.PHOTO, index)

    def strip(self, number: int, rows: int, draw: Draw) -> npt.NDArray[np.uint8]:
        """Return a band of rows of an image of its own: uint8 of shape (rows * width * channels,).

        Which band of which image depends on the number and on what the strip is drawn for.
        """
        image = self._image(draw, number)
        top = image.scene.strip_top(self._size[1] - rows)
        return image.rows(top, top + rows)

    def _image(self, draw: Draw, number: int) -> PhotoImage:
        scene = draw_scene(RandomStream(self._seed, draw, number), *self._size)
        return PhotoImage(textures(self._seed), scene, self._size[0], self._mode)


class PhotoImage:
    """An image of photo content, whose rows are made when they are asked for."""

    def __init__(self, source: Textures, scene: Scene, width: int, mode: str) -> None:
        self.scene = scene
        self._source = source
        self._width = width
        self._channels = CHANNELS[mode]
        self._colors = scene.tables.colors[3:] if mode == "L" else scene.tables.colors[:3]

    def rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """Return the rows from `top` to before `bottom`: uint8, flat.

        Pixels are the same whichever rows are asked for together. Bands of some 64 rows are made
        fastest.
        """
        pixels = np.empty((bottom - top, self._width, self._channels), np.uint8)
        if self._channels == 4:
            pixels[..., 3] = _OPAQUE
        tile_columns = min(self._width, _TILE_COLUMNS)
        tiles = -(-len(pixels) * tile_columns // _TILE_PIXELS)
        tile_rows = -(-len(pixels) // tiles)
        for row in range(0, len(pixels), tile_rows):
            for left in range(0, self._width, tile_columns):
                tile = pixels[row : row + tile_rows, left : left + tile_columns]
                self._fill(tile, top + row, left)
        return pixels.reshape(-1)

    def _fill(self, pixels: npt.NDArray[np.uint8], top: int, left: int) -> None:
        rows, columns = pixels.shape[:2]
        planes = enlarged(self._soft_scene, self.scene.levels, top, left, rows, columns)
        colors, rough, leafy = planes[:-2], planes[-2], planes[-1]
        if len(colors) == 3:
            # Leaves and grain are warmer or cooler than what they are on.
            hue = self._hue(rough, leafy, top, left)
            colors[0] += hue
            colors[2] -= hue
        fine = self._fine(rough, leafy, top, left)
        for channel, plane in enumerate(colors):
            plane += fine
            plane >>= np.int16(3)
            np.clip(plane, _ZERO, _WHITE, out=plane)
            np.copyto(pixels[..., channel], plane, casting="unsafe")

    def _fine(self, rough: Plane, leafy: Plane, top: int, left: int) -> Plane:
        """Return what is added to all colors, in eighths of a level, by the two strengths."""
        scene, source = self.scene, self._source
        place = top, left, *rough.shape
        fine = scene.rough.part(source.rough, *place)
        fine *= np.int16(16 - scene.grain_gain)
        fine += scene.grain.part(source.grain, *place) * np.int16(scene.grain_gain)
        fine >>= np.int16(4)
        fine *= rough
        fine >>= np.int16(4)
        leaves = scene.leafy.part(source.leafy, *place)
        leaves *= leafy
        leaves >>= np.int16(4)
        fine += leaves
        return fine

    def _hue(self, rough: Plane, leafy: Plane, top: int, left: int) -> Plane:
        """Return what is added to red and taken from blue, in eighths of a level."""
        scene, source = self.scene, self._source
        place = top, left, *rough.shape
        hue = scene.leafy.part(source.hue, *place)
        hue *= np.minimum(leafy, np.int16(_MOST_HUE))
        hue >>= np.int16(7)
        hue *= np.int16(scene.hue_gain)
        tinge = scene.tinge.part(source.grain, *place)
        tinge *= rough
        tinge >>= np.int16(7)
        tinge *= np.int16(scene.tinge_gain)
        hue += tinge
        return hue

    def _soft_scene(self, top: int, left: int, rows: int, columns: int) -> Plane:
        """Return a part of the scene with edges as soft as a lens leaves them: 1:2:1 both ways."""
        planes = self._sharp_scene(top - 1, left - 1, rows + 2, columns + 2)
        tall = planes[:, 1:-1] << np.int16(1)
        tall += planes[:, :-2]
        tall += planes[:, 2:]
        wide: Plane = tall[..., 1:-1] << np.int16(1)
        wide += tall[..., :-2]
        wide += tall[..., 2:]  # up to 16 * 2,040, just below 2 ** 15
        wide >>= np.int16(4)
        return wide

    def _sharp_scene(self, top: int, left: int, rows: int, columns: int) -> Plane:
        """Return colors, and the strengths of rough and leafy: int16 of shape (colors + 2, ...)."""
        scene, source, tables = self.scene, self._source, self.scene.tables
        place = top, left, rows, columns
        looks, height, mottle, shadow = self._looks(*place)
        light = scene.leaves.part(source.shade, *place)
        light *= _looked_up(tables.shaded, looks)
        light >>= np.int16(4)
        light += mottle * _looked_up(tables.mottled, looks) >> np.int16(6)
        light += (height >> np.int16(6)) * _looked_up(tables.sloped, looks)
        light += scene.light.part(source.cloud, *place) * np.int16(scene.brightness) >> np.int16(4)
        light -= shadow * np.int16(scene.shadow_depth)
        planes = np.empty((len(self._colors) + 2, rows, columns), np.int16)
        # What is lit is warmer, what is in the shade is cooler.
        warmth = light >> np.int16(3)
        tones = (light,) if len(self._colors) == 1 else (light + warmth, light, light - warmth)
        for plane, color, tone in zip(planes, self._colors, tones):
            np.add(_looked_up(color, looks), tone, out=plane)
            np.clip(plane, _ZERO, _LIGHTEST, out=plane)
        calm = scene.calm.part(source.cloud, *place)
        calm *= np.int16(scene.unevenness)
        calm >>= np.int16(6)
        for plane, table in zip(planes[-2:], (tables.rough, tables.leafy)):
            exponent = _looked_up(table, looks)
            exponent += calm
            np.clip(exponent, _ZERO, _MOST, out=exponent)
            np.copyto(plane, _looked_up(exponential(), exponent))
        return planes

    def _looks(
        self, top: int, left: int, rows: int, columns: int
    ) -> tuple[npt.NDArray[np.uint8], Plane, Plane, npt.NDArray[np.bool_]]:
        """Return region and label, the field that regions are parts of, mottle, and shadow."""
        scene, source = self.scene, self._source
        # What casts shadows may stand above and left of the part.
        place = top - _SHADOW, left - _SHADOW, rows + _SHADOW, columns + _SHADOW
        mottle = scene.mottle.part(source.cloud, *place)
        height = scene.hills.part(source.cloud, *place)
        height *= np.int16(scene.hilliness)
        height >>= np.int16(2)
        height += mottle * np.int16(scene.roughness) >> np.int16(4)
        ramp = np.arange(top - _SHADOW, top + rows, dtype=np.int64) * scene.ramp >> 16
        height += np.clip(ramp, -_MOST_RAMP, _MOST_RAMP).astype(np.int16)[:, None]
        looks = scene.leaves.part(source.labels, *place).astype(np.uint8)
        for horizon in scene.horizons:
            looks += (height > horizon).view(np.uint8) << np.uint8(LABEL_BITS)
        relief = _looked_up(scene.tables.relief, looks)
        here = slice(_SHADOW, None), slice(_SHADOW, None)
        shadow = relief[:-_SHADOW, :-_SHADOW] > relief[here]
        return looks[here], height[here], mottle[here], shadow


def _looked_up(table: Plane, places: npt.NDArray[Any]) -> Plane:
    # Every place is in the table; clipping only spares a check.
    return np.take(table, places, mode="clip")
