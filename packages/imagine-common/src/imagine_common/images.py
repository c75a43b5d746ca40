"""Image files as the packers see them: bytes that begin as an image does, never decoded."""

from __future__ import annotations

import os
import re
import stat
from types import TracebackType

from imagine_common.atomic import Buffer
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


def is_image(head: Buffer) -> bool:
    """Tell whether a file whose first 32 bytes (or all, where it has fewer) these are is an image.

    Signatures are those of JFIF, PNG, BMP, GIF, WebP, TIFF, JPEG 2000, AVIF and HEIF.
    """
    return _SIGNATURES.match(head) is not None


class ImageFile:
    """An image file that is open for reading. Leaving its `with` block closes it.

    Parameters
    ----------
    path : bytes
    limit : int
        The most bytes that it may have.

    Raises
    ------
    ImagineError
        Naming the file, where it is missing, unreadable, empty, over the limit, or no regular file
        (such are never opened).
    """

    def __init__(self, path: bytes, limit: int) -> None:
        self.path = path
        self._fd = -1
        try:
            _require_regular(path, os.stat(path).st_mode)
            # Should a FIFO take the name just now, opening it must not wait for its writer.
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            status = os.fstat(self._fd)
            _require_regular(path, status.st_mode)
        except FileNotFoundError as error:
            raise ImagineError(f"{file_error(path, error)}{_hint(path)}") from error
        except OSError as error:
            self.close()
            raise file_error(path, error) from error
        except ImagineError:
            self.close()
            raise
        self.size = status.st_size
        if not 0 < self.size <= limit:
            self.close()
            raise ImagineError(
                f"{show(path)}: {self.size} bytes are over the record format's {limit}"
                if self.size
                else f"{show(path)}: the file is empty"
            )

    def read_into(self, buffer: memoryview) -> None:
        """Read the whole file into a buffer, uint8 of shape (size,).

        Raises
        ------
        ImagineError
            Where it can't be read, is cut off meanwhile or is, by its first bytes, no image.
        """
        done = 0
        try:
            # One read does it, but for files over 2 GiB and those that shrink meanwhile.
            while done < self.size and (count := os.readv(self._fd, [buffer[done:]])):
                done += count
        except OSError as error:
            raise file_error(self.path, error) from error
        if done < self.size:
            raise ImagineError(
                f"{show(self.path)}: ends after {done} of {self.size} bytes; it changed while"
                " being read"
            )
        if not is_image(buffer[:HEAD_BYTES]):
            first = bytes(buffer[:8]).hex(" ")
            raise ImagineError(f"{show(self.path)}: not an image (first bytes: {first})")

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> ImageFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


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


def _hint(path: bytes) -> str:
    if path.endswith(b"\r"):
        return "; the name ends with a carriage return: does the manifest have CRLF line ends?"
    if path.startswith(b"\xef\xbb\xbf"):
        return "; the name begins with a byte-order mark: save the manifest without one"
    return ""
