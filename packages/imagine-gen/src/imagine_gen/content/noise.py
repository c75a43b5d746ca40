"""Noise: random bytes, the worst case for every codec."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.content.base import Pixels
from imagine_gen.random_streams import Draw, RandomStream, scramble

_INDEX_BYTES = 8


class Noise(NamedTuple):
    """Noise of a seed, in rows of `row_bytes` bytes and pixels of `pixel_bytes`."""

    seed: int
    row_bytes: int
    pixel_bytes: int = 1

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""
        read = RandomStream(self.seed, Draw.PIXELS, index).read
        size = self.row_bytes

        def pixels(
            top: int, bottom: int, left: int = 0, right: int | None = None
        ) -> npt.NDArray[np.uint8]:
            begin = top * size + left * self.pixel_bytes
            end = bottom * size if right is None else (bottom - 1) * size + right * self.pixel_bytes
            return read(begin, end - begin)

        return pixels

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip of the pool."""
        return self._strip(Draw.POOL, number, rows)

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return random pixels that begin with the scrambled index, so that no two are alike."""
        pixels = self._strip(Draw.FRESH_STRIP, index, rows)
        begin = scramble(index, 1 << 8 * _INDEX_BYTES).to_bytes(_INDEX_BYTES, "little")
        begin = begin[: len(pixels)]
        pixels[: len(begin)] = np.frombuffer(begin, np.uint8)
        return pixels

    def _strip(self, draw: Draw, index: int, rows: int) -> npt.NDArray[np.uint8]:
        return RandomStream(self.seed, draw, index).read(0, rows * self.row_bytes)
