"""Pooled images: assembled from strips of rows that were encoded once.

Encoding takes most of the time of making an image. Pooled images are much faster to make, because
a strip has the same bytes anywhere in any image; but strips recur.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Assembles images from the strips of a pool."""

    def __init__(
        self, spec: DatasetSpec, strip_format: StripFormat[Strip], pool: Sequence[Strip]
    ) -> None:
        self._strip_format = strip_format
        self._content = content_of(spec)
        self._pool = pool
        self._dealer = Dealer(spec.seed, len(pool), strip_format.count, strip_format.uncut)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        picks, first_is_fresh = self._dealer.deal(index)
        strips = [self._pool[pick] for pick in picks]
        if first_is_fresh:
            pixels = self._content.fresh_strip(index, self._strip_format.rows)
            strips[0] = self._strip_format.encode(pixels)
        return EncodedImage(self._strip_format.assemble(strips))


def make_pool(
    spec: DatasetSpec,
    strip_format: StripFormat[Strip],
    pools: int = 1,
    pixels: Callable[[int, int], npt.NDArray[np.uint8]] | None = None,
) -> dict[Strip, int]:
    """Return the strips of a pool, all different, and the number that each was drawn by.

    So many `pools` of the dataset share the memory. `pixels` returns the pixels of a strip by its
    number and rows; by default the content does.

    Raises
    ------
    UsageError
        If the pools would have more than 8 GiB of pixels.
    """
    strip_bytes = strip_format.rows * spec.row_bytes
    wanted = spec.pool_strips or default_pool_strips(strip_format.count, strip_bytes * pools)
    if wanted * strip_bytes * pools > _MAX_BYTES:
        raise UsageError(
            f"argument --pool-strips: {wanted} strips of {strip_bytes * pools} bytes are over"
            f" 8 GiB; at most {max(1, _MAX_BYTES // (strip_bytes * pools))} fit"
        )
    pixels = pixels or content_of(spec).pool_strip
    numbers: dict[Strip, int] = {}
    for number in range(wanted):
        # Tiny strips can be equal by chance. Images differ only if all strips of the pool do.
        numbers.setdefault(strip_format.encode(pixels(number, strip_format.rows)), number)
    return numbers


def default_pool_strips(strips_in_image: int, strip_bytes: int) -> int:
    """Return the default number of strips in a pool: enough for an image, within 128 MiB."""
    return max(1, min(max(_DEFAULT_STRIPS, strips_in_image), _DEFAULT_MAX_BYTES // strip_bytes))
