"""Pooled images: put together from strips of rows that were encoded once.

Encoding is what making images costs, so who needs volume more than fresh entropy gets images whose
strips come from a pool. A strip's encoded form is the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

import numpy as np
import numpy.typing as npt

from imagine_common.errors import UsageError
from imagine_gen.content.select import content_of
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder, Strip, StripFormat
from imagine_gen.pooled.dealing import Dealer

_DEFAULT_STRIPS = 256
_DEFAULT_MAX_BYTES = 1 << 27
_MAX_BYTES = 1 << 33


class PooledEncoder(ImageEncoder, Generic[Strip]):
    """Puts images together from a pool that depends on the dataset's specification alone.

    Parameters
    ----------
    spec : DatasetSpec
    form : StripFormat
    pool : list, optional
        The pool, where it is there already.

    Raises
    ------
    UsageError
        As `make_pool` does.
    """

    def __init__(
        self, spec: DatasetSpec, form: StripFormat[Strip], pool: list[Strip] | None = None
    ) -> None:
        self._form = form
        self._content = content_of(spec)
        self._pool = make_pool(spec, form) if pool is None else pool
        self._dealer = Dealer(spec.seed, len(self._pool), form.count, form.uncut)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        picks, first_is_fresh = self._dealer.deal(index)
        strips = [self._pool[pick] for pick in picks]
        if first_is_fresh:
            strips[0] = self._form.encode(self._content.fresh_strip(index, self._form.rows))
        return EncodedImage(self._form.assemble(strips))


def make_pool(spec: DatasetSpec, form: StripFormat[Strip], pools: int = 1) -> list[Strip]:
    """Return the strips of a pool, no two of them the same.

    Parameters, and errors raised, are those of `pool_numbers`.
    """
    return list(pool_numbers(spec, form, pools))


def pool_numbers(
    spec: DatasetSpec,
    form: StripFormat[Strip],
    pools: int = 1,
    pixels: Callable[[int, int], npt.NDArray[np.uint8]] | None = None,
) -> dict[Strip, int]:
    """Return the strips of a pool, no two of them the same, and by what number each was drawn.

    Parameters
    ----------
    spec : DatasetSpec
    form : StripFormat
    pools : int
        How many pools the dataset has, which share the memory.
    pixels : callable, optional
        Returns the pixels of a strip by its number and rows; those of the content unless given.

    Raises
    ------
    UsageError
        Where the pools would have more than 8 GiB of pixels.
    """
    strip_bytes = form.rows * spec.row_bytes
    wanted = spec.pool_strips or default_pool_strips(form.count, strip_bytes * pools)
    if wanted * strip_bytes * pools > _MAX_BYTES:
        raise UsageError(
            f"argument --pool-strips: {wanted} strips of {strip_bytes * pools} bytes are over"
            f" 8 GiB; at most {max(1, _MAX_BYTES // (strip_bytes * pools))} fit"
        )
    pixels = pixels or content_of(spec).pool_strip
    numbers: dict[Strip, int] = {}
    for number in range(wanted):
        # Tiny ones can be alike by chance. Images differ because all strips in the pool do.
        numbers.setdefault(form.encode(pixels(number, form.rows)), number)
    return numbers


def default_pool_strips(strips_in_image: int, strip_bytes: int) -> int:
    """Return how many strips a pool has unless told: enough for an image, within 128 MiB."""
    return max(1, min(max(_DEFAULT_STRIPS, strips_in_image), _DEFAULT_MAX_BYTES // strip_bytes))
