"""Which strips of a pool make up an image: dealt like cards, so that no two images are the same.

The first strips are the digits of the image's index, scrambled one to one, in a number system with
as many digits as there are ways to deal: different indexes give different strips by construction.
What is left is dealt from a random stream. No strip comes twice in an image, unless the image has
more strips than the pool; then the whole pool is dealt again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagine_gen.random_streams import Draw, RandomStream
from imagine_gen.scramble import scramble

_INDEX_BITS = 63
_IMAGES_IN_BLOCK = 4096


class Deal(NamedTuple):
    """The strips of an image: their numbers in the pool, and whether the first is fresh instead."""

    picks: list[int]
    first_is_fresh: bool


class Dealer:
    """Deals the strips of images.

    Parameters
    ----------
    seed : int
        The dataset's.
    pool : int
        How many strips there are.
    strips : int
        How many an image has.
    telling : int
        How many of those, the first ones, tell images apart: cut strips may be alike.
    """

    def __init__(self, seed: int, pool: int, strips: int, telling: int) -> None:
        self._seed = seed
        self._dealt = [place % pool for place in range(strips)]
        self._left = np.array([pool - dealt for dealt in self._dealt], np.uint64)
        self._digits = 0
        self.combinations = 1
        while self._digits < telling and self.combinations < 1 << _INDEX_BITS:
            self.combinations *= int(self._left[self._digits])
            self._digits += 1
        self._radices = self._left[: self._digits].tolist()
        self._block = -1

    def deal(self, index: int) -> Deal:
        """Return the strips of an image.

        Where the combinations have run out, which is so from index `combinations` on, the first
        strip has to be a fresh one.
        """
        fresh = index >= self.combinations
        offsets = [] if fresh else self._spell(index)
        offsets += self._draw(index, len(offsets))
        moved: dict[int, int] = {}  # the cards that are not where they were in a new deck
        picks = []
        for top, offset in zip(self._dealt, offsets):
            # Shuffling by Fisher and Yates, as far as cards are asked for.
            pick = moved.get(top + offset, top + offset)
            moved[top + offset] = moved.get(top, top)
            moved[top] = pick
            picks.append(pick)
        return Deal(picks, fresh)

    def _spell(self, index: int) -> list[int]:
        """Return the digits of an index, each below the number of strips left then."""
        number = scramble(index, self.combinations)
        digits = []
        for left in self._radices:
            number, digit = divmod(number, left)
            digits.append(digit)
        return digits

    def _draw(self, index: int, first: int) -> list[int]:
        """Return random numbers for the places from `first` on, each below the strips left then."""
        places = len(self._dealt)
        if first == places:
            return []
        # To seed a stream takes longer than to deal, so images share one.
        block, image = divmod(index, _IMAGES_IN_BLOCK)
        if block != self._block:
            self._block, self._stream = block, RandomStream(self._seed, Draw.DEAL, block)
        words = self._stream.read(8 * image * places, 8 * places).view("<u8")
        offsets: list[int] = (words % self._left).tolist()
        return offsets[first:]
