"""Images whose dimensions vary: an encoder for each width and height that is drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.pooled.assembly import PooledEncoder, make_pool

# An encoder of pooled images is small, once there is the pool. One of fresh images has the memory
# of an image; it is kept in case that the next has the same dimensions.
_POOLED_ENCODERS = 1024
_FRESH_ENCODERS = 1


class SizedEncoder(ImageEncoder):
    """Encodes each image with the encoder of its dimensions.

    Parameters
    ----------
    spec : DatasetSpec
        With sizes.
    make : callable
        Returns the encoder of a specification without.
    keep : int
        How many encoders are kept.
    """

    def __init__(
        self, spec: DatasetSpec, make: Callable[[DatasetSpec], ImageEncoder], keep: int
    ) -> None:
        self._of_image = spec.of_image
        self._encoder = lru_cache(maxsize=keep)(make)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        return self._encoder(self._of_image(index)).encode(index)

    def wanted_size(self, index: int) -> int | None:
        """Return the size in bytes that an image's file has to have, or None for any."""
        return self._encoder(self._of_image(index)).wanted_size(index)


def fresh_encoder(spec: DatasetSpec, module: ModuleType) -> ImageEncoder:
    """Return an encoder of fresh images whose dimensions vary, by a format's module."""
    return SizedEncoder(spec, module.Encoder, _FRESH_ENCODERS)


def pooled_encoder(spec: DatasetSpec, module: ModuleType) -> ImageEncoder:
    """Return an encoder of pooled images whose dimensions vary, by a format's module.

    Images of one width, whatever their height, share a pool.

    Raises
    ------
    UsageError
        As `make_pool` does.
    """
    widths = spec.sizes.pool_widths if spec.sizes else (spec.width,)
    pools: dict[int, list[Any]] = {}
    for width in widths:
        tallest = spec.of_size(width, spec.height)
        pools[width] = make_pool(tallest, module.Strips(tallest), len(widths))

    def make(sized: DatasetSpec) -> ImageEncoder:
        return PooledEncoder(sized, module.Strips(sized), pools[sized.width])

    return SizedEncoder(spec, make, _POOLED_ENCODERS)
