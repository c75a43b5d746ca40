"""From a dataset to its content."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imagine_gen.content.base import Content, Pixels
from imagine_gen.content.noise import Noise
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.random_streams import Draw


def content_of(spec: DatasetSpec) -> Content:
    """Return what the images of a dataset show."""
    if spec.content == "photo":
        return Photo(spec)
    return Noise(spec)


class Photo:
    """Images with a photograph's statistics."""

    def __init__(self, spec: DatasetSpec) -> None:
        from imagine_gen.content.photo.images import PhotoContent

        self._photos = PhotoContent(spec.seed, spec.width, spec.height, spec.mode)

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""
        return self._photos.image(index)

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip in the pool."""
        return self._photos.strip(number, rows, Draw.PHOTO_STRIP)

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of the one strip of a pooled image that is in no pool."""
        return self._photos.strip(index, rows, Draw.FRESH_STRIP)
