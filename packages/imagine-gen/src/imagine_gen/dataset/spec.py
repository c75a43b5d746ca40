"""What a dataset is: the arguments that determine every byte of it, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NUL
from imagine_common.exchange.names import check_names
from imagine_gen.dataset.bmp_layout import file_size
from imagine_gen.dataset.layout import FLAT, check_layout, subfolder
from imagine_gen.dataset.modes import CHANNELS
from imagine_gen.dataset.pillow_formats import PILLOW_FORMATS, check_pillow_format

if TYPE_CHECKING:
    from imagine_gen.dataset.dimensions import Sizes

CONTENTS = ("noise", "photo")
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
DEFAULT_QUALITY = 75
TARGET_POOL_BYTES = 2**29  # of strips at several levels of quantization, in a process

_MAX_SEED = 2**64 - 1
_MAX_INDEX = 2**63 - 1
_MAX_POOL_STRIPS = 2**20
_MAX_CLASSES = 10**9
_MAX_TARGET_SIZE = 2**40
_PROCESS_BYTES = 60_000_000
_HEADER_BYTES = 2**16
_PHOTO_BYTES = 30_000_000  # the textures, and tiles of planes
_PHOTO_COMPRESS_LEVEL = 6  # zlib's default, and Pillow's


class Format(NamedTuple):
    """An image format: its file extension, the modes it has, and the longest side in pixels."""

    extension: str
    modes: tuple[str, ...]
    max_side: int


# JPEG's own limit is 65,535 (ITU-T T.81, B.2.2), but libjpeg and its descendants stop before. AV1's
# is 65,536, but libavif, unless told, decodes no longer side.
FORMATS = {
    "jpg": Format("jpg", ("RGB", "L"), 65_500),
    "png": Format("png", ("RGB", "RGBA", "L"), 2**31 - 1),
    "bmp": Format("bmp", ("RGB", "RGBA", "L"), 2**31 - 1),
    "webp": Format("webp", ("RGB", "RGBA"), 16_383),
    "tiff": Format("tiff", ("RGB", "RGBA", "L"), 2**31 - 1),
    "avif": Format("avif", ("RGB", "RGBA"), 32_768),
    "jp2": Format("jp2", ("RGB", "RGBA", "L"), 2**31 - 1),
    "gif": Format("gif", ("RGB", "L"), 65_535),
}
SPELLINGS = {
    "jpg": "jpg",
    "jpeg": "jpg",
    "png": "png",
    "bmp": "bmp",
    "bitmap": "bmp",
    "webp": "webp",
    "tiff": "tiff",
    "tif": "tiff",
    "avif": "avif",
    "jp2": "jp2",
    "jpeg2000": "jp2",
    "gif": "gif",
}


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset: `count` images from index `start` on, and where they go.

    `width` and `height` are in pixels; where dimensions are drawn from `sizes`, the greatest.
    `quality` is that of JPEG, WebP and AVIF, 75 unless given; `subsampling` is JPEG's, where there
    is color: 4:2:0 unless given, else None. Instead of a quality, JPEG files can have a
    `target_size` in bytes, from which they differ by `target_size_stdev`. `compress_level` is
    PNG's; 0 stores, which unless given only noise is.
    `pooled` images are put together from a pool of `pool_strips` strips, as many as fit the images
    unless given; `pool_height` is the least height of the images that share pools. Image *i* has
    the label *i* mod `classes`. `layout` and `files_per_dir` tell what folders there are below
    `path`. `delimiter` is the byte that ends a path on stdout, which no path may hold.

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
    quality: int | None = None
    compress_level: int | None = None
    pooled: bool = False
    pool_strips: int | None = None
    seed: int = 0
    content: str = "noise"
    sizes: Sizes | None = None
    classes: int | None = None
    layout: str = FLAT
    files_per_dir: int | None = None
    pool_height: int | None = None
    delimiter: bytes = NUL
    subsampling: str | None = None
    target_size: int | None = None
    target_size_stdev: int = 0

    def __post_init__(self) -> None:
        check_names(self.path, self.name, self.delimiter)
        spelling = self.image_format.lower()
        if spelling not in SPELLINGS:
            raise UsageError(
                f"argument --image-format: unknown format {self.image_format!r}; known are"
                f" {', '.join(SPELLINGS)}"
            )
        self._set("image_format", SPELLINGS[spelling])
        if self.content not in CONTENTS:
            raise UsageError(
                f"argument --content: unknown content {self.content!r}; known are"
                f" {', '.join(CONTENTS)}"
            )
        if self.compress_level is None:
            compressed = self.content == "photo" and self.image_format == "png"
            self._set("compress_level", _PHOTO_COMPRESS_LEVEL if compressed else 0)
        if self.mode not in self.format.modes:
            raise UsageError(
                f"argument --mode: {spelling} has no mode {self.mode!r}; it has"
                f" {', '.join(self.format.modes)}"
            )
        sides = ("--width", "--height")
        if self.sizes:
            sides = self.sizes.sides
            for side, least in zip(sides, self.sizes.least):
                _check_range(side, least, 1, self.format.max_side)
            self._set("sizes", self.sizes.pooled() if self.pooled else self.sizes)
            self._set("width", self.sizes.largest[0])
            self._set("height", self.sizes.largest[1])
        _check_range(sides[0], self.width, 1, self.format.max_side)
        _check_range(sides[1], self.height, 1, self.format.max_side)
        _check_range("--count", self.count, 1, _MAX_INDEX)
        _check_range("--start", self.start, 0, _MAX_INDEX - self.count)
        self._check_target()
        _check_range("--compress-level", self.compress_level or 0, 0, 9)
        _check_range("--seed", self.seed, 0, _MAX_SEED)
        if self.classes is not None:
            _check_range("--classes", self.classes, 1, _MAX_CLASSES)
        if self.files_per_dir is not None:
            _check_range("--files-per-dir", self.files_per_dir, 1, _MAX_INDEX)
        check_layout(self)
        self._check_format_limits()
        self._check_subsampling()
        self._check_combinations()

    def _check_format_limits(self) -> None:
        if self.image_format == "bmp" and file_size(self.mode, self.width, self.height) >= 2**32:
            raise UsageError(
                f"arguments --width, --height: a BMP file of {self.width}x{self.height} would"
                " reach 4 GiB, the format's limit; use png"
            )
        if self.image_format == "png" and self.row_bytes >= 2**30:
            raise UsageError(
                f"argument --width: a row of {self.width} pixels would reach 1 GiB, the limit of a"
                " PNG chunk here"
            )
        if self.image_format in PILLOW_FORMATS:
            check_pillow_format(self)

    def _check_subsampling(self) -> None:
        colored = self.image_format == "jpg" and self.mode == "RGB"
        if self.subsampling is None:
            object.__setattr__(self, "subsampling", "4:2:0" if colored else None)
        elif not colored:
            raise UsageError("argument --subsampling: only jpg of mode RGB has it")
        elif self.subsampling not in SUBSAMPLINGS:
            raise UsageError(
                f"argument --subsampling: must be one of {', '.join(SUBSAMPLINGS)}, not"
                f" {self.subsampling!r}"
            )

    def _check_target(self) -> None:
        if self.target_size is not None:
            _check_range("--target-size", self.target_size, 1, _MAX_TARGET_SIZE)
            if self.image_format != "jpg":
                raise UsageError("argument --target-size: only jpg has it")
            if self.quality is not None:
                raise UsageError("argument --quality: not with --target-size, which determines it")
        elif self.target_size_stdev:
            raise UsageError("argument --target-size-stdev: only with --target-size")
        else:
            self._set("quality", DEFAULT_QUALITY if self.quality is None else self.quality)
            _check_range("--quality", self.quality or 0, 1, 100)
        _check_range("--target-size-stdev", self.target_size_stdev, 0, _MAX_TARGET_SIZE)

    def _check_combinations(self) -> None:
        if self.compress_level and self.image_format != "png":
            raise UsageError("argument --compress-level: only png has it")
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
        process = _PROCESS_BYTES + (_PHOTO_BYTES if self.content == "photo" else 0)
        if self.pooled and self.target_size is not None:
            return process + TARGET_POOL_BYTES
        stored = self.image_format in ("png", "bmp") and not self.compress_level
        if self.pooled or stored:
            return process
        canvas = 1 if self.mode == "L" else 4  # bytes a pixel, in Pillow's images
        if self.target_size is not None:
            # A search keeps two files, and what can be reached is tried once.
            pixels = self.width * self.height
            largest = (4 if self.subsampling == "4:4:4" else 3) * pixels
            # None has over 16 bytes a pixel: what is out of reach is to be told as such.
            files = max(3 * min(self.target_size, _HEADER_BYTES + 16 * pixels), largest)
            return process + canvas * self.width * self.height + files
        if self.image_format in PILLOW_FORMATS:
            encoding = PILLOW_FORMATS[self.image_format].pixel_bytes[self.mode]
            return process + (canvas + encoding) * self.width * self.height
        file = 1 if self.image_format == "jpg" else canvas
        if self.subsampling == "4:4:4":
            file = 2
        return process + (canvas + file) * self.width * self.height

    def of_size(self, width: int, height: int) -> DatasetSpec:
        """Return the specification of those images that have a width and a height."""
        return _of_size(self, width, height)

    def of_image(self, index: int) -> DatasetSpec:
        """Return the specification of those images that are as large as one of them."""
        if self.sizes is None:
            return self
        from imagine_gen.dataset.dimensions import size_drawer

        return self.of_size(*size_drawer(self.seed, self.sizes).draw(index))

    def image_path(self, index: int) -> bytes:
        """Return the path of an image."""
        return os.path.join(self.path, self.image_name(index))

    def image_name(self, index: int) -> bytes:
        """Return the path of an image below the dataset's folder."""
        name = b"%b%d.%b" % (self.name, index, self.format.extension.encode())
        return os.path.join(subfolder(self, index), name)

    def labels(self, index: int) -> tuple[int, ...]:
        """Return the labels of an image: one where there are classes, or none."""
        return () if self.classes is None else (index % self.classes,)

    def _set(self, field: str, value: object) -> None:
        """Complete a field, for which frozen dataclasses have no better way."""
        object.__setattr__(self, field, value)


@lru_cache(maxsize=4096)
def _of_size(spec: DatasetSpec, width: int, height: int) -> DatasetSpec:
    least = spec.sizes.least[1] if spec.sizes else None
    return replace(spec, width=width, height=height, sizes=None, pool_height=least)


def _check_range(option: str, value: int, least: int, most: int) -> None:
    if not hasattr(value, "__index__"):
        raise UsageError(f"argument {option}: must be a whole number, not {value!r}")
    if not least <= value <= most:
        raise UsageError(f"argument {option}: must be from {least} to {most}, not {value}")
