"""From a dataset's specification to what makes the files of its images."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Protocol, cast

from imagine_common.output import Buffer
from imagine_gen.pillow_formats import PILLOW_FORMATS
from imagine_gen.spec import DatasetSpec

_MODULES = {
    "jpg": "jpeg",
    "png": "png",
    "bmp": "bmp",
    **dict.fromkeys(PILLOW_FORMATS, "pillow_encoder"),
}


class ImageEncoder(Protocol):
    """What makes the files of a dataset's images.

    `filler` is how many bytes of the last file were only there for its size.
    """

    filler: int = 0

    def wanted_size(self, _index: int) -> int | None:
        """Return the size in bytes that an image's file has to have, or None for any."""
        return None

    def __call__(self, index: int) -> Iterable[Buffer]:
        """Return the file of an image in pieces, which are to be used up before the next call."""


def image_encoder(spec: DatasetSpec) -> ImageEncoder:
    """Return a new encoder of a dataset, for one thread.

    A format's module, and what it needs, is imported only now. It has an `Encoder` of fresh images,
    and where images can be pooled their `Strips`.
    """
    if spec.target_size is not None:
        from imagine_gen.jpeg_target import target_encoder

        return target_encoder(spec)
    name = "compressed_png" if spec.compress_level else _MODULES[spec.image_format]
    module = importlib.import_module(f"imagine_gen.{name}")
    if spec.sizes:
        from imagine_gen import sized

        return (sized.pooled_encoder if spec.pooled else sized.fresh_encoder)(spec, module)
    if spec.pooled:
        from imagine_gen.pooled import PooledEncoder

        return PooledEncoder(spec, module.Strips(spec))
    return cast(ImageEncoder, module.Encoder(spec))
