"""Read the members of a tar stream one after the other, as they arrive through a pipe.

Nothing is written to disk, and only the members that the caller reads are held in memory. The
system reads a member's bytes directly into the object that goes into a record.
"""

from __future__ import annotations

import fcntl
import io
import os
import select
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from imagine_common.errors import ImagineError
from imagine_common.exchange.tar import BLOCK_BYTES
from imagine_common.files.reading import PIECE_BYTES
from imagine_common.files.storage import open_input
from imagine_common.host.signals import check_interrupted
from imagine_common.packers.images import HEAD_BYTES
from imagine_common.packers.sources.tar_headers import (
    EXTENSION_KINDS,
    ZEROS,
    Extension,
    Member,
    describe_other,
    parse_header,
    place,
)
from imagine_common.text import show

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIPE_BYTES = 1 << 20  # Linux's limit for any user; a larger pipe makes writers wait less
_BUFFER_BYTES = 1 << 15  # a larger buffer copies more, a smaller one reads more often
_TICK_SECONDS = 0.2
_MAX_EXTENSION_BYTES = 1 << 20


class StreamError(ImagineError):
    """The stream itself ends too early or can't be read, so no later member can be packed."""


class TarStream:
    """Read a tar stream from files, or from a file descriptor, stdin by default.

    Archives may follow each other in one file, as `cat a.tar b.tar` joins them.
    """

    def __init__(self, fd: int = 0, paths: Sequence[bytes] = ()) -> None:
        self._fd = fd
        self._paths = paths
        self._head = b""  # the member's first bytes, if they are read already
        self._left = 0  # bytes of the member that are not returned yet, the head included
        for path in paths:  # A missing one must not be found out after hours.
            open_input(path, "a tar archive").close()

    def _open(self) -> Iterator[io.BufferedReader]:
        """Yield each file to read, while it is open."""
        for path in self._paths:
            self._name = show(path)
            with open_input(path, "a tar archive") as file:
                yield cast(io.BufferedReader, file.stream())
        if not self._paths:
            self._name = "standard input"
            with suppress(AttributeError, OSError):  # not Linux, not a pipe, or too many large ones
                fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # type: ignore[attr-defined, unused-ignore]
            yield io.BufferedReader(_PatientFile(self._fd), _BUFFER_BYTES)

    def members(self) -> Iterator[Member | None]:
        """Yield the plain files, and None at the end of each archive.

        A member can be read until the next one is requested.
        """
        for file in self._open():
            self._file, self._offset = file, 0  # The offset is that of the next byte to read.
            has_more = True
            while has_more:
                yield from self._members_of_archive()
                yield None
                has_more = self._skip_zeros()

    def _members_of_archive(self) -> Iterator[Member]:
        extension = Extension()
        begin = first = self._offset
        while header := self._next_header(begin, begin == first):
            try:
                if header.kind in EXTENSION_KINDS:
                    if not 0 <= header.size <= _MAX_EXTENSION_BYTES:
                        raise ImagineError(
                            "an extended header is over 1 MiB, or its size is not a number"
                        )
                    extension = extension.updated(header.kind, self._read(header.size))
                    self._read(-header.size % BLOCK_BYTES)
                    begin = self._offset
                    continue
                member = extension.apply(header)
            except ImagineError as error:
                raise ImagineError(f"{error}{place(begin)}") from None
            if member:
                self._left = member.size
                yield member
                size = self._left - len(self._head) + -member.size % BLOCK_BYTES
                while size:
                    size -= len(self._read(min(size, PIECE_BYTES)))
                self._head, self._left = b"", 0
            extension = Extension()
            begin = self._offset
        if extension != Extension():
            raise ImagineError(f"an extended header without a member{place(begin)}")
        begin = self._offset
        if self._read(BLOCK_BYTES) != ZEROS:
            raise ImagineError(f"{self._name}: damaged: a single block of zeros{place(begin)}")

    def head(self) -> bytes:
        """Return the member's first 32 bytes, or all if there are fewer, without consuming them."""
        size = min(HEAD_BYTES, self._left)
        head = self._file.peek(size)[:size]
        if len(head) < size:  # The buffer holds only a part of it.
            head = self._head = self._read(size)
        return head

    def read(self) -> bytes:
        """Return the whole member; can be called once."""
        data = self._read(self._left - len(self._head))
        if self._head:
            data = self._head + data
            self._head = b""
        self._left = 0
        return data

    def _next_header(self, offset: int, is_first: bool) -> Member | None:
        """Return the header at an offset, which is the next to read; None at the archive's end."""
        data = self._file.read(BLOCK_BYTES)
        header = parse_header(data, offset) if len(data) == BLOCK_BYTES else None
        if header is None and is_first and (reason := describe_other(data)):
            raise ImagineError(f"{self._name}: {reason}{place(offset) if offset else ''}")
        if len(data) < BLOCK_BYTES:
            raise self._cut(len(data))
        if header is None and data != ZEROS:
            raise ImagineError(f"{self._name}: damaged: no valid header{place(offset)}")
        self._offset += BLOCK_BYTES
        return header

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise self._cut(len(data))
        self._offset += size
        return data

    def _skip_zeros(self) -> bool:
        """Skip the zeros after an archive; return whether anything else follows."""
        while data := self._file.peek():
            zeros = len(data) - len(data.lstrip(b"\0"))
            self._read(zeros)
            if zeros < len(data):
                return True
        return False

    def _cut(self, more: int) -> StreamError:
        return StreamError(
            f"{self._name}: the tar stream ends after {self._offset + more} bytes, before its"
            " end; did the command that writes it fail?"
        )


class _PatientFile(io.RawIOBase):
    """A file descriptor that is waited for in short steps, so that signals are handled in time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._has_more = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while True:
            check_interrupted()
            try:
                # select() costs as much as read(): it is left out while reads fill the buffer.
                if self._has_more or select.select([self._fd], [], [], _TICK_SECONDS)[0]:
                    size = os.readv(self._fd, [view])
                    self._has_more = size == len(view)
                    return size
            except BlockingIOError:
                self._has_more = False
            except OSError as error:
                raise StreamError(f"standard input: {error.strerror}") from error
