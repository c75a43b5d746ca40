"""One Pillow image, painted again for every image, for the formats that Pillow encodes."""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

from PIL import Image, ImageFile

from imagine_common.files.output import Buffer
from imagine_gen.content.base import Pixels
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import FreshEncoder

# Noise stays in a core's cache between the generator and Pillow. Each band of a photo costs extra.
_BAND_BYTES = {"noise": 1 << 18, "photo": 1 << 20}


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
            band = pixels.rows(top, bottom)
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
