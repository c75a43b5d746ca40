"""What a file format provides: an encoder of fresh images and, for pooled images, strips."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from imagine_common.files.output import Buffer
from imagine_gen.dataset.spec import DatasetSpec

_MAX_STRIP_BYTES = 65_535
_LEAST_STRIPS_IN_IMAGE = 8

Strip = TypeVar("Strip", bound=Hashable)


class EncodedImage(NamedTuple):
    """The file of an image in pieces, to be used up before the next image is encoded.

    `filler` is the number of bytes that only bring the file to its target size.
    """

    buffers: Iterable[Buffer]
    filler: int = 0


class ImageEncoder(Protocol):
    """Encodes the images of a dataset, one at a time."""

    def wanted_size(self, _index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        return None

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image.

        Raises
        ------
        ImagineError
            If a target size cannot be reached by this image.
        """


class StripFormat(Protocol[Strip]):
    """What a format knows about strips.

    `rows` are in a strip and `count` strips in an image, of which all but the first `uncut` have
    rows that are not in the image's file.
    """

    rows: int
    count: int
    uncut: int

    def encode(self, pixels: npt.NDArray[np.uint8]) -> Strip:
        """Return a strip of pixels: uint8 of shape (rows * width * channels,)."""

    def assemble(self, strips: Sequence[Strip]) -> list[Buffer]:
        """Return the file of an image that consists of these strips, from the top."""


def rows_in_strip(spec: DatasetSpec, least: int = 1) -> int:
    """Return the rows of a strip in formats that have no blocks of several rows.

    A strip fills one of deflate's stored blocks, or has the `least` rows, but an image has eight
    strips or more, where it has the rows, so that there are many ways to combine them.
    """
    fitting = max(least, _MAX_STRIP_BYTES // (1 + spec.row_bytes))
    return max(1, min(fitting, (spec.pool_height or spec.height) // _LEAST_STRIPS_IN_IMAGE))
