"""Image files as the packers see them: bytes that begin as an image does, never decoded."""

from __future__ import annotations

import os
import re
import stat

from imagine_common.errors import ImagineError, file_error, show

HEAD_BYTES = 32

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

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
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
        Naming the file, where it is missing, unreadable, empty, over the limit, cut off while it
        is read, no regular file (such are never opened) or, by its first bytes, no image.
    """
    try:
        _require_regular(path, os.stat(path).st_mode)
        # Should a FIFO take the name just now, opening it must not wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            _require_regular(path, status.st_mode)
            if not status.st_size:
                raise ImagineError(f"{show(path)}: the file is empty")
            if status.st_size > limit:
                raise ImagineError(
                    f"{show(path)}: {status.st_size} bytes are over the record format's {limit}"
                )
            data = _read_exactly(fd, status.st_size)
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        raise ImagineError(f"{file_error(path, error)}{_hint(path)}") from error
    except OSError as error:
        raise file_error(path, error) from error
    if len(data) < status.st_size:
        raise ImagineError(
            f"{show(path)}: ends after {len(data)} of {status.st_size} bytes; it changed while"
            " being read"
        )
    if not is_image(data[:HEAD_BYTES]):
        raise ImagineError(f"{show(path)}: not an image (first bytes: {data[:8].hex(' ')})")
    return data


def read_head(path: bytes) -> bytes:
    """Return the first 32 bytes of a regular file; nothing of any other.

    Raises
    ------
    ImagineError
        Where it can't be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(fd, HEAD_BYTES)
        finally:
            os.close(fd)
    except OSError as error:
        raise file_error(path, error) from error


def _require_regular(path: bytes, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise ImagineError(f"{show(path)}: expected an image file, found {kind}")


def _read_exactly(fd: int, size: int) -> bytes:
    # One read does it, but for files over 2 GiB and those that shrink meanwhile.
    data = os.read(fd, size)
    if len(data) == size or not data:
        return data
    parts = [data]
    while size > sum(map(len, parts)) and (part := os.read(fd, size - sum(map(len, parts)))):
        parts.append(part)
    return b"".join(parts)


def _hint(path: bytes) -> str:
    if path.endswith(b"\r"):
        return "; the name ends with a carriage return: does the manifest have CRLF line ends?"
    if path.startswith(b"\xef\xbb\xbf"):
        return "; the name begins with a byte-order mark: save the manifest without one"
    return ""
