"""The interface of a content."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Pixels(Protocol):
    """The pixels of an image; any division of an image gives the same."""

    def __call__(
        self, top: int, bottom: int, left: int = 0, right: int | None = None, /
    ) -> npt.NDArray[np.uint8]:
        """Return rows, or columns of a single row: uint8 of shape (pixels * channels,)."""


class Content(Protocol):
    """The pixels of a dataset's images, all of one width and height."""

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image; reading them from the top down is fastest."""

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip of the pool: uint8 of shape (rows * width * channels,)."""

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a pooled image's one strip that is in no pool: same shape."""
