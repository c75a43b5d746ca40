"""The random bytes that images are made of, as docs/reproducibility.md promises them.

Raw words of the bit generator are used as they come: they are the same in every NumPy version
(NEP 19), which the methods of `numpy.random.Generator` are not, and need no arithmetic.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

_WORD_BYTES = 8


class Draw(IntEnum):
    """What is drawn. Each has streams of its own, so that none shifts what another draws."""

    PIXELS = 0  # of an image
    POOL = 1  # the pixels of a strip in the pool
    DEAL = 2  # which strips images get; a stream for every 4,096 images
    FRESH_STRIP = 3  # the pixels of the one strip of an image that is in no pool
    DIMENSIONS = 4  # of images, where they vary; a stream for every 4,096 images
    TARGET_SIZE = 5  # how many bytes files have, where that varies; a stream for every 4,096
    PHOTO_TEXTURE = 6  # the textures that photo content is cut from
    PHOTO = 7  # how an image of photo content is composed
    PHOTO_STRIP = 8  # how a strip of photo content is composed


class RandomStream:
    """A stream of random 64-bit words, little-endian, as bytes.

    The generator is PCG64DXSM (M. E. O'Neill, HMC-CS-2014-0905, with the DXSM output function),
    seeded by `numpy.random.SeedSequence(seed, spawn_key=(draw, index))`.
    """

    def __init__(self, seed: int, draw: Draw, index: int) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(int(draw), index))
        self._generator = np.random.PCG64DXSM(sequence)
        self._word = 0

    def read(self, offset: int, size: int) -> npt.NDArray[np.uint8]:
        """Return `size` bytes from an offset on, as uint8 of shape (size,).

        Reading on from where the last call ended is fastest; going elsewhere costs microseconds.
        """
        first, skipped = divmod(offset, _WORD_BYTES)
        end = -(-(offset + size) // _WORD_BYTES)
        if first != self._word:
            self._generator.advance(first - self._word)
        words = self._generator.random_raw(end - first)
        self._word = end
        octets: npt.NDArray[np.uint8] = words.astype("<u8", copy=False).view(np.uint8)
        return octets[skipped : skipped + size]
