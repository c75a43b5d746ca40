"""From a dataset's specification to the encoder of its images."""

from __future__ import annotations

from typing import Any

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder


def image_encoder(spec: DatasetSpec) -> ImageEncoder:
    """Return a new encoder of a dataset, for use by one thread.

    A format's module, and the libraries it needs, are imported only here. A module has an `Encoder`
    of fresh images and, if its images can be pooled, `Strips`.
    """
    if spec.target_size is not None:
        from imagine_gen.target_size.fresh import target_encoder

        return target_encoder(spec)
    if spec.sizes:
        from imagine_gen.pooled import sized

        module = _module(spec)
        return (sized.pooled_encoder if spec.pooled else sized.fresh_encoder)(spec, module)
    if spec.pooled:
        from imagine_gen.pooled.assembly import PooledEncoder

        return PooledEncoder(spec, _module(spec).Strips(spec))
    encoder: ImageEncoder = _module(spec).Encoder(spec)
    return encoder


def _module(spec: DatasetSpec) -> Any:
    """Return the module of a dataset's file format."""
    if spec.image_format == "jpg":
        from imagine_gen.formats import jpeg

        return jpeg
    if spec.compress_level:
        from imagine_gen.formats import compressed_png

        return compressed_png
    if spec.image_format == "png":
        from imagine_gen.formats import png

        return png
    if spec.image_format == "bmp":
        from imagine_gen.formats import bmp

        return bmp
    from imagine_gen.formats import pillow

    return pillow
