"""The interface of a content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

# Returns an image's rows from one number up to another: uint8 of shape (rows * width * channels,).
# Any division of an image into bands of rows gives the same pixels.
Pixels: TypeAlias = Callable[[int, int], npt.NDArray[np.uint8]]


class Content(Protocol):
    """The pixels of a dataset's images, all of one width and height."""

    def image(self, index: int) -> Pixels:
        """Return the pixels of a fresh image; reading them from the top down is fastest."""

    def pool_strip(self, number: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a strip of the pool: uint8 of shape (rows * width * channels,)."""

    def fresh_strip(self, index: int, rows: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a pooled image's one strip that is in no pool: same shape."""
