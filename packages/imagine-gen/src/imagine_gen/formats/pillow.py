"""Formats that Pillow encodes: what all of them share, and WebP, TIFF, AVIF, JPEG 2000 and GIF.

Everything that changes bytes is set here, because the defaults of Pillow's versions may differ. An
older version ignores a setting that it lacks, and does the same anyway. One thread makes each file:
processes share the work already, and the number of threads can change AVIF's bytes.
"""

from __future__ import annotations

import io
from abc import abstractmethod
from typing import Any, cast

from PIL import Image, ImageFile

from imagine_common.files.output import Buffer
from imagine_gen.content.base import Pixels
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import FreshEncoder

# Noise stays in a core's cache between the generator and Pillow. Each band of a photo costs extra.
_BAND_BYTES = {"noise": 1 << 18, "photo": 1 << 20}
_COLORS = 256
_MAX_RESOLUTIONS = 6
_ROWS_PER_STRIP = 278  # TIFF 6.0, section 8
_STRIP_BYTES = 1 << 11  # where filler can be between strips


class Canvas:
    """A Pillow image that is reused: new memory would cost a page fault for every 4 KiB."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._spec = spec
        self._image = Image.new(spec.mode, (spec.width, spec.height), None)

    def paint(self, pixels: Pixels) -> Image.Image:
        """Return the Pillow image with its pixels replaced."""
        spec = self._spec
        rows_in_band = max(1, _BAND_BYTES[spec.content] // spec.row_bytes)
        for top in range(0, spec.height, rows_in_band):
            bottom = min(top + rows_in_band, spec.height)
            band = pixels(top, bottom)
            decoder = ImageFile.PyDecoder(spec.mode)
            decoder.setimage(self._image.im, (0, top, spec.width, bottom))
            decoder.set_as_raw(cast(bytes, band.data), spec.mode)  # It takes any buffer.
        return self._image


class CanvasEncoder(FreshEncoder):
    """Encodes fresh images with Pillow."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__(spec)
        self._canvas = Canvas(spec)

    def _pieces(self, pixels: Pixels) -> list[Buffer]:
        return [self._file(self._canvas.paint(pixels))]

    @abstractmethod
    def _file(self, image: Image.Image) -> bytes:
        """Return the file of a Pillow image."""


class Encoder(CanvasEncoder):
    """Encodes fresh images in the dataset's format."""

    def _file(self, image: Image.Image) -> bytes:
        spec = self._spec
        if spec.image_format == "gif" and spec.mode == "RGB":
            # Median cut finds better colors than an octree, but takes a hundred times as long.
            image = image.quantize(
                _COLORS, method=Image.Quantize.FASTOCTREE, kmeans=0, dither=Image.Dither.NONE
            )
        file = io.BytesIO()
        image.save(file, spec.format.pillow, **_options(spec))
        return file.getvalue()


def _options(spec: DatasetSpec) -> dict[str, Any]:
    """Return the options of Pillow's encoder for a dataset's format."""
    if spec.image_format == "webp":
        lossy = {"lossless": False, "quality": spec.quality, "alpha_quality": 100}
        return {**lossy, "method": 4, "exact": False}
    if spec.image_format == "tiff":
        # Uncompressed, in one strip as Pillow's own writer does.
        rows = max(1, _STRIP_BYTES // spec.row_bytes) if spec.compress_ratio > 1 else spec.height
        return {"compression": "raw", "tiffinfo": {_ROWS_PER_STRIP: rows}}
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
