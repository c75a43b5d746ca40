"""Reading files that others named, at any place; of local ones, only regular files are opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import BinaryIO, Protocol

from imagine_common.errors import ImagineError, file_error
from imagine_common.files.output import Buffer
from imagine_common.text import show

PIECE_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 16

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class InputFile(Protocol):
    """A file that is read: a local one, or an object in a store.

    `size` is in bytes. What can't be read raises an `OSError`, or an `ImagineError` that names it.
    """

    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset on; fewer than asked for only where the file ends."""

    def stream(self) -> BinaryIO:
        """Return a file object that reads it from its beginning."""

    def close(self) -> None:
        """Close it."""

    def __enter__(self) -> InputFile:
        """Return the file."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""


class RegularFile:
    """A regular local file, or a link to one.

    Others are never opened: opening a FIFO waits, and opening a device may do anything.

    Raises
    ------
    ImagineError
        From the constructor, where the file is missing, unreadable or not regular; `expected` says
        what should be there.
    """

    __slots__ = ("_fd", "size")

    def __init__(self, path: bytes, expected: str) -> None:
        try:
            _require_regular(path, os.stat(path).st_mode, expected)
            # Should a FIFO take the name just now, opening it must not wait for its writer.
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ImagineError(f"{file_error(path, error)}{hint_at_name(path)}") from error
        except OSError as error:
            raise file_error(path, error) from error
        try:
            status = os.fstat(self._fd)
            _require_regular(path, status.st_mode, expected)
        except BaseException:
            os.close(self._fd)
            raise
        self.size = status.st_size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset on; fewer than asked for only where the file ends.

        Raises
        ------
        OSError
            As `os.pread` does.
        """
        # One read does it, but for more than 2 GiB and files that shrink meanwhile.
        data = os.pread(self._fd, size, offset)
        if len(data) == size or not data:
            return data
        parts = [data]
        offset += len(data)
        while size > (found := sum(map(len, parts))) and (
            part := os.pread(self._fd, size - found, offset)
        ):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def stream(self) -> BinaryIO:
        """Return a file object that reads it from its beginning, and is good as long as this is."""
        return open(self._fd, "rb", buffering=PIECE_BYTES, closefd=False)

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)

    def __enter__(self) -> RegularFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)


def compare(file: InputFile, offset: int, expected: Iterable[Buffer]) -> tuple[bool, int]:
    """Tell whether a file holds, from an offset on, the bytes that are expected there.

    Also return where these end in the file; or the first difference, which is at the file's end
    where that comes too early.

    Raises
    ------
    OSError, ImagineError
        As the file's `read_at` does.
    """
    for piece in _pieces(expected):
        found = file.read_at(offset, len(piece))
        if found != piece:
            pairs = enumerate(zip(found, piece))
            return False, offset + next((i for i, (a, b) in pairs if a != b), len(found))
        offset += len(piece)
    return True, offset


def read_pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next bytes of a file, a mebibyte at a time; fewer only where the file ends."""
    while size and (piece := file.read(min(size, PIECE_BYTES))):
        size -= len(piece)
        yield piece


class FileSlice:
    """A part of a file that is read like bytes, but only where it is looked at."""

    def __init__(self, file: InputFile, begin: int, window: int = _WINDOW_BYTES) -> None:
        self._file = file
        self._begin = begin
        self._least = window  # bytes that are read at once
        self._window = b""
        self._window_begin = 0

    def __getitem__(self, span: slice) -> bytes:
        """Return the bytes of a slice, with begin and end; fewer only where the file ends."""
        begin = span.start - self._window_begin
        end = span.stop - self._window_begin
        if begin < 0 or end > len(self._window):
            size = max(span.stop - span.start, self._least)
            self._window = self._file.read_at(self._begin + span.start, size)
            self._window_begin = span.start
            begin, end = 0, span.stop - span.start
        return self._window[begin:end]


def _pieces(buffers: Iterable[Buffer]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of about a mebibyte: few reads, and little memory."""
    batch: list[Buffer] = []
    size = 0
    for buffer in buffers:
        view = memoryview(buffer)
        for begin in range(0, len(view), PIECE_BYTES):
            batch.append(view[begin : begin + PIECE_BYTES])
            size += len(batch[-1])
            if size >= PIECE_BYTES:
                yield b"".join(batch)
                batch, size = [], 0
    yield b"".join(batch)


def _require_regular(path: bytes, mode: int, expected: str) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise ImagineError(f"{show(path)}: expected {expected}, found {kind}")


def hint_at_name(path: bytes) -> str:
    """Return words about a missing file's name, if it looks as if a manifest were misread."""
    if path.endswith(b"\r"):
        return "; the name ends with a carriage return: does the manifest have CRLF line ends?"
    if path.startswith(b"\xef\xbb\xbf"):
        return "; the name begins with a byte-order mark: save the manifest without one"
    if b"\t" in path:
        return "; the name has a tab: a label after it is a whole number, or several with commas"
    return ""
