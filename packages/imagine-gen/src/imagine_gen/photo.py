"""Photo content: images with a photograph's statistics, made in integers from a few textures.

An image is a scene at half the resolution or less (regions that a smooth field tells apart, with
leaves on them, lit by smooth noise), enlarged, with detail and grain at full resolution. How strong
those are varies with region and leaf and along a smooth field, so some places are calm and some
busy. Every row can be made alone: what is cut from the textures where, and how it is colored, is
drawn per image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from imagine_gen.photo_scene import MOST_EXPONENT, Cut, Scene, draw_scene, exponential
from imagine_gen.photo_textures import LABEL_BITS, Plane, Texture, Textures, doubled, textures
from imagine_gen.spec import CHANNELS
from imagine_gen.streams import Draw, RandomStream

_TILE_PIXELS = 1 << 16  # whose planes stay in a core's cache
_OPAQUE = 255
_MOST_HUE = 48  # so that busy places are not garish
SHADOW = 2  # how far shadows fall, in pixels of the scene


class PhotoContent:
    """Photo content of a dataset: `width` x `height` pixels of a mode, by a seed."""

    def __init__(self, seed: int, width: int, height: int, mode: str) -> None:
        self._seed = seed
        self._size = width, height
        self._mode = mode

    def image(self, index: int) -> PhotoImage:
        """Return an image, of which nothing is made yet."""
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
        self._mode = mode
        self._colors = [3] if mode == "L" else [0, 1, 2]

    def rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """Return the rows from `top` to before `bottom`: uint8, flat.

        Their pixels are the same whichever rows are asked for together.
        """
        channels = CHANNELS[self._mode]
        pixels = np.empty((bottom - top, self._width, channels), np.uint8)
        if channels == 4:
            pixels[..., 3] = _OPAQUE
        step_down = max(2, min(bottom - top, _TILE_PIXELS // self._width))
        step_right = min(self._width, _TILE_PIXELS)
        for row in range(top, bottom, step_down):
            end = min(bottom, row + step_down)
            for left in range(0, self._width, step_right):
                right = min(self._width, left + step_right)
                self._fill(pixels[row - top : end - top, left:right], row, left)
        return pixels.reshape(-1)

    def _fill(self, pixels: npt.NDArray[np.uint8], top: int, left: int) -> None:
        scene = self.scene
        rows, columns = pixels.shape[:2]
        planes = _enlarged(self._softened_part, scene.levels, top, left, rows, columns)
        source = self._source
        place = top, left, rows, columns
        fine = _cut(source.rough, scene.rough, *place)
        fine *= np.int16(16 - scene.grain_gain)
        fine += _cut(source.grain, scene.grain, *place) * np.int16(scene.grain_gain)
        fine >>= np.int16(4)
        fine *= planes[-2]
        fine >>= np.int16(4)
        leafy = _cut(source.leafy, scene.leafy, *place)
        leafy *= planes[-1]
        leafy >>= np.int16(4)
        fine += leafy
        if len(planes) > 3:
            hue = _cut(source.hue, scene.leafy, *place)
            hue *= np.minimum(planes[-1], np.int16(_MOST_HUE))
            hue >>= np.int16(7)
            hue *= np.int16(scene.hue_gain)
            tinge = _cut(source.grain, scene.tinge, *place)
            tinge *= planes[-2]
            tinge >>= np.int16(7)
            tinge *= np.int16(scene.tinge_gain)
            hue += tinge
            planes[0] += hue
            planes[2] -= hue
        for channel, plane in enumerate(planes[:-2]):
            plane += fine
            plane >>= np.int16(3)
            np.clip(plane, 0, 255, out=plane)
            np.copyto(pixels[..., channel], plane, casting="unsafe")

    def _softened_part(self, top: int, left: int, rows: int, columns: int) -> Plane:
        """Return a part of the scene whose edges are as soft as a lens leaves them."""
        planes = self._scene_part(top - 1, left - 1, rows + 2, columns + 2)
        tall = planes[:, 1:-1] << np.int16(1)
        tall += planes[:, :-2]
        tall += planes[:, 2:]
        wide = tall[..., 1:-1] << np.int16(1)
        wide += tall[..., :-2]
        wide += tall[..., 2:]  # up to 16 * 2,040, just below 2 ** 15
        wide >>= np.int16(4)
        return wide

    def _scene_part(self, top: int, left: int, rows: int, columns: int) -> Plane:
        """Return colors and strength of the fine parts: int16 of shape (colors + 1, rows, columns).

        Colors are in eighths of a level.
        """
        scene, source = self.scene, self._source
        tables = scene.tables
        # What casts shadows may stand above and left of the part.
        top, left = top - SHADOW, left - SHADOW
        rows, columns = rows + SHADOW, columns + SHADOW
        mottle = _cut(source.cloud, scene.mottle, top, left, rows, columns)
        height = _cut(source.cloud, scene.hills, top, left, rows, columns)
        height *= np.int16(scene.hilliness)
        height >>= np.int16(2)
        height += mottle * np.int16(scene.roughness) >> np.int16(4)
        ramp = np.arange(top, top + rows, dtype=np.int64) * scene.ramp >> 16
        height += np.clip(ramp, -16_384, 16_384).astype(np.int16)[:, None]
        looks = source.labels.cut(
            scene.leaves.turn, scene.leaves.top + top, scene.leaves.left + left, rows, columns
        )
        for level in scene.horizons:
            looks += (height > level).view(np.uint8) << np.uint8(LABEL_BITS)
        relief = _looked_up(tables.relief, looks)
        here = slice(SHADOW, None), slice(SHADOW, None)
        looks, height, mottle = looks[here], height[here], mottle[here]
        top, left, rows, columns = top + SHADOW, left + SHADOW, rows - SHADOW, columns - SHADOW
        place = top, left, rows, columns

        light = _cut(source.shade, scene.leaves, *place)
        light *= _looked_up(tables.shaded, looks)
        light >>= np.int16(4)
        light += mottle * _looked_up(tables.mottled, looks) >> np.int16(6)
        height >>= np.int16(6)
        light += height * _looked_up(tables.sloped, looks)
        light += _cut(source.cloud, scene.light, *place) * np.int16(scene.brightness) >> np.int16(4)
        shadow = relief[:-SHADOW, :-SHADOW] > relief[here]
        light -= shadow * np.int16(scene.shadow_depth)
        calm = _cut(source.cloud, scene.calm, *place)
        calm *= np.int16(scene.unevenness)
        calm >>= np.int16(6)
        planes = np.empty((len(self._colors) + 2, rows, columns), np.int16)
        for plane, color in zip(planes, self._colors):
            np.add(_looked_up(tables.colors[color], looks), light, out=plane)
            np.clip(plane, 0, 2040, out=plane)
        for plane, table in zip(planes[-2:], (tables.rough, tables.leafy)):
            exponent = _looked_up(table, looks)
            exponent += calm
            np.clip(exponent, 0, MOST_EXPONENT, out=exponent)
            np.copyto(plane, _looked_up(exponential(), exponent))
        return planes


def _looked_up(table: Plane, places: npt.NDArray[Any]) -> Plane:
    return np.take(table, places, mode="clip")


def _cut(texture: Texture, cut: Cut, top: int, left: int, rows: int, columns: int) -> Plane:
    """Return a part of a texture as it was cut, turned and enlarged for an image."""

    def part(top: int, left: int, rows: int, columns: int) -> Plane:
        piece = texture.cut(cut.turn, cut.top + top, cut.left + left, rows, columns)
        return piece.astype(np.int16, copy=False)

    return _enlarged(part, cut.levels, top, left, rows, columns)


def _enlarged(
    part: Callable[[int, int, int, int], Plane],
    levels: int,
    top: int,
    left: int,
    rows: int,
    columns: int,
) -> Plane:
    """Return a part of what `part` gives the parts of, doubled so many times."""
    if not levels:
        return part(top, left, rows, columns)
    first_row, first_column = (top >> 1) - 1, (left >> 1) - 1
    row_count = ((top + rows - 1) >> 1) + 2 - first_row
    column_count = ((left + columns - 1) >> 1) + 2 - first_column
    whole = doubled(_enlarged(part, levels - 1, first_row, first_column, row_count, column_count))
    row, column = top & 1, left & 1
    return whole[..., row : row + rows, column : column + columns]
