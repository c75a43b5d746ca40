"""Images of photo content, made in integers from a few textures.

An image is a scene, enlarged from half the resolution or less, with fine textures and grain on it.
Their strengths depend on the material below and on a smooth field, so some places are calm and
some are busy. Each row can be made alone. docs/photo-content.md explains all of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.content.base import Pixels
from imagine_gen.content.photo.leaves import LABEL_BITS
from imagine_gen.content.photo.scene import MOST_EXPONENT, STRENGTHS, Scene
from imagine_gen.content.photo.textures import Plane, Textures, Window, enlarged, textures
from imagine_gen.dataset.formats import CHANNELS
from imagine_gen.random_streams import Draw, RandomStream

_TILE_PIXELS = 3 << 15  # whose planes stay in a core's cache
_TILE_COLUMNS = 1 << 12
_OPAQUE = 255
# Bounds have the type of the numbers they bound: NumPy takes long to convert other types.
_ZERO, _WHITE = np.int16(0), np.int16(255)
_LIGHTEST = np.int16(255 * 8)  # Scenes are in eighths of a level.
_MOST = np.int16(MOST_EXPONENT)
_MOST_HUE = np.int16(48)  # leaves get no more colorful above this strength, or they look garish
_SHADOW = 2  # how far shadows fall to the right and down, in pixels of the scene
_MOST_RAMP = 1 << 14


class PhotoContent(NamedTuple):
    """Photo content of a seed, for images of `width` x `height` pixels of a mode.

    The first image in a process also makes the textures, which takes about a quarter of a second.
    """

    seed: int
    width: int
    height: int
    mode: str

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""
        return self._image(Draw.PHOTO, index).rows

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip of the pool: a band of an image of its own."""
        return self._strip(Draw.PHOTO_STRIP, number, rows)

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a pooled image's one strip that is in no pool."""
        return self._strip(Draw.FRESH_STRIP, index, rows)

    def _strip(self, draw: Draw, number: int, rows: int) -> npt.NDArray[np.uint8]:
        image = self._image(draw, number)
        top = image.scene.strip_top(self.height - rows)
        return image.rows(top, top + rows)

    def _image(self, draw: Draw, number: int) -> PhotoImage:
        scene = Scene(RandomStream(self.seed, draw, number), self.width, self.height)
        return PhotoImage(textures(self.seed), scene, self.width, self.mode)


class PhotoImage:
    """The pixels of one image, made when they are asked for."""

    def __init__(self, source: Textures, scene: Scene, width: int, mode: str) -> None:
        self.scene = scene
        self._source = source
        self._width = width
        self._channels = CHANNELS[mode]
        self._colors = scene.tables.colors[3:] if mode == "L" else scene.tables.colors[:3]

    def rows(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> npt.NDArray[np.uint8]:
        """Return rows of pixels, or columns of them. Bands of about 64 rows are made fastest."""
        width = (self._width if right is None else right) - left
        pixels = np.empty((bottom - top, width, self._channels), np.uint8)
        if self._channels == 4:
            pixels[..., 3] = _OPAQUE
        tile_columns = min(width, _TILE_COLUMNS)
        tiles = -(-len(pixels) * tile_columns // _TILE_PIXELS)
        tile_rows = -(-len(pixels) // tiles)
        for row in range(0, len(pixels), tile_rows):
            for column in range(0, width, tile_columns):
                tile = pixels[row : row + tile_rows, column : column + tile_columns]
                self._fill(tile, Window(top + row, left + column, *tile.shape[:2]))
        return pixels.reshape(-1)

    def _fill(self, pixels: npt.NDArray[np.uint8], window: Window) -> None:
        planes = enlarged(self._soft_scene, self.scene.doublings, window)
        colors, rough, leafy = planes[:-2], planes[-2], planes[-1]
        if len(colors) == 3:
            # Leaves and grain are warmer or cooler than the ground.
            hue = self._hue(rough, leafy, window)
            colors[0] += hue
            colors[2] -= hue
        fine = self._fine(rough, leafy, window)
        for channel, plane in enumerate(colors):
            plane += fine
            plane >>= np.int16(3)
            np.clip(plane, _ZERO, _WHITE, out=plane)
            np.copyto(pixels[..., channel], plane, casting="unsafe")

    def _fine(self, rough: Plane, leafy: Plane, window: Window) -> Plane:
        """Return the addition to all colors, in eighths of a level, by the two strengths."""
        scene, source = self.scene, self._source
        fine = scene.rough.apply(source.rough, window)
        fine *= np.int16(16 - scene.grain_gain)
        fine += scene.grain.apply(source.grain, window) * np.int16(scene.grain_gain)
        fine >>= np.int16(4)
        fine = _scaled(fine, rough, 4)
        fine += _scaled(scene.leafy.apply(source.leafy, window), leafy, 4)
        return fine

    def _hue(self, rough: Plane, leafy: Plane, window: Window) -> Plane:
        """Return the addition to red, and subtraction from blue, in eighths of a level."""
        scene, source = self.scene, self._source
        hue = _scaled(scene.leafy.apply(source.hue, window), np.minimum(leafy, _MOST_HUE), 7)
        hue *= np.int16(scene.hue_gain)
        tinge = _scaled(scene.tinge.apply(source.grain, window), rough, 7)
        tinge *= np.int16(scene.tinge_gain)
        hue += tinge
        return hue

    def _soft_scene(self, window: Window) -> Plane:
        """Return a window of the scene with edges as soft as a lens makes them: 1:2:1 both ways."""
        planes = self._sharp_scene(window.grown(1, 1))
        tall = planes[:, 1:-1] << np.int16(1)
        tall += planes[:, :-2]
        tall += planes[:, 2:]
        wide: Plane = tall[..., 1:-1] << np.int16(1)
        wide += tall[..., :-2]
        wide += tall[..., 2:]  # up to 16 * 2,040, just below 2 ** 15
        wide >>= np.int16(4)
        return wide

    def _sharp_scene(self, window: Window) -> Plane:
        """Return colors, and the strengths of rough and leafy: int16 of shape (colors + 2, ...)."""
        scene, source, tables = self.scene, self._source, self.scene.tables
        looks, height, mottle, shadow = self._ground(window)
        light = scene.leaves.apply(source.shade, window)
        light = _scaled(light, _looked_up(tables.shaded, looks), 4)
        light += mottle * _looked_up(tables.mottled, looks) >> np.int16(6)
        light += (height >> np.int16(6)) * _looked_up(tables.sloped, looks)
        light += scene.light.apply(source.cloud, window) * np.int16(scene.brightness) >> np.int16(4)
        light -= shadow * np.int16(scene.shadow_depth)
        planes = np.empty((len(self._colors) + 2, window.rows, window.columns), np.int16)
        # Lit places are warmer, shaded places are cooler.
        warmth = light >> np.int16(3)
        tones = (light,) if len(self._colors) == 1 else (light + warmth, light, light - warmth)
        for plane, color, tone in zip(planes, self._colors, tones):
            np.add(_looked_up(color, looks), tone, out=plane)
            np.clip(plane, _ZERO, _LIGHTEST, out=plane)
        calm = scene.calm.apply(source.cloud, window)
        calm = _scaled(calm, np.int16(scene.unevenness), 6)
        for plane, table in zip(planes[-2:], (tables.rough, tables.leafy)):
            exponent = _looked_up(table, looks)
            exponent += calm
            np.clip(exponent, _ZERO, _MOST, out=exponent)
            np.copyto(plane, _looked_up(STRENGTHS, exponent))
        return planes

    def _ground(
        self, window: Window
    ) -> tuple[npt.NDArray[np.uint8], Plane, Plane, npt.NDArray[np.bool_]]:
        """Return the scene before it is colored.

        These are the region and label of each place, the field that divides into regions, mid-sized
        noise, and whether a place is in a shadow.
        """
        scene, source = self.scene, self._source
        window = window.grown(_SHADOW, 0)  # for objects above and left that cast shadows here
        mottle = scene.mottle.apply(source.cloud, window)
        height = scene.hills.apply(source.cloud, window)
        height = _scaled(height, np.int16(scene.hilliness), 2)
        height += mottle * np.int16(scene.roughness) >> np.int16(4)
        rows = np.arange(window.top, window.top + window.rows, dtype=np.int64)
        ramp = np.clip(rows * scene.ramp >> 16, -_MOST_RAMP, _MOST_RAMP)
        height += ramp.astype(np.int16)[:, None]
        looks = scene.leaves.apply(source.labels, window).astype(np.uint8)
        for horizon in scene.horizons:
            looks += (height > horizon).view(np.uint8) << np.uint8(LABEL_BITS)
        relief = _looked_up(scene.tables.relief, looks)
        here = slice(_SHADOW, None), slice(_SHADOW, None)
        shadow = relief[:-_SHADOW, :-_SHADOW] > relief[here]
        return looks[here], height[here], mottle[here], shadow


def _scaled(plane: Plane, factor: Plane | np.int16, bits: int) -> Plane:
    """Return a plane multiplied in place by a factor that has so many bits after the point."""
    plane *= factor
    plane >>= np.int16(bits)
    return plane


def _looked_up(table: Plane, places: npt.NDArray[Any]) -> Plane:
    # All places are within the table; clipping only avoids a check.
    return np.take(table, places, mode="clip")
