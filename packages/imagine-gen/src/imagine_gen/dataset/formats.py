"""The file formats: spellings, modes, limits, memory. A new format is one entry in `FORMATS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import UsageError

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

CHANNELS = {"RGB": 3, "RGBA": 4, "L": 1}
BMP_HEADER_BYTES = {"RGB": 54, "RGBA": 122, "L": 54 + 4 * 256}  # with the palette

_ALL_MODES = tuple(CHANNELS)
_LONGEST = 2**31 - 1
_PROCESS_BYTES = 60_000_000
_PHOTO_BYTES = 30_000_000  # the textures, and tiles of planes
_JPEG_HEADER_BYTES = 2**16
_MAX_JPEG_PIXEL_BYTES = 16
_COMPRESSIBLE_COPIES = 3  # of a file without filler, besides the file with it


class Format(NamedTuple):
    """A file format.

    The first of the `spellings`, all in lower case, is the extension of its files. `max_side` is in
    pixels. `pixel_bytes` is the memory that encoding takes in each mode, in bytes a pixel on top of
    the image: measured with noise, at quality 100 if the format has a quality, and rounded up. It
    is empty if images are written in pieces. `options` are those that not all formats have.
    `pillow` is Pillow's name of a format that it writes, `codec` the library that its builds may
    lack, and `wheels` says which of Pillow's own wheels have it.
    """

    spellings: tuple[str, ...]
    modes: tuple[str, ...]
    max_side: int
    pixel_bytes: Mapping[str, int] = {}
    options: tuple[str, ...] = ()
    pillow: str = ""
    codec: str = ""
    wheels: str = "all"


# JPEG's own limit is 65,535 pixels (ITU-T T.81, B.2.2), but libjpeg-turbo's is lower. AV1's is
# 65,536, but libavif's default limit for decoding is lower.
FORMATS = {
    "jpg": Format(
        ("jpg", "jpeg"),
        ("RGB", "L"),
        65_500,
        {"RGB": 1, "L": 1},
        ("--quality", "--target-size", "--subsampling", "--direct", "--compress-ratio"),
    ),
    "png": Format(
        ("png",), _ALL_MODES, _LONGEST, options=("--compress-level", "--pooled", "--compress-ratio")
    ),
    "bmp": Format(("bmp", "bitmap"), _ALL_MODES, _LONGEST, options=("--pooled",)),
    "webp": Format(
        ("webp",),
        ("RGB", "RGBA"),
        16_383,
        {"RGB": 32, "RGBA": 45},
        ("--quality",),
        pillow="WEBP",
        codec="webp",
    ),
    "tiff": Format(
        ("tiff", "tif"),
        _ALL_MODES,
        _LONGEST,
        {"RGB": 4, "RGBA": 5, "L": 2},
        ("--compress-ratio",),
        pillow="TIFF",
    ),
    "avif": Format(
        ("avif",),
        ("RGB", "RGBA"),
        32_768,
        {"RGB": 29, "RGBA": 51},
        ("--quality",),
        pillow="AVIF",
        codec="avif",
        wheels="those from 11.3 on",
    ),
    "jp2": Format(
        ("jp2", "jpeg2000"),
        _ALL_MODES,
        _LONGEST,
        {"RGB": 46, "RGBA": 61, "L": 18},
        pillow="JPEG2000",
        codec="jpg_2000",
    ),
    "gif": Format(("gif",), ("RGB", "L"), 65_535, {"RGB": 8, "L": 2}, pillow="GIF"),
}
EXTENSIONS = {"jpg": ("jpeg", "jpe"), "bmp": ("dib",), "tiff": ("tif",)}  # besides the name
SPELLINGS = {spelling: name for name, found in FORMATS.items() for spelling in found.spellings}


def bmp_row_bytes(spec: DatasetSpec) -> int:
    """Return the bytes of a row of pixels in a BMP file, padded to a multiple of 4."""
    return -(-spec.row_bytes // 4) * 4


def bmp_bytes(spec: DatasetSpec) -> int:
    """Return the size of a BMP file; the format allows at most 2**32 - 1 bytes."""
    return BMP_HEADER_BYTES[spec.mode] + bmp_row_bytes(spec) * spec.height


def require_codec(image_format: Format) -> None:
    """Raise a `UsageError` if the installed Pillow was built without the codec of a format."""
    codec = image_format.codec
    if not codec:
        return
    import PIL
    from PIL import features

    # A Pillow that is older than the format does not know the codec's name, and warns about it.
    if codec not in {*features.modules, *features.codecs} or not features.check(codec):
        raise UsageError(
            f"argument --image-format: the installed Pillow {PIL.__version__} cannot write"
            f" {image_format.pillow}; of Pillow's own wheels, {image_format.wheels} can"
        )


def worker_bytes(spec: DatasetSpec) -> int:
    """Return about how many bytes of memory a worker needs, as measured, without a pool's."""
    process = _PROCESS_BYTES + (_PHOTO_BYTES if spec.content == "photo" else 0)
    if spec.compress_ratio > 1:
        process += int((_COMPRESSIBLE_COPIES + spec.compress_ratio) * spec.row_bytes * spec.height)
    if spec.stamp:  # It depends on the whole file.
        process += spec.row_bytes * spec.height
    if spec.direct or spec.pooled or not (spec.format.pixel_bytes or spec.compress_level):
        return process
    pixels = spec.width * spec.height
    canvas = pixels * (1 if spec.mode == "L" else 4)  # Pillow's image
    finest = spec.subsampling == "4:4:4"
    if spec.target_size is not None:
        # A search keeps two files, and tries the largest once. The target is capped, so that an
        # unreachable one gets its own error instead of one about memory.
        most = _JPEG_HEADER_BYTES + _MAX_JPEG_PIXEL_BYTES * pixels
        files = max(3 * min(spec.target_size, most), pixels * (4 if finest else 3))
        return process + canvas + files
    if spec.compress_level:
        return process + canvas + canvas
    return process + canvas + pixels * (2 if finest else spec.format.pixel_bytes[spec.mode])
