"""Recognizing the existing image files that a dataset can keep, by header and end of file.

Pillow reads a header only and does not notice a cut, so the end of each of its formats is checked
here. Of WebP and AVIF files it reads all bytes, without decoding them.
"""

from __future__ import annotations

import logging
import struct
import warnings
from functools import lru_cache
from typing import IO, Any, cast

from imagine_common.errors import ImagineError
from imagine_common.files.image_headers import has_end, read_header
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.storage import open_input
from imagine_gen.dataset.spec import DatasetSpec

_WINDOW_BYTES = 64  # Only a file's header and its end are read.
_MAX_BOXES = 64
_STRIP_OFFSETS, _STRIP_BYTES = 273, 279  # TIFF 6.0, section 8


def existing_size(spec: DatasetSpec, path: bytes) -> int:
    """Return the bytes of an image's file, or 0 if it is not complete or not as asked for."""
    try:
        with open_input(path, "an image file") as file:
            return file.size if _is_complete(spec, file) else 0
    except (ImagineError, OSError):
        return 0  # Replacing the file reports what is wrong with it.


def _is_complete(spec: DatasetSpec, file: InputFile) -> bool:
    if spec.format.pillow:
        return read_complete(file, spec.format.pillow) == (spec.width, spec.height, spec.mode)
    contents = FileSlice(file, 0, _WINDOW_BYTES)
    wanted = (spec.image_format, spec.width, spec.height, spec.mode)
    return read_header(contents) == wanted and has_end(contents, file.size)


def read_complete(file: InputFile, kind: str) -> tuple[int, int, str] | None:
    """Return width, height and mode of a file, or None if it is broken, cut or of another kind.

    `kind` is Pillow's name of the format. A GIF file has mode L if its palette is gray.
    """
    # `Image.open` would refuse large images as decompression bombs.
    opener, _ = _openers()[kind]
    try:
        image = opener(cast(IO[bytes], _Stream(file)), "")
        if not _has_end(file, kind, image):
            return None
    except Exception:  # Pillow raises many types for a broken file.
        return None
    width, height = image.size
    return (width, height, _gif_mode(file) if kind == "GIF" else image.mode)


@lru_cache(maxsize=1)
def _openers() -> dict[str, Any]:
    """Return Pillow's openers by format, which from now on keep silent about broken TIFF files.

    Such files are made again. The filter stays, because threads share filters.
    """
    from PIL import Image

    warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
    logging.getLogger("PIL.TiffImagePlugin").addHandler(logging.NullHandler())
    Image.init()
    return Image.OPEN


def _has_end(file: InputFile, kind: str, image: Any) -> bool:
    size = file.size
    if kind == "WEBP":
        return 8 + int.from_bytes(file.read_at(4, 4), "little") == size
    if kind == "TIFF":
        strips = zip(image.tag_v2[_STRIP_OFFSETS], image.tag_v2[_STRIP_BYTES])
        return all(offset + length <= size for offset, length in strips)
    if kind == "AVIF":
        return _ends_with_box(file)
    if kind == "JPEG2000":
        return file.read_at(4, 4) == b"jP  " and file.read_at(size - 2, 2) == b"\xff\xd9"
    return file.read_at(size - 1, 1) == b";"


def _ends_with_box(file: InputFile) -> bool:
    """Return whether a file of boxes (ISO/IEC 14496-12) has its pixels and ends with a box."""
    begin, kinds = 0, set()
    for _ in range(_MAX_BOXES):
        length, kind = struct.unpack(">I4s", file.read_at(begin, 8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read_at(begin + 8, 8))
        kinds.add(kind)
        begin = begin + length if length else file.size
        if begin >= file.size:
            break
    return begin == file.size and b"mdat" in kinds


def _gif_mode(file: InputFile) -> str:
    flags = file.read_at(10, 1)[0]
    palette = file.read_at(13, 3 * (2 << (flags & 7)) if flags & 0x80 else 0)
    return "L" if palette[0::3] == palette[1::3] == palette[2::3] else "RGB"


class _Stream:
    """A file object for Pillow that reads only the bytes that Pillow asks for."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._file.size - self._offset)
        data = self._file.read_at(self._offset, left if size < 0 else min(size, left))
        self._offset += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._offset = offset + (0, self._offset, self._file.size)[whence]
        return self._offset

    def tell(self) -> int:
        return self._offset
