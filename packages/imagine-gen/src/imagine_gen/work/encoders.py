"""The choice of a dataset's encoder; only its modules are imported, so that runs start fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any

from imagine_common.files.stamps import PLACES
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder

# An encoder of fresh images takes the memory of an image, so only the last one is kept, for a next
# image of the same dimensions. Others are small, and share pools and tables.
_KEPT_FRESH = 1
_KEPT_SMALL = 1024
_MODULES = {"jpg": "jpeg", "bmp": "bmp", "png": "png_stored"}  # others share `pillow`


def image_encoder(spec: DatasetSpec) -> ImageEncoder:
    """Return a new encoder of a dataset's images, for use by one thread."""
    inner = spec
    if spec.stamp and spec.target_size is not None:
        inner = replace(spec, target_size=max(1, spec.target_size - PLACES["jpg"].size))
    make = _encoders(inner)
    is_plain = spec.sizes is None and spec.dedupe_ratio == spec.compress_ratio == 1
    if not is_plain and spec.target_size is not None:
        sizes = spec.sizes and (spec.sizes.least, spec.sizes.largest)
        for width, height in sizes or [(spec.width, spec.height)]:
            make(inner.of_size(width, height))  # raises the error before any image is made
    encoder = make(inner) if is_plain else EncoderByImage(inner, make)
    if not spec.stamp:
        return encoder
    from imagine_gen.work.stamping import StampingEncoder

    return StampingEncoder(spec, encoder)


class EncoderByImage(ImageEncoder):
    """Encodes each image with the encoder that `make` returns for its dimensions.

    With `--dedupe-ratio` it is the image's original; with `--compress-ratio`, files have filler.
    """

    def __init__(self, spec: DatasetSpec, make: Callable[[DatasetSpec], ImageEncoder]) -> None:
        self._spec = spec
        self._encoder = lru_cache(_KEPT_SMALL if spec.pooled or spec.direct else _KEPT_FRESH)(make)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        encoder = self._encoder(self._spec.of_image(index))
        image = encoder.encode(self._spec.original(index))
        if self._spec.compress_ratio == 1:
            return image
        from imagine_gen.compressible import with_filler

        return with_filler(self._spec, image)

    def wanted_size(self, index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        size = self._encoder(self._spec.of_image(index)).wanted_size(self._spec.original(index))
        return size and self._spec.whole_size(size)


def _encoders(spec: DatasetSpec) -> Callable[[DatasetSpec], ImageEncoder]:
    """Return a function that makes the encoder for fixed dimensions."""
    if spec.direct and spec.content == "photo":
        from imagine_gen.formats.direct.photo import PhotoEncoder

        return PhotoEncoder
    if spec.direct:
        from imagine_gen.formats.direct.noise import NoiseEncoder

        return NoiseEncoder
    if spec.target_size is not None:
        from imagine_gen.target_size.encoder import Sample, TargetSizeEncoder

        sample = Sample(spec.of_size(spec.width, spec.height))
        return lambda fixed: TargetSizeEncoder(fixed, sample)
    usual = _MODULES.get(spec.image_format, "pillow")
    name = "png_compressed" if spec.compress_level else usual
    file_format: Any = import_module(f"imagine_gen.formats.{name}")
    if not spec.pooled:
        make: Callable[[DatasetSpec], ImageEncoder] = file_format.Encoder
        return make
    from imagine_gen.pooled import PooledEncoder, make_pool

    # Images of one width share a pool, which is made for the highest of them.
    widths = spec.sizes.pool_widths if spec.sizes else (spec.width,)
    strips = file_format.Strips
    pools = {}
    for width in widths:
        highest = spec.of_size(width, spec.height)
        pools[width] = make_pool(highest, strips(highest), len(widths))
    return lambda fixed: PooledEncoder(fixed, strips(fixed), pools[fixed.width])
