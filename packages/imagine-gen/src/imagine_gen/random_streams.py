"""The random bytes that images are made of, and a permutation; see docs/reproducibility.md.

The raw words of the bit generator are the same in every NumPy version (NEP 19). The methods of
`numpy.random.Generator` are not.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt

_WORD_BYTES = 8
_TABLE_WORDS = 1 << 16
_PIECE_WORDS = 1 << 14
_ODD = np.uint64(1)
_IMAGES_IN_BLOCK = 4096
_JUMP = 0x9E3779B97F4A7C15F39CC0605CEDC835  # words, as in `numpy.random.PCG64DXSM.jumped`
# From SplitMix64 (Steele, Lea and Flood, OOPSLA 2014); any odd numbers give a permutation.
_INCREMENT = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


class Draw(IntEnum):
    """The purposes of random streams. Each has streams of its own, so none shifts another."""

    PIXELS = 0  # of an image
    POOL = 1  # the pixels of a strip in the pool
    DEAL = 2  # the choice of strips for an image (`BlockStream`)
    FRESH_STRIP = 3  # the pixels of a pooled image's one strip that is in no pool
    DIMENSIONS = 4  # of an image (`BlockStream`)
    TARGET_SIZE = 5  # of an image's file, in bytes (`BlockStream`)
    PHOTO_TEXTURE = 6  # the textures that photo content is cut from
    PHOTO = 7  # the composition of an image of photo content
    PHOTO_STRIP = 8  # the composition of a strip of photo content
    TABLE = 9  # the words that the data of direct images come from (`FastStream`)
    DIRECT = 10  # the places and factors of direct images; image I reads from jump I
    ORIGINAL = 11  # the choice of an original that an image repeats (`BlockStream`)


class RandomStream:
    """A stream of random 64-bit words, little-endian, as bytes.

    The generator is PCG64DXSM (M. E. O'Neill, HMC-CS-2014-0905, with the DXSM output function),
    seeded by `numpy.random.SeedSequence(seed, spawn_key=(draw, index))`.
    """

    def __init__(self, seed: int, draw: Draw, index: int) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(int(draw), index))
        self._generator = np.random.PCG64DXSM(sequence)
        self._word = 0
        self._jumps = 0

    def jump(self, jumps: int) -> None:
        """Move to a place that no other reaches; it becomes offset 0 (NumPy's `jumped(jumps)`)."""
        self._generator.advance((jumps - self._jumps) * _JUMP - self._word)
        self._word = 0
        self._jumps = jumps

    def read(self, offset: int, size: int) -> npt.NDArray[np.uint8]:
        """Return `size` bytes from an offset on: uint8 of shape (size,). Reading on is fastest."""
        first, skipped = divmod(offset, _WORD_BYTES)
        end = -(-(offset + size) // _WORD_BYTES)
        if first != self._word:
            self._generator.advance(first - self._word)
        words = self._generator.random_raw(end - first)
        self._word = end
        octets: npt.NDArray[np.uint8] = words.astype("<u8", copy=False).view(np.uint8)
        return octets[skipped : skipped + size]


class FastStream:
    """Random bytes at the speed of memory, in pieces of 128 KiB.

    A piece is a part of a table of random words, from a random place on, with each word multiplied
    by a random odd factor (modulo 2**64), so two pieces are equal only by a chance of
    about 2**-78.
    """

    def __init__(self, seed: int) -> None:
        self._table = _table(seed)
        self._keys = RandomStream(seed, Draw.DIRECT, 0)

    def jump(self, index: int) -> None:
        """Move to the bytes of an image."""
        self._keys.jump(index)

    def read(self, offset: int, size: int) -> npt.NDArray[np.uint8]:
        """Return `size` bytes from an offset on: uint8 of shape (size,), a new array."""
        first, skipped = divmod(offset, _WORD_BYTES)
        end = -(-(offset + size) // _WORD_BYTES)
        words = np.empty(end - first, np.uint64)
        for piece in range(first // _PIECE_WORDS, -(-end // _PIECE_WORDS)):
            begin = piece * _PIECE_WORDS
            place, factor = self._keys.read(2 * _WORD_BYTES * piece, 2 * _WORD_BYTES).view("<u8")
            here = slice(max(first, begin), min(end, begin + _PIECE_WORDS))
            place = int(place) * (_TABLE_WORDS - _PIECE_WORDS) >> 64
            source = self._table[place + here.start - begin : place + here.stop - begin]
            np.multiply(source, factor | _ODD, out=words[here.start - first : here.stop - first])
        octets: npt.NDArray[np.uint8] = words.astype("<u8", copy=False).view(np.uint8)
        return octets[skipped : skipped + size]


@lru_cache(maxsize=1)  # Encoders for many dimensions share it.
def _table(seed: int) -> npt.NDArray[np.uint64]:
    octets = RandomStream(seed, Draw.TABLE, 0).read(0, _WORD_BYTES * _TABLE_WORDS)
    return octets.view("<u8").astype(np.uint64, copy=False)


class BlockStream:
    """Random words for each image, for any thread. Seeding takes long: 4,096 images share it."""

    def __init__(self, seed: int, draw: Draw, words_per_image: int) -> None:
        self._seed = seed
        self._draw = draw
        self._size = _WORD_BYTES * words_per_image
        self._block = -1
        self._lock = Lock()  # a stream counts the words that it has read

    def words(self, index: int) -> npt.NDArray[np.uint64]:
        """Return the words of an image, as little-endian uint64 of shape (words_per_image,)."""
        block, image = divmod(index, _IMAGES_IN_BLOCK)
        with self._lock:
            if block != self._block:
                self._block = block
                self._stream = RandomStream(self._seed, self._draw, block)
            return self._stream.read(self._size * image, self._size).view("<u8")


shared_stream = lru_cache(maxsize=8)(BlockStream)


def scramble(number: int, size: int) -> int:
    """Return the number below `size` that a permutation has in place of `number`, far from it."""
    bits = (size - 1).bit_length()
    mask = (1 << bits) - 1
    shift = bits // 2 + 1
    while True:
        number = number + _INCREMENT & mask
        for multiplier in _MULTIPLIERS:
            number = (number ^ number >> shift) * multiplier & mask
        number ^= number >> shift
        # Every step is invertible, so repeating it outside the range ends inside it.
        if number < size:
            return number
