"""WebP, TIFF, AVIF, JPEG 2000 and GIF, encoded by Pillow.

Everything that changes bytes is set here, because the defaults of Pillow's versions may differ. An
older version ignores a setting that it lacks, and does the same anyway. One thread makes each file:
processes share the work already, and the number of threads can change AVIF's bytes.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.canvas import CanvasEncoder

_COLORS = 256
_MAX_RESOLUTIONS = 6
_ROWS_PER_STRIP = 278  # TIFF 6.0, section 8


class Encoder(CanvasEncoder):
    """Encodes fresh images in the dataset's format."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__(spec)
        self._options = _options(spec)

    def _file(self, image: Image.Image) -> bytes:
        spec = self._spec
        if spec.image_format == "gif" and spec.mode == "RGB":
            image = _with_palette(image)
        file = io.BytesIO()
        image.save(file, spec.format.pillow, **self._options)
        return file.getvalue()


def _options(spec: DatasetSpec) -> dict[str, Any]:
    """Return the options of Pillow's encoder for a dataset's format."""
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
        # Lossless: JPEG 2000 has rates where JPEG has qualities.
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
    """Return an RGB image in 256 of its colors, found by an octree, undithered.

    Median cut finds better ones, but takes a hundred times as long.
    """
    return image.quantize(
        _COLORS, method=Image.Quantize.FASTOCTREE, kmeans=0, dither=Image.Dither.NONE
    )
