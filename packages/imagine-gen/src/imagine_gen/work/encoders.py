"""The choice of a dataset's encoder; only its modules are imported, so that runs start fast."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, FileFormat, ImageEncoder

# An encoder of fresh images takes the memory of an image, so only the last one is kept, for a next
# image of the same dimensions. Encoders of pooled images share their pools and are small.
_KEPT_FRESH = 1
_KEPT_POOLED = 1024

Pool = TypeVar("Pool")


def image_encoder(spec: DatasetSpec) -> ImageEncoder:
    """Return a new encoder of a dataset's images, for use by one thread."""
    if spec.direct:
        make = _direct_encoder(spec)
    elif spec.target_size is None:
        make = _encoders(spec)
    else:
        make = _target_encoders(spec)
    if spec.sizes is None:
        return make(spec)
    if spec.target_size is not None:
        for width, height in (spec.sizes.least, spec.sizes.largest):
            make(spec.of_size(width, height))  # raises the error before any image is made
    return EncoderByDimensions(spec, make)


class EncoderByDimensions(ImageEncoder):
    """Encodes each image with the encoder that `make` returns for its dimensions."""

    def __init__(self, spec: DatasetSpec, make: Callable[[DatasetSpec], ImageEncoder]) -> None:
        self._spec = spec
        self._encoder = lru_cache(_KEPT_POOLED if spec.pooled or spec.direct else _KEPT_FRESH)(make)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        return self._encoder(self._spec.of_image(index)).encode(index)

    def wanted_size(self, index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        return self._encoder(self._spec.of_image(index)).wanted_size(index)


def _direct_encoder(spec: DatasetSpec) -> Callable[[DatasetSpec], ImageEncoder]:
    """Return the class of encoders that write JPEG data directly."""
    if spec.content == "photo":
        from imagine_gen.formats.direct.photo import PhotoEncoder

        return PhotoEncoder
    from imagine_gen.formats.direct.noise import NoiseEncoder

    return NoiseEncoder


def _encoders(spec: DatasetSpec) -> Callable[[DatasetSpec], ImageEncoder]:
    """Return a function that makes the encoder for fixed dimensions."""
    if spec.format.pillow:
        from imagine_gen.formats import pillow

        return pillow.Encoder
    if not spec.pooled:
        return _file_format(spec).Encoder
    from imagine_gen.pooled import PooledEncoder, make_pool

    strips = _file_format(spec).Strips
    pools = _by_width(spec, lambda highest, n: list(make_pool(highest, strips(highest), n)))
    return lambda fixed: PooledEncoder(fixed, strips(fixed), pools[fixed.width])


def _target_encoders(spec: DatasetSpec) -> Callable[[DatasetSpec], ImageEncoder]:
    """Return a function that makes the encoder for fixed dimensions and a target size."""
    if spec.pooled:
        from imagine_gen.target_size.pooled import LeveledPool, PooledTargetEncoder

        pools = _by_width(spec, LeveledPool)
        return lambda fixed: PooledTargetEncoder(fixed, pools[fixed.width])
    from imagine_gen.target_size.encoder import FreshTargetEncoder, Sample

    sample = Sample(spec.of_size(spec.width, spec.height))
    return lambda fixed: FreshTargetEncoder(fixed, sample)


def _by_width(spec: DatasetSpec, make: Callable[[DatasetSpec, int], Pool]) -> dict[int, Pool]:
    """Make a pool for each width: images of one width, whatever their height, share it.

    `make` gets the specification of the highest images of a width, and the number of pools.
    """
    widths = spec.sizes.pool_widths if spec.sizes else (spec.width,)
    return {width: make(spec.of_size(width, spec.height), len(widths)) for width in widths}


def _file_format(spec: DatasetSpec) -> FileFormat:
    if spec.image_format == "jpg":
        from imagine_gen.formats import jpeg

        return jpeg
    if spec.image_format == "bmp":
        from imagine_gen.formats import bmp

        return bmp
    if spec.compress_level:
        from imagine_gen.formats import png_compressed

        return png_compressed
    if spec.image_format == "png":
        from imagine_gen.formats import png_stored

        return png_stored
    raise NotImplementedError(f"no encoder for {spec.image_format}")
