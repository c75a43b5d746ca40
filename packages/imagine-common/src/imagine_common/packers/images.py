"""Images on their way into records: read and recognize their files, and add the label offset.

Images are not decoded, only recognized by their first bytes, and by their end if the format shows
it. Functions raise an `ImagineError` that names a file if it is missing, unreadable or not a
regular file, which is never opened. Those that take an image also refuse a file that is not one, is
empty, cut off, over the size limit, or being written by a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import INT64_MAX
from imagine_common.files.image_ends import ENDS, is_cut
from imagine_common.files.image_headers import HEAD_BYTES as HEAD_BYTES
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.storage import open_input
from imagine_common.files.temporary import is_temporary
from imagine_common.packers.records import Image
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header

# Names with these extensions, in lower case, promise an image. The packers refuse PNM files.
IMAGE_EXTENSIONS = frozenset(
    b"jpg jpeg jpe jfif png bmp dib gif webp tif tiff jp2 j2k j2c jpc jpx jxl avif avifs heic heif"
    b" hif ppm pgm pbm pnm".split()
)
_HEADER_BYTES = 4096  # contain the dimensions of most images
_LARGE_BYTES = 1 << 24

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
    | \0\0\0\x0cJXL\x20\r\n\x87\n | \xff\x0a                 # JPEG XL: container, codestream
    """
)


def is_image(head: bytes) -> bool:
    """Return whether a file with these first 32 bytes, or fewer if it is shorter, is an image.

    Signatures are those of JFIF, PNG, BMP, GIF, WebP, TIFF, JPEG 2000, AVIF, HEIF and JPEG XL.
    """
    return _SIGNATURES.match(head) is not None


def promises_image(name: bytes) -> bool:
    """Return whether a file's name has an image's extension."""
    return name.rpartition(b".")[2].lower() in IMAGE_EXTENSIONS


def require_image(name: bytes, head: bytes) -> None:
    """Raise an `ImagineError` unless a file begins as an image does."""
    if not is_image(head):
        raise ImagineError(f"{show(name)}: not an image (first bytes: {head[:8].hex(' ')})")


def require_end(name: bytes, contents: bytes | FileSlice, size: int) -> None:
    """Raise an `ImagineError` if an image of `size` bytes lacks its end."""
    # Most have their end, and a look at it takes a tenth of the time.
    if isinstance(contents, bytes) and contents.endswith(ENDS):
        return
    if is_cut(contents, size):
        raise ImagineError(f"{show(name)}: the image is cut off: it has no end")


def require_size(name: bytes, size: int, limit: int) -> None:
    """Raise an `ImagineError` if an image is empty, or larger than its record can be."""
    if not size:
        raise ImagineError(f"{show(name)}: the file is empty")
    if size > limit:
        raise ImagineError(f"{show(name)}: {size} bytes are over the record format's {limit}")


def read_image(path: bytes, limit: int) -> bytes:
    """Return the bytes of an image file of at most `limit` bytes."""
    with _open_image(path, limit) as file:
        if file.size > _LARGE_BYTES:
            require_image(path, file.read_at(0, HEAD_BYTES))
        data = file.read_at(0, file.size)
    if len(data) < file.size:
        raise ImagineError(
            f"{show(path)}: ends after {len(data)} of {file.size} bytes; it changed while being"
            " read"
        )
    require_image(path, data[:HEAD_BYTES])
    require_end(path, data, file.size)
    return data


def look_at_image(
    image: Image, limit: int, examine: Callable[[bytes, FileSlice], Header | None]
) -> Image:
    """Return an image with the size of its file and the header that `examine` returns.

    Only the beginning and the end of the file, and the bytes that `examine` needs, are read.
    """
    position, path, labels, *_ = image
    with _open_image(path, limit) as file:
        contents = FileSlice(file.read_at, 0, window=_HEADER_BYTES)
        require_image(path, contents[0:HEAD_BYTES])
        header = examine(path, contents)
        require_end(path, contents, file.size)
        return Image(position, path, labels, file.size, header=header)


def read_head(path: bytes) -> bytes:
    """Return the first 32 bytes of a file."""
    with open_input(path, "an image file") as file:
        return file.read_at(0, HEAD_BYTES)


def offset_labels(image: Image, offset: int) -> Image:
    """Return an image with a number added to each of its labels, or to the 0 of one without."""
    if not offset:
        return image
    labels = tuple(label + offset for label in image.labels or (0,))
    for before, label in zip(image.labels or (0,), labels):
        if label > INT64_MAX or label < 0 <= before:
            raise ImagineError(
                f"{show(image.path)}: label {before} with the offset {offset} is"
                f" {'negative' if label < 0 else f'over {INT64_MAX}'}"
            )
    return image._replace(labels=labels)


def _open_image(path: bytes, limit: int) -> InputFile:
    if is_temporary(path):
        raise ImagineError(f"{show(path)}: an unfinished file of a run")
    file = open_input(path, "an image file")
    if not 0 < file.size <= limit:
        file.close()
        require_size(path, file.size, limit)
    return file
