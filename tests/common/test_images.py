from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.packers.images import HEAD_BYTES, is_image, read_head, read_image
from support import JPEG, PNG

LIMIT = 1 << 29


def bmp(header_size: int) -> bytes:
    return b"BM" + bytes(12) + header_size.to_bytes(4, "little")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(JPEG, id="JFIF"),
        pytest.param(b"\xff\xd8\xff\xe1\0\0Exif", id="Exif"),
        pytest.param(b"\xff\xd8\xff", id="JPEG, cut"),
        pytest.param(PNG, id="PNG"),
        *(pytest.param(bmp(n), id=f"BMP, header of {n}") for n in (12, 40, 52, 56, 64, 108, 124)),
        pytest.param(b"GIF87a", id="GIF87a"),
        pytest.param(b"GIF89a\1\0", id="GIF89a"),
        pytest.param(b"RIFF\x0a\0\0\0WEBPVP8 ", id="WebP"),
        pytest.param(b"RIFF\n\n\n\nWEBPVP8L", id="WebP, newlines in its size"),
        pytest.param(b"II*\0", id="TIFF, little-endian"),
        pytest.param(b"MM\0*", id="TIFF, big-endian"),
        pytest.param(b"II+\0", id="BigTIFF, little-endian"),
        pytest.param(b"MM\0+", id="BigTIFF, big-endian"),
        pytest.param(b"\0\0\0\x0cjP  \r\n\x87\n", id="JPEG 2000"),
        pytest.param(b"\xff\x4f\xff\x51", id="JPEG 2000 codestream"),
        pytest.param(b"\0\0\0\x0cJXL \r\n\x87\n", id="JPEG XL"),
        pytest.param(b"\xff\x0a\xfa\x1f", id="JPEG XL codestream"),
        *(
            pytest.param(b"\0\0\0\x1cftyp" + brand, id=brand.decode())
            for brand in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
        ),
    ],
)
def test_image_is_known_by_its_signature(head: bytes) -> None:
    assert is_image(head)
    assert is_image(head[:HEAD_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 32, id="zeros"),
        pytest.param(b"hello, world", id="text"),
        pytest.param(b"BMW, a maker of cars, and more text", id="text like a BMP"),
        pytest.param(bmp(41), id="BMP, unknown header"),
        pytest.param(bmp(40)[:17], id="BMP, cut"),
        pytest.param(b"RIFF\0\0\0\0WAVE", id="WAV"),
        pytest.param(b"\0\0\0\x18ftypmp42", id="MP4"),
        pytest.param(b"\xff\xd8", id="JPEG, cut"),
        pytest.param(PNG[:7], id="PNG, cut"),
        pytest.param(b" " + PNG, id="PNG, shifted"),
        pytest.param(PNG.replace(b"\r\n", b"\n"), id="PNG, as text"),
        pytest.param(b"GIF88a", id="unknown GIF"),
        pytest.param(b"II\0*", id="mixed TIFF"),
        pytest.param(b"%PDF-1.7", id="PDF"),
        pytest.param(b"PK\x03\x04", id="zip"),
        pytest.param(b"\x1f\x8b\x08", id="gzip"),
        pytest.param(b"<svg xmlns=", id="SVG"),
        pytest.param(b"\x0a\x23\xd7\xce", id="RecordIO"),
    ],
)
def test_other_files_are_not_images(head: bytes) -> None:
    assert not is_image(head)


def save(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    return os.fsencode(path)


@pytest.mark.parametrize("name", ["a.jpg", "no extension", "a\n\t1.txt", "\udcff.jpg"])
def test_image_is_read_whole(tmp_path: Path, name: str) -> None:
    assert read_image(save(tmp_path / name, JPEG), LIMIT) == JPEG


def test_image_is_read_through_a_symlink(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", JPEG)
    os.symlink("a.jpg", tmp_path / "link")
    assert read_image(os.fsencode(tmp_path / "link"), LIMIT) == JPEG


def test_missing_file_is_named(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "a.jpg")
    with pytest.raises(ImagineError, match=r"/a\.jpg: No such file or directory$"):
        read_image(path, LIMIT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (b"a.jpg\r", r"a\.jpg\\r: No such file.*; the name ends with a carriage return.*CRLF"),
        (
            b"\xef\xbb\xbfa.jpg",
            r"^\\ufeffa\.jpg: No such file.*; the name begins with a byte-order",
        ),
        *(
            (
                b"a.jpg\t" + label,
                r"^a\.jpg\\t.*: No such file.*; the name has a tab: a label .* is a whole number",
            )
            for label in (b"-1", b"1.5", b"cat", b"1, 2", b"1,")
        ),
    ],
)
def test_missing_file_that_a_manifest_misnames_comes_with_a_hint(
    tmp_path: Path, name: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImagineError, match=words):
        read_image(name, LIMIT)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagineError, match=r"/a\.jpg: the file is empty$"):
        read_image(save(tmp_path / "a.jpg", b""), LIMIT)


def test_non_images_are_refused_with_their_first_bytes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", b"hello, world")
    with pytest.raises(ImagineError, match=r"a\.jpg: not an image .*: 68 65 6c 6c 6f 2c 20 77\)"):
        read_image(path, LIMIT)


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagineError, match=r"expected an image file, found a directory$"):
        read_image(os.fsencode(tmp_path), LIMIT)


def test_fifo_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ImagineError, match=r"fifo: expected an image file, found a FIFO$"):
        read_image(os.fsencode(tmp_path / "fifo"), LIMIT)


def test_fifo_that_takes_the_place_of_a_file_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.jpg", JPEG)
    before = os.stat(path)
    os.unlink(path)
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda _: before)
    with pytest.raises(ImagineError, match=r"expected an image file, found a FIFO$"):
        read_image(path, LIMIT)


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(ImagineError, match=r"^socket: expected an image file, found a socket$"):
            read_image(b"socket", LIMIT)


def test_device_is_refused() -> None:
    with pytest.raises(ImagineError, match=r"^/dev/zero: .* found a character device$"):
        read_image(b"/dev/zero", LIMIT)


def test_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", JPEG)
    os.truncate(path, 1 << 40)  # sparse; reading it would need a terabyte of memory
    with pytest.raises(ImagineError, match=f": {1 << 40} bytes are over the record format's"):
        read_image(path, LIMIT)


@pytest.mark.parametrize(("limit", "accepted"), [(len(JPEG), True), (len(JPEG) - 1, False)])
def test_limit_is_inclusive(tmp_path: Path, limit: int, accepted: bool) -> None:
    path = save(tmp_path / "a.jpg", JPEG)
    if accepted:
        assert read_image(path, limit) == JPEG
    else:
        with pytest.raises(ImagineError, match=f"over the record format's {limit}"):
            read_image(path, limit)


@pytest.mark.parametrize("left", [0, 5])
def test_file_that_shrinks_meanwhile_is_refused(
    tmp_path: Path, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.jpg", JPEG)
    read = os.pread

    def shrink_and_read(fd: int, size: int, offset: int) -> bytes:
        os.truncate(path, left)
        return read(fd, size, offset)

    monkeypatch.setattr(os, "pread", shrink_and_read)
    with pytest.raises(ImagineError, match=f"ends after {left} of {len(JPEG)} bytes; it changed"):
        read_image(path, LIMIT)


def test_short_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.jpg", JPEG)
    read = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: read(fd, min(size, 100), at))
    assert read_image(path, LIMIT) == JPEG


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    read_image(save(tmp_path / "a.jpg", JPEG), LIMIT)
    for data in (b"", b"hello"):
        with pytest.raises(ImagineError):
            read_image(save(tmp_path / "a.jpg", data), LIMIT)
    read_head(os.fsencode(tmp_path / "a.jpg"))
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    opened = [os.readlink(link) for link in links if os.path.islink(link)]
    assert opened  # This process has some, but none here.
    assert not any(name.startswith(str(tmp_path)) for name in opened)


def test_head_is_the_first_bytes(tmp_path: Path) -> None:
    assert read_head(save(tmp_path / "a.jpg", JPEG)) == JPEG[:32]
    assert read_head(save(tmp_path / "b", b"hello")) == b"hello"


def test_head_of_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImagineError, match=r"none: No such file or directory$"):
        read_head(os.fsencode(tmp_path / "none"))


def test_head_of_a_fifo_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ImagineError, match="found a FIFO"):
        read_head(os.fsencode(tmp_path / "fifo"))
