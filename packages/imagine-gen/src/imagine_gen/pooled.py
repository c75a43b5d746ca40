"""Pooled images: assembled from strips of rows that were encoded once.

Encoding takes most of the time of making an image. Pooled images are much faster to make, because
a strip has the same bytes anywhere in any image; but strips recur.

Strips are dealt like cards, so that no two images are equal. The first strips are the digits of the
image's index, scrambled one to one, in a number system with as many digits as there are ways to
deal. So different indexes always give different strips. The other strips are dealt from a random
stream. No strip comes twice in an image, unless the image has more strips than the pool; then the
whole pool is dealt again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

import numpy as np

from imagine_common.errors import UsageError
from imagine_gen.content.choose import content_of
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder, RowStrips, Strip
from imagine_gen.random_streams import BlockStream, Draw, scramble

_DEFAULT_STRIPS = 256
_DEFAULT_MAX_BYTES = 1 << 27
_MAX_BYTES = 1 << 33
_INDEX_BITS = 63


class PooledEncoder(ImageEncoder, Generic[Strip]):
    """Assembles images from the strips of a pool."""

    def __init__(
        self, spec: DatasetSpec, strip_format: RowStrips[Strip], pool: Sequence[Strip]
    ) -> None:
        self._strip_format = strip_format
        self._content = content_of(spec)
        self._pool = pool
        self._dealer = Dealer(spec.seed, len(pool), strip_format.count, strip_format.uncut)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        strips = [self._pool[pick] for pick in self._dealer.deal(index)]
        if index >= self._dealer.combinations:
            pixels = self._content.fresh_strip(index, self._strip_format.rows)
            strips[0] = self._strip_format.encode(pixels)
        return EncodedImage(self._strip_format.assemble(strips))


def make_pool(spec: DatasetSpec, strip_format: RowStrips[Strip], pools: int) -> list[Strip]:
    """Return the strips of a pool, all different.

    So many `pools` of the dataset share the memory; over 8 GiB of pixels are a `UsageError`.
    """
    strip_bytes = strip_format.rows * spec.row_bytes
    wanted = spec.pool_strips or default_pool_strips(strip_format.count, strip_bytes * pools)
    if wanted * strip_bytes * pools > _MAX_BYTES:
        raise UsageError(
            f"argument --pool-strips: {wanted} strips of {strip_bytes * pools} bytes are over"
            f" 8 GiB; at most {max(1, _MAX_BYTES // (strip_bytes * pools))} fit"
        )
    pixels = content_of(spec).pool_strip
    strips = (strip_format.encode(pixels(number, strip_format.rows)) for number in range(wanted))
    # Tiny strips can be equal by chance. Images differ only if all strips of the pool do.
    return list(dict.fromkeys(strips))


def default_pool_strips(strips_in_image: int, strip_bytes: int) -> int:
    """Return the default number of strips in a pool: enough for an image, within 128 MiB."""
    return max(1, min(max(_DEFAULT_STRIPS, strips_in_image), _DEFAULT_MAX_BYTES // strip_bytes))


class Dealer:
    """Deals images of so many `strips` from a pool of so many.

    The first `uncut` strips make images differ: cut strips can be equal. They differ in so many
    `combinations`; images from this index on need a fresh strip as the first.
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

    def deal(self, index: int) -> list[int]:
        """Return the places of an image's strips in the pool."""
        offsets: list[int] = []
        if index < self.combinations:
            # The digits of the index, each below the number of strips left at its place.
            number = scramble(index, self.combinations)
            for left in self._radices:
                number, digit = divmod(number, left)
                offsets.append(digit)
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
        return picks
