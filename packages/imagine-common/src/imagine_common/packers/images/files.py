"""Image files as the packers see them: bytes that begin as an image does, never decoded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from imagine_common.errors import ImagineError, file_error
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.storage import open_input
from imagine_common.files.temporary import is_temporary
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header

HEAD_BYTES = 32
HEADER_BYTES = 4096  # in which most images tell their dimensions
_LARGE = 1 << 24  # bytes

_SIGNATURES = re.compile(
    rb"""(?xs)
    \xff\xd8\xff                                            # JPEG
    | \x89PNG\r\n\x1a\n                                     # PNG
    | BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0           # BMP: its header, then a known size
    | GIF8[79]a                                             # GIF
    | RIFF.{4}WEBP                                          # WebP
    | II[*+]\0 | MM\0[*+]                                   # TIFF, BigTIFF
    | \0\0\0\x0cjP\x20\x20\r\n\x87\n | \xff\x4f\xff\x51     # JPEG 2000: file, codestream
    | .{4}ftyp(?:avif|avis|heic|heix|mif1|msf1)             # AVIF, HEIF
    """
)


def is_image(head: bytes) -> bool:
    """Tell whether a file whose first 32 bytes (or all, where it has fewer) these are is an image.

    Signatures are those of JFIF, PNG, BMP, GIF, WebP, TIFF, JPEG 2000, AVIF and HEIF.
    """
    return _SIGNATURES.match(head) is not None


def read_image(path: bytes, limit: int) -> bytes:
    """Return a whole image file, of at most `limit` bytes.

    Raises
    ------
    ImagineError
        As `image_size` does, and where the file is cut off while it is read.
    """
    with _open_image(path, limit) as file:
        try:
            if file.size > _LARGE:  # Of a file that is none, only the first bytes are read.
                _require_image(path, file.read_at(0, HEAD_BYTES))
            data = file.read_at(0, file.size)
        except OSError as error:
            raise file_error(path, error) from error
    if len(data) < file.size:
        raise ImagineError(
            f"{show(path)}: ends after {len(data)} of {file.size} bytes; it changed while being"
            " read"
        )
    _require_image(path, data[:HEAD_BYTES])
    return data


def image_size(path: bytes, limit: int) -> int:
    """Return the size of an image file, of at most `limit` bytes, of which only the first are read.

    Raises
    ------
    ImagineError
        Naming the file, where it is missing, unreadable, empty, over the limit, still being
        written by a run, no regular file (such are never opened) or, by its first bytes, no image.
    """
    return look_at_image(path, limit, lambda *_: None)[0]


def look_at_image(
    path: bytes, limit: int, examine: Callable[[bytes, FileSlice], Header | None]
) -> tuple[int, Header | None]:
    """Return the size of an image file and what `examine` finds in it, which reads what it needs.

    Raises
    ------
    ImagineError
        As `image_size` and `examine` do.
    """
    with _open_image(path, limit) as file:
        try:
            _require_image(path, file.read_at(0, HEAD_BYTES))
            return file.size, examine(path, FileSlice(file, 0, window=HEADER_BYTES))
        except OSError as error:
            raise file_error(path, error) from error


def read_head(path: bytes) -> bytes:
    """Return the first 32 bytes of a file.

    Raises
    ------
    ImagineError
        Where it is missing, no regular file, or can't be read.
    """
    with open_input(path, "an image file") as file:
        try:
            return file.read_at(0, HEAD_BYTES)
        except OSError as error:
            raise file_error(path, error) from error


def _open_image(path: bytes, limit: int) -> InputFile:
    if is_temporary(path):
        raise ImagineError(f"{show(path)}: a file that a run has begun and not finished")
    file = open_input(path, "an image file")
    if 0 < file.size <= limit:
        return file
    file.close()
    if not file.size:
        raise ImagineError(f"{show(path)}: the file is empty")
    raise ImagineError(f"{show(path)}: {file.size} bytes are over the record format's {limit}")


def _require_image(path: bytes, head: bytes) -> None:
    if not is_image(head):
        raise ImagineError(f"{show(path)}: not an image (first bytes: {head[:8].hex(' ')})")
