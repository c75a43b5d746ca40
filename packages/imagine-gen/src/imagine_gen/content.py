"""What images show: where their pixels come from, whatever the format that they are written in."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from imagine_gen.dealing import scramble
from imagine_gen.spec import DatasetSpec
from imagine_gen.streams import Draw, RandomStream

_INDEX_BYTES = 8


class Pixels(Protocol):
    """The pixels of one image."""

    def rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """Return rows of pixels: uint8 of shape ((bottom - top) * width * channels,)."""


class Content(Protocol):
    """The pixels of a dataset's images, which are all of one size."""

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip in the pool: uint8 of shape (rows * width * channels,)."""

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of the one strip of a pooled image that is in no pool."""


def content_of(spec: DatasetSpec) -> Content:
    """Return what the images of a dataset show."""
    if spec.content == "photo":
        return Photo(spec)
    return Noise(spec)


class Noise:
    """Random bytes: the worst case for every codec."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._seed = spec.seed
        self._row_bytes = spec.row_bytes

    def image(self, index: int) -> NoiseImage:
        """Return the pixels of a fresh image."""
        return NoiseImage(RandomStream(self._seed, Draw.PIXELS, index), self._row_bytes)

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip in the pool."""
        return self._strip(Draw.POOL, number, rows)

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return random pixels that begin with the index, scrambled: so no two are the same."""
        pixels = self._strip(Draw.FRESH_STRIP, index, rows)
        told = scramble(index, 1 << 8 * _INDEX_BYTES).to_bytes(_INDEX_BYTES, "little")
        told = told[: len(pixels)]
        pixels[: len(told)] = np.frombuffer(told, np.uint8)
        return pixels

    def _strip(self, draw: Draw, index: int, rows: int) -> npt.NDArray[np.uint8]:
        return RandomStream(self._seed, draw, index).read(0, rows * self._row_bytes)


class NoiseImage:
    """The pixels of one image of noise; reading them from the top down is fastest."""

    def __init__(self, stream: RandomStream, row_bytes: int) -> None:
        self._stream = stream
        self._row_bytes = row_bytes

    def rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """Return rows of pixels."""
        return self._stream.read(top * self._row_bytes, (bottom - top) * self._row_bytes)


class Photo:
    """Images with a photograph's statistics."""

    def __init__(self, spec: DatasetSpec) -> None:
        from imagine_gen.photo import PhotoContent

        self._photos = PhotoContent(spec.seed, spec.width, spec.height, spec.mode)

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""
        return self._photos.image(index)

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip in the pool."""
        return self._photos.strip(number, rows, Draw.PHOTO_STRIP)

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of the one strip of a pooled image that is in no pool."""
        return self._photos.strip(index, rows, Draw.FRESH_STRIP)
