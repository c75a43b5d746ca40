"""Whether an image file is whole, by its end."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from imagine_common.files.image_ends import is_cut
from imagine_common.files.reading import FileSlice, RegularFile
from support import JPEG, PNG

THUMBNAIL = b"\xff\xe1" + struct.pack(">H", 2 + len(JPEG)) + JPEG  # with an end marker inside
BMP = b"BM" + struct.pack("<IIIIiiHHI", 7, 0, 54, 40, 5, -3, 1, 24, 0) + bytes(20 + 3 * 16)
WEBP = b"RIFF" + struct.pack("<I", 4 + 8 + 6) + b"WEBPVP8 " + struct.pack("<I", 6) + b"abcdef"
GIF = (
    b"GIF89a\5\0\3\0\x80\0\0abcdef"  # with a palette of two colors
    b"!\xf9\4\0\0\0\0\0,\0\0\0\0\5\0\3\0\x80ABCDEF\2\5,;;;;\0;"  # and one of its own
)
TIFF = b"II*\0\x08\0\0\0\2\0" + b"".join(
    struct.pack("<HHII", tag, 4, 2, place) for tag, place in ((273, 38), (279, 46))
)
TIFF += bytes(4) + struct.pack("<4I", 54, 60, 6, 4) + b"abcdefghij"
BIG_ENDIAN_TIFF = b"MM\0*\0\0\0\x08\0\2" + b"".join(
    struct.pack(">HHIHH", tag, 3, 1, number, 0) for tag, number in ((324, 38), (325, 5))
)
BIG_ENDIAN_TIFF += bytes(4) + b"abcde"  # a tile


def boxes(*contents: tuple[bytes, bytes]) -> bytes:
    return b"".join(struct.pack(">I4s", 8 + len(data), kind) + data for kind, data in contents)


AVIF = boxes((b"ftyp", b"avif\0\0\0\0mif1"), (b"meta", b"abc"), (b"mdat", b"abcdefgh"))
JPEG_2000 = boxes((b"jP  ", b"\r\n\x87\n"), (b"ftyp", b"jp2 "), (b"jp2c", b"\xff\x4f...\xff\xd9"))
JPEG_XL = boxes((b"JXL ", b"\r\n\x87\n"), (b"ftyp", b"jxl "), (b"jxlc", b"\xff\x0a..."))
SHOWS_ZEROS = (b"\xff\xd8", b"\x89PNG", b"GIF8")

WHOLE = [
    pytest.param(JPEG, id="JPEG"),
    pytest.param(JPEG[:2] + THUMBNAIL + JPEG[2:], id="JPEG with a thumbnail"),
    pytest.param(PNG, id="PNG"),
    pytest.param(BMP, id="BMP"),
    pytest.param(WEBP, id="WebP"),
    pytest.param(GIF, id="GIF"),
    pytest.param(TIFF, id="TIFF"),
    pytest.param(BIG_ENDIAN_TIFF, id="big-endian TIFF"),
    pytest.param(AVIF, id="AVIF"),
    pytest.param(JPEG_2000, id="JPEG 2000"),
    pytest.param(JPEG_XL, id="JPEG XL"),
]


def cut(folder: Path, data: bytes) -> bool:
    """Return whether an image is cut, read from memory and from a file."""
    path = folder / "image"
    path.write_bytes(data)
    with RegularFile(bytes(path), "an image") as file:
        result = is_cut(FileSlice(file.read_at, 0, window=64), len(data))
    assert is_cut(data, len(data)) == result
    return result


@pytest.mark.parametrize("image", WHOLE)
@pytest.mark.parametrize("more", [b"", b"\0", bytes(4096), b"\xff", b"ftypmp42" * 200_000])
def test_a_whole_image_may_be_followed_by_other_bytes(
    tmp_path: Path, image: bytes, more: bytes
) -> None:
    assert not cut(tmp_path, image + more)


@pytest.mark.parametrize("image", WHOLE)
def test_every_cut_and_every_tail_of_zeros_is_found(tmp_path: Path, image: bytes) -> None:
    shows_zeros = image.startswith(SHOWS_ZEROS)
    for size in range(34 if image == BMP else 12, len(image)):
        # A file that ends with its thumbnail looks whole.
        assert cut(tmp_path, image[:size]) or image[:size].endswith(JPEG), size
        zeroed = image[:size].ljust(len(image), b"\0")
        assert not shows_zeros or cut(tmp_path, zeroed), size


@pytest.mark.parametrize("data", [b"II+\0\x08\0\0\0", b"\xff\x4f\xff\x51", b"", b"\xff\x0a\xfa"])
def test_other_formats_do_not_show_it(tmp_path: Path, data: bytes) -> None:
    assert not cut(tmp_path, data)
