"""Pooled images: put together from strips of rows that were encoded once.

Encoding is what making images costs, so who needs volume more than fresh entropy gets images whose
strips come from a pool. A strip's encoded form is the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from imagine_common.atomic import Buffer
from imagine_common.errors import UsageError
from imagine_gen.dealing import Dealer, scramble
from imagine_gen.spec import DatasetSpec
from imagine_gen.streams import Draw, RandomStream

_DEFAULT_STRIPS = 256
_DEFAULT_MAX_BYTES = 1 << 27
_MAX_BYTES = 1 << 33
_INDEX_BYTES = 8
_MAX_STRIP_BYTES = 65_535
_LEAST_STRIPS_IN_IMAGE = 8

Strip = TypeVar("Strip", bound=Hashable)


class StripFormat(Protocol[Strip]):
    """What a format knows about strips.

    `rows` are in a strip and `count` strips in an image, of which all but the first `uncut` have
    rows that are not in the image's file.
    """

    rows: int
    count: int
    uncut: int

    def encode(self, pixels: npt.NDArray[np.uint8]) -> Strip:
        """Return a strip of pixels: uint8 of shape (rows * width * channels,)."""

    def assemble(self, strips: Sequence[Strip]) -> list[Buffer]:
        """Return the file of an image that consists of these strips, from the top."""


class PooledEncoder(Generic[Strip]):
    """Puts images together from a pool that depends on the dataset's specification alone.

    Raises
    ------
    UsageError
        From the constructor, where the pool would have more than 8 GiB of pixels.
    """

    def __init__(self, spec: DatasetSpec, form: StripFormat[Strip]) -> None:
        self._seed = spec.seed
        self._form = form
        self._strip_bytes = form.rows * spec.row_bytes
        wanted = spec.pool_strips or default_pool_strips(form.count, self._strip_bytes)
        if wanted * self._strip_bytes > _MAX_BYTES:
            raise UsageError(
                f"argument --pool-strips: {wanted} strips of {self._strip_bytes} bytes are over"
                f" 8 GiB; at most {max(1, _MAX_BYTES // self._strip_bytes)} fit"
            )
        strips = (form.encode(self._pixels(Draw.POOL, number)) for number in range(wanted))
        # Tiny ones can be alike by chance. Images differ because all strips in the pool do.
        self._pool = list(dict.fromkeys(strips))
        self._dealer = Dealer(spec.seed, len(self._pool), form.count, form.uncut)

    def __call__(self, index: int) -> Iterable[Buffer]:
        """Return the file of an image."""
        picks, first_is_fresh = self._dealer.deal(index)
        strips = [self._pool[pick] for pick in picks]
        if first_is_fresh:
            strips[0] = self._form.encode(self._fresh_pixels(index))
        return self._form.assemble(strips)

    def _pixels(self, draw: Draw, index: int) -> npt.NDArray[np.uint8]:
        return RandomStream(self._seed, draw, index).read(0, self._strip_bytes)

    def _fresh_pixels(self, index: int) -> npt.NDArray[np.uint8]:
        """Return random pixels that begin with the index, scrambled: so no two are the same."""
        pixels = self._pixels(Draw.FRESH_STRIP, index)
        told = scramble(index, 1 << 8 * _INDEX_BYTES).to_bytes(_INDEX_BYTES, "little")
        told = told[: len(pixels)]
        pixels[: len(told)] = np.frombuffer(told, np.uint8)
        return pixels


def default_pool_strips(strips_in_image: int, strip_bytes: int) -> int:
    """Return how many strips a pool has unless told: enough for an image, within 128 MiB."""
    return max(1, min(max(_DEFAULT_STRIPS, strips_in_image), _DEFAULT_MAX_BYTES // strip_bytes))


def rows_in_strip(spec: DatasetSpec) -> int:
    """Return the rows of a strip in formats that store rows as they are.

    A strip fills one of deflate's stored blocks, but an image has eight strips or more, where it
    has the rows, so that there are many ways to combine them.
    """
    fitting = _MAX_STRIP_BYTES // (1 + spec.row_bytes)
    return max(1, min(fitting, spec.height // _LEAST_STRIPS_IN_IMAGE))
