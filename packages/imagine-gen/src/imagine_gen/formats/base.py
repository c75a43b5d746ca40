"""The interface of a file format: an encoder of fresh images and, for pooled images, strips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from imagine_common.files.output import Buffer
from imagine_gen.content.base import Pixels
from imagine_gen.content.choose import content_of
from imagine_gen.dataset.spec import DatasetSpec

_MAX_STRIP_BYTES = 65_535
_LEAST_STRIPS_IN_IMAGE = 8

Strip = TypeVar("Strip", bound=Hashable)


class EncodedImage(NamedTuple):
    """The file of an image in pieces, valid until the next; `filler` bytes only fill it up.

    `digest` is for `--card`, and 0 without it.
    """

    buffers: Iterable[Buffer]
    filler: int = 0
    digest: int = 0


class ImageEncoder(Protocol):
    """Encodes the images of a dataset, one at a time."""

    dataset: bytes = b""  # in the stamps of images, if they have stamps

    def wanted_size(self, _index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        return None

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image, or raise an `ImagineError` if it exceeds its target size."""


class FreshEncoder(ImageEncoder):
    """Encodes fresh images from the pixels of the dataset's content."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._spec = spec
        self._content = content_of(spec)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        return EncodedImage(self._pieces(self._content.image(index)))

    @abstractmethod
    def _pieces(self, pixels: Pixels) -> Iterable[Buffer]:
        """Return the file of an image in pieces."""


class RowStrips(ABC, Generic[Strip]):
    """Encodes strips of rows, and assembles files from them, for `--pooled`.

    A strip has `rows` rows, an image `count` strips. An image's file has all rows of its first
    `uncut` strips. Only another strip may be cut to fit.

    A strip fits in one stored block of deflate, or has `least_rows` rows. Images have at least
    eight strips, or one for each row, so that strips can be combined in many ways.
    """

    def __init__(self, spec: DatasetSpec, least_rows: int = 1) -> None:
        fitting = max(least_rows, _MAX_STRIP_BYTES // (1 + spec.row_bytes))
        most = (spec.pool_height or spec.height) // _LEAST_STRIPS_IN_IMAGE
        self.rows = max(1, min(fitting, most))
        self.uncut, self._last_rows = divmod(spec.height, self.rows)
        self.count = self.uncut + (self._last_rows > 0)

    @abstractmethod
    def encode(self, pixels: npt.NDArray[np.uint8]) -> Strip:
        """Return a strip of pixels: uint8 of shape (rows * width * channels,)."""

    @abstractmethod
    def assemble(self, strips: Sequence[Strip]) -> list[Buffer]:
        """Return the file of an image that consists of these strips, from the top."""
