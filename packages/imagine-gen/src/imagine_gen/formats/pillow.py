"""WebP, TIFF, AVIF, JPEG 2000 and GIF through Pillow.

All that decides about bytes is said here, not left to the defaults of a Pillow version; where an
older version lacks a choice, it ignores it and does what is asked for anyway. Each file is made by
one thread, since processes share the work, and the number of threads can change AVIF's bytes.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from imagine_gen.dataset.pillow_formats import PILLOW_FORMATS
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.canvas import CanvasEncoder

_COLORS = 256
_MAX_RESOLUTIONS = 6
_ROWS_PER_STRIP = 278  # TIFF 6.0, section 8


class Encoder(CanvasEncoder):
    """Encodes fresh images in the dataset's format."""

    def __init__(self, spec: DatasetSpec) -> None:
        kind = PILLOW_FORMATS[spec.image_format].kind
        options = _options(spec)

        def save(image: Image.Image) -> bytes:
            if spec.image_format == "gif" and spec.mode == "RGB":
                image = _with_palette(image)
            file = io.BytesIO()
            image.save(file, kind, **options)
            return file.getvalue()

        super().__init__(spec, save)


def _options(spec: DatasetSpec) -> dict[str, Any]:
    """Return what Pillow is told about a dataset's format."""
    if spec.image_format == "webp":
        return {
            "lossless": False,
            "quality": spec.quality,
            "alpha_quality": 100,
            "method": 4,
            "exact": False,
        }
    if spec.image_format == "tiff":
        # Uncompressed, in one strip as Pillow's own writer does.
        return {"compression": "raw", "tiffinfo": {_ROWS_PER_STRIP: spec.height}}
    if spec.image_format == "avif":
        return {
            "quality": spec.quality,
            "subsampling": "4:2:0",
            "speed": 6,
            "range": "full",
            "codec": "auto",
            "max_threads": 1,
            "tile_rows": 0,
            "tile_cols": 0,
            "autotiling": False,
            "alpha_premultiplied": False,
        }
    if spec.image_format == "jp2":
        # Lossless: quality would mean a rate here, which says little to who thinks in JPEG's.
        return {
            "irreversible": False,
            "mct": 0 if spec.mode == "L" else 1,
            "num_resolutions": min(_MAX_RESOLUTIONS, min(spec.width, spec.height).bit_length()),
            "codeblock_size": (64, 64),
            "progression": "LRCP",
            "no_jp2": False,
        }
    return {"optimize": False, "interlace": 0}


def _with_palette(image: Image.Image) -> Image.Image:
    """Return an RGB image in the 256 colors that an octree of its own colors finds, undithered.

    Median cut finds better ones, in a hundred times the time.
    """
    return image.quantize(
        _COLORS, method=Image.Quantize.FASTOCTREE, kmeans=0, dither=Image.Dither.NONE
    )
