"""The interface of a content: `select.py` picks the class that implements it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Pixels(Protocol):
    """The pixels of one image."""

    def rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """Return the rows from `top` up to `bottom`: uint8 of shape (rows * width * channels,).

        Any division of an image into bands of rows gives the same pixels.
        """


class Content(Protocol):
    """The pixels of a dataset's images, all of one width and height."""

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image."""

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip of the pool: uint8 of shape (rows * width * channels,)."""

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a pooled image's one strip that is in no pool: same shape."""
