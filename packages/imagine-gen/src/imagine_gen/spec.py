"""What a dataset is: the arguments that determine every byte of it, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from imagine_common.errors import UsageError
from imagine_common.manifest import NUL
from imagine_common.names import check_names

CHANNELS = {"RGB": 3, "RGBA": 4, "L": 1}

_MAX_SEED = 2**64 - 1
_MAX_INDEX = 2**63 - 1
_MAX_POOL_STRIPS = 2**20
_PROCESS_BYTES = 60_000_000


class Format(NamedTuple):
    """An image format: its file extension, the modes it has, and the longest side in pixels."""

    extension: str
    modes: tuple[str, ...]
    max_side: int


# JPEG's own limit is 65,535 (ITU-T T.81, B.2.2), but libjpeg and its descendants stop before.
FORMATS = {
    "jpg": Format("jpg", ("RGB", "L"), 65_500),
    "png": Format("png", ("RGB", "RGBA", "L"), 2**31 - 1),
    "bmp": Format("bmp", ("RGB", "RGBA", "L"), 2**31 - 1),
}
SPELLINGS = {"jpg": "jpg", "jpeg": "jpg", "png": "png", "bmp": "bmp", "bitmap": "bmp"}


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset: `count` images from index `start` on, and where they go.

    `width` and `height` are in pixels. `quality` is JPEG's, `compress_level` PNG's; 0 stores.
    `pooled` images are put together from a pool of `pool_strips` strips, as many as fit the images
    unless given. `delimiter` is the byte that ends a path on stdout, which no path may hold.

    Raises
    ------
    UsageError
        From the constructor, where a value is out of range or doesn't go with another.
    """

    path: bytes
    name: bytes
    width: int
    height: int
    count: int = 1
    image_format: str = "jpg"
    start: int = 0
    mode: str = "RGB"
    quality: int = 75
    compress_level: int = 0
    pooled: bool = False
    pool_strips: int | None = None
    seed: int = 0
    delimiter: bytes = NUL

    def __post_init__(self) -> None:
        check_names(self.path, self.name, self.delimiter)
        spelling = self.image_format.lower()
        if spelling not in SPELLINGS:
            raise UsageError(
                f"argument --image-format: unknown format {self.image_format!r}; known are"
                f" {', '.join(SPELLINGS)}"
            )
        object.__setattr__(self, "image_format", SPELLINGS[spelling])
        if self.mode not in self.format.modes:
            raise UsageError(
                f"argument --mode: {spelling} has no mode {self.mode!r}; it has"
                f" {', '.join(self.format.modes)}"
            )
        _check_range("--width", self.width, 1, self.format.max_side)
        _check_range("--height", self.height, 1, self.format.max_side)
        _check_range("--count", self.count, 1, _MAX_INDEX)
        _check_range("--start", self.start, 0, _MAX_INDEX - self.count)
        _check_range("--quality", self.quality, 1, 100)
        _check_range("--compress-level", self.compress_level, 0, 9)
        _check_range("--seed", self.seed, 0, _MAX_SEED)
        self._check_format_limits()
        self._check_combinations()

    def _check_format_limits(self) -> None:
        if self.image_format == "bmp":
            from imagine_gen.bmp import file_size

            if file_size(self.mode, self.width, self.height) >= 2**32:
                raise UsageError(
                    f"arguments --width, --height: a BMP file of {self.width}x{self.height} would"
                    " reach 4 GiB, the format's limit; use png"
                )
        if self.image_format == "png" and self.row_bytes >= 2**30:
            raise UsageError(
                f"argument --width: a row of {self.width} pixels would reach 1 GiB, the limit of a"
                " PNG chunk here"
            )

    def _check_combinations(self) -> None:
        if self.compress_level and self.image_format != "png":
            raise UsageError("argument --compress-level: only png has it")
        if self.compress_level and self.pooled:
            raise UsageError(
                "argument --compress-level: not with --pooled, whose strips are never compressed"
            )
        if self.pool_strips is not None:
            _check_range("--pool-strips", self.pool_strips, 1, _MAX_POOL_STRIPS)
            if not self.pooled:
                raise UsageError("argument --pool-strips: only with --pooled")

    @property
    def format(self) -> Format:
        """Return the format's description."""
        return FORMATS[self.image_format]

    @property
    def row_bytes(self) -> int:
        """Return the bytes of a row of pixels, without padding."""
        return self.width * CHANNELS[self.mode]

    @property
    def worker_bytes(self) -> int:
        """Return about how much memory making one image takes, as measured; a pool comes on top."""
        if self.pooled or (self.image_format != "jpg" and not self.compress_level):
            return _PROCESS_BYTES
        canvas = 1 if self.mode == "L" else 4  # bytes a pixel, in Pillow's images
        file = 1 if self.image_format == "jpg" else canvas
        return _PROCESS_BYTES + (canvas + file) * self.width * self.height

    def image_path(self, index: int) -> bytes:
        """Return the path of an image."""
        name = b"%b%d.%b" % (self.name, index, self.format.extension.encode())
        return os.path.join(self.path, name)


def _check_range(option: str, value: int, least: int, most: int) -> None:
    if not hasattr(value, "__index__"):
        raise UsageError(f"argument {option}: must be a whole number, not {value!r}")
    if not least <= value <= most:
        raise UsageError(f"argument {option}: must be from {least} to {most}, not {value}")
