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

WHOLE = [
    pytest.param(JPEG, id="JPEG"),
    pytest.param(JPEG[:2] + THUMBNAIL + JPEG[2:], id="JPEG with a thumbnail"),
    pytest.param(PNG, id="PNG"),
    pytest.param(BMP, id="BMP"),
    pytest.param(WEBP, id="WebP"),
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
    shows_zeros = image.startswith((b"\xff\xd8", b"\x89PNG"))
    for size in range(34 if image == BMP else 12, len(image)):
        # A file that ends with its thumbnail looks whole.
        assert cut(tmp_path, image[:size]) or image[:size].endswith(JPEG), size
        zeroed = image[:size].ljust(len(image), b"\0")
        assert not shows_zeros or cut(tmp_path, zeroed), size


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(40), b"II*\0", b"", b"\xff\x0a\xfa"])
def test_other_formats_do_not_show_it(tmp_path: Path, data: bytes) -> None:
    assert not cut(tmp_path, data)
