"""The choice of an image's strips: dealt like cards, so that no two images are equal.

The first strips are the digits of the image's index, scrambled one to one, in a number system with
as many digits as there are ways to deal. So different indexes always give different strips. The
other strips are dealt from a random stream. No strip comes twice in an image, unless the image has
more strips than the pool; then the whole pool is dealt again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagine_gen.random_streams import BlockStream, Draw
from imagine_gen.scramble import scramble

_INDEX_BITS = 63


class Deal(NamedTuple):
    """The strips of an image: their places in the pool, and whether a fresh one replaces the first.

    A fresh strip is needed when all combinations of the pool's strips are used.
    """

    picks: list[int]
    first_is_fresh: bool


class Dealer:
    """Deals images of so many `strips` from a pool of so many.

    The first `uncut` strips make images differ: cut strips can be equal.
    """

    def __init__(self, seed: int, pool: int, strips: int, uncut: int) -> None:
        self._tops = [place % pool for place in range(strips)]
        self._left = np.array([pool - top for top in self._tops], np.uint64)
        digits = 0
        self.combinations = 1
        while digits < uncut and self.combinations < 1 << _INDEX_BITS:
            self.combinations *= int(self._left[digits])
            digits += 1
        self._radices = self._left[:digits].tolist()
        self._stream = BlockStream(seed, Draw.DEAL, strips)

    def deal(self, index: int) -> Deal:
        """Return the strips of an image; the first is fresh from index `combinations` on."""
        fresh = index >= self.combinations
        offsets = [] if fresh else self._digits(index)
        if len(offsets) < len(self._tops):
            words = self._stream.words(index) % self._left
            offsets += words.tolist()[len(offsets) :]
        moved: dict[int, int] = {}  # the cards that left their place in a new deck
        picks = []
        for top, offset in zip(self._tops, offsets):
            # The shuffle of Fisher and Yates, for as many cards as the image needs.
            pick = moved.get(top + offset, top + offset)
            moved[top + offset] = moved.get(top, top)
            moved[top] = pick
            picks.append(pick)
        return Deal(picks, fresh)

    def _digits(self, index: int) -> list[int]:
        """Return the digits of an index, each below the number of strips left at its place."""
        number = scramble(index, self.combinations)
        digits = []
        for left in self._radices:
            number, digit = divmod(number, left)
            digits.append(digit)
        return digits
