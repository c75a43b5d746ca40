"""Reading files that users name, local or in a store; of local ones, only regular files."""

from __future__ import annotations

import io
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from imagine_common.errors import ImagineError, file_error, file_errors
from imagine_common.files.output import Buffer
from imagine_common.text import show

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 16

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class InputFile(ABC):
    """A file to read; `size` is in bytes. Errors are `ImagineError`s that name the file."""

    __slots__ = ()

    size: int

    @abstractmethod
    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from an offset on; fewer only at the end of the file."""

    @abstractmethod
    def stream(self) -> BinaryIO:
        """Return a file object that reads from the beginning, until this file is closed."""

    def close(self) -> None:  # noqa: B027 - an object is not open
        """Close the file."""

    def __enter__(self) -> InputFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RegularFile(InputFile):
    """A regular local file, or a link to one; error messages call it `expected`.

    Other kinds are not opened: opening a FIFO blocks, and opening a device may have effects. The
    constructor raises an `ImagineError` for these, and for a missing or unreadable file.
    """

    __slots__ = ("_fd", "_path", "size")

    # Called for each image: `file_errors` would take longer than `try`.
    def __init__(self, path: bytes, expected: str) -> None:
        self._path = path
        try:
            _require_regular(path, os.stat(path).st_mode, expected)
            # O_NONBLOCK: a FIFO that just took the name must not block.
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            status = os.fstat(self._fd)
        except OSError as error:
            hint = hint_at_name(path) if isinstance(error, FileNotFoundError) else ""
            raise ImagineError(f"{file_error(path, error)}{hint}") from error
        if not stat.S_ISREG(status.st_mode):
            self.close()
            _require_regular(path, status.st_mode, expected)
        self.size = status.st_size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from an offset on; fewer only at the end of the file."""
        try:
            # One call is enough, except for more than 2 GiB and files that shrink meanwhile.
            data = os.pread(self._fd, size, offset)
            while 0 < len(data) < size:
                more = os.pread(self._fd, size - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise file_error(self._path, error) from error
        return data

    def stream(self) -> BinaryIO:
        """Return a file object that reads from the beginning, until this file is closed."""
        return io.BufferedReader(_NamedFile(self._path, self._fd), PIECE_BYTES)

    def close(self) -> None:
        """Close the file."""
        try:
            os.close(self._fd)
        except OSError as error:
            raise file_error(self._path, error) from error


class _NamedFile(io.FileIO):
    """A file object that does not close its descriptor, and whose read errors name the file."""

    def __init__(self, path: bytes, fd: int) -> None:
        super().__init__(fd, closefd=False)
        self._path = path

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        with file_errors(self._path):
            return super().readinto(buffer)


class Comparison(NamedTuple):
    """Whether bytes are equal, and the offset of their end or of the first difference."""

    equal: bool
    end: int


def compare(file: InputFile, offset: int, expected: Iterable[Buffer]) -> Comparison:
    """Compare the bytes of a file from an offset on with expected ones.

    A file that ends too early differs at its end.
    """
    for piece in _pieces(expected):
        found = file.read_at(offset, len(piece))
        if found != piece:
            pairs = enumerate(zip(found, piece))
            first = next((i for i, (a, b) in pairs if a != b), len(found))
            return Comparison(False, offset + first)
        offset += len(piece)
    return Comparison(True, offset)


def read_pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of a file in pieces of 1 MiB; fewer only at its end."""
    while size and (piece := file.read(min(size, PIECE_BYTES))):
        size -= len(piece)
        yield piece


class FileSlice:
    """A file from an offset on, used like `bytes`; each `read_at` is of `window` bytes at least."""

    def __init__(
        self, read_at: Callable[[int, int], bytes], begin: int, window: int = _WINDOW_BYTES
    ) -> None:
        self._read_at = read_at
        self._begin = begin
        self._least = window
        self._window = b""
        self._window_begin = 0

    def __getitem__(self, span: slice) -> bytes:
        """Return the bytes of a slice, which has a start and a stop; fewer only at the end."""
        begin = span.start - self._window_begin
        end = span.stop - self._window_begin
        if begin < 0 or end > len(self._window):
            size = max(span.stop - span.start, self._least)
            self._window = self._read_at(self._begin + span.start, size)
            self._window_begin = span.start
            begin, end = 0, span.stop - span.start
        return self._window[begin:end]


def _pieces(buffers: Iterable[Buffer]) -> Iterator[bytes]:
    """Yield the bytes of buffers in pieces of about 1 MiB."""
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


def refuse_special(path: bytes, expected: str) -> None:
    """Refuse a file that is not regular, unless it is open already, as `<(command)` is.

    Opening a FIFO without a writer blocks.
    """
    if path != b"/dev/stdin" and os.path.dirname(path) not in (b"/dev/fd", b"/proc/self/fd"):
        _require_regular(path, os.stat(path).st_mode, expected)


def hint_at_name(path: bytes) -> str:
    """Return a hint for a missing file whose name looks like a misread line of a manifest."""
    if path.endswith(b"\r"):
        return "; the name ends with a carriage return: does the manifest have CRLF line ends?"
    if path.startswith(b"\xef\xbb\xbf"):
        return "; the name begins with a byte-order mark: save the manifest without one"
    if b"\t" in path:
        return "; the name has a tab: a label after it is a whole number, or several with commas"
    return ""
