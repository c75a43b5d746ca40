"""What a content provides, whatever the format its images are written in."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Pixels(Protocol):
    """The pixels of one image."""

    def rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """Return rows of pixels: uint8 of shape ((bottom - top) * width * channels,)."""


class Content(Protocol):
    """The pixels of a dataset's images, which are all of one size."""

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip in the pool: uint8 of shape (rows * width * channels,)."""

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of the one strip of a pooled image that is in no pool."""
