"""The members of a tar stream, one after the other, as they come through a pipe.

Nothing is written anywhere, and of a member nothing is kept that nobody asks for. A member's bytes
are read by the system right into the object that goes into a record.
"""

from __future__ import annotations

import fcntl
import io
import os
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.tar import BLOCK_BYTES
from imagine_common.files.reading import PIECE_BYTES
from imagine_common.host.signals import check_interrupted
from imagine_common.packers.images.files import HEAD_BYTES
from imagine_common.packers.sources.tar_headers import (
    EXTENDED_KINDS,
    FOLDER_KIND,
    GLOBAL_KIND,
    LONG_LINK_KIND,
    LONG_NAME_KIND,
    Block,
    Extension,
    check_global,
    check_member,
    extend,
    parse_block,
    parse_extended,
    what_else,
)
from imagine_common.text import show

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIPE_BYTES = 1 << 20  # the most that Linux gives to any user; with more, writers wait less
_BUFFER_BYTES = 1 << 15  # more is copied once more than need be, less is read in pieces
_TICK_SECONDS = 0.2
_MAX_EXTENSION_BYTES = 1 << 20
_EXTENSIONS = (*EXTENDED_KINDS, GLOBAL_KIND, LONG_NAME_KIND, LONG_LINK_KIND)
_ZEROS = bytes(BLOCK_BYTES)


class Member(NamedTuple):
    """A plain file in a tar stream: its name, its size in bytes, and where its header begins."""

    name: bytes
    size: int
    offset: int

    @property
    def place(self) -> str:
        """Return words for an error's end that tell where the member stood."""
        return _place(self.offset)

    def error(self, reason: str) -> ImagineError:
        """Return the error that names the member and its place."""
        return ImagineError(f"{show(self.name)}: {reason}{self.place}")


class StreamError(ImagineError):
    """The stream ended too early, or can't be read, whatever is wrong with a member."""


class TarStream:
    """Reads a tar stream from a file descriptor, stdin unless told.

    `has_more` tells, at the end, whether anything but zeros followed the archive's end.
    """

    def __init__(self, fd: int = 0) -> None:
        self.has_more = False
        with suppress(AttributeError, OSError):  # not Linux; no pipe, or too many large ones
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # type: ignore[attr-defined, unused-ignore]
        self._file = io.BufferedReader(_PatientFile(fd), _BUFFER_BYTES)
        self._offset = 0  # of what is read next
        self._head = b""  # what has been read of the member to look at it
        self._left = 0  # of the member, the head included
        self._padding = 0

    def members(self) -> Iterator[Member]:
        """Yield the plain files. Each can be read until the next is asked for.

        Raises
        ------
        ImagineError
            For what is no tar stream or a damaged one, one that ends before its two blocks of
            zeros, and for members that are neither plain files nor folders, or whose names would
            lead out of the archive.
        """
        extension = Extension()
        begin = 0
        while block := self._next_block(begin):
            try:
                if block.kind in _EXTENSIONS:
                    extension = self._read_extension(extension, block)
                    begin = self._offset
                    continue
                name, size, kind = _apply(extension, block)
                check_member(name, kind, extension.is_sparse)
            except ImagineError as error:
                raise ImagineError(f"{error}{_place(begin)}") from None
            if kind != FOLDER_KIND:
                self._left, self._padding = size, -size % BLOCK_BYTES
                yield Member(name, size, begin)
                self._skip()
            extension = Extension()
            begin = self._offset
        if extension != Extension():
            raise ImagineError(f"an extended header without a member{_place(begin)}")
        self._finish()

    def head(self) -> bytes:
        """Return the member's first 32 bytes, or all where it has fewer, and still `read` them."""
        size = min(HEAD_BYTES, self._left)
        head = self._file.peek(size)[:size]
        if len(head) < size:  # The buffer ends within.
            head = self._head = self._read(size)
        return head

    def read(self) -> bytes:
        """Return all of the member, once.

        Raises
        ------
        ImagineError
            Where the stream ends within.
        """
        data = self._read(self._left - len(self._head))
        if self._head:
            data = self._head + data
            self._head = b""
        self._left = 0
        return data

    def _next_block(self, offset: int) -> Block | None:
        """Return the next header block, or None at the archive's end."""
        data = self._file.read(BLOCK_BYTES)
        if not data and not offset:
            raise ImagineError(
                "standard input: the tar stream is empty; did the command that writes it fail?"
            )
        block = parse_block(data) if len(data) == BLOCK_BYTES else None
        if block is None and not offset and (reason := what_else(data)):
            raise ImagineError(f"standard input: {reason}")
        if len(data) < BLOCK_BYTES:
            raise self._cut(len(data))
        if block is None and not offset and data != _ZEROS:
            raise ImagineError(
                f"standard input: not a tar stream (first bytes: {data[:8].hex(' ')})"
            )
        self._offset += BLOCK_BYTES
        if block is None and data != _ZEROS:
            raise ImagineError(f"standard input: damaged: no valid header{_place(offset)}")
        return block

    def _read_extension(self, extension: Extension, block: Block) -> Extension:
        """Return what is known about the next member after a block that is about it."""
        if block.size is None or block.size > _MAX_EXTENSION_BYTES:
            raise ImagineError("an extended header is over 1 MiB, or its size is no number")
        data = self._read(block.size)
        self._read(-block.size % BLOCK_BYTES)
        if block.kind in EXTENDED_KINDS:
            return extend(extension, parse_extended(data))
        if block.kind == GLOBAL_KIND:
            check_global(parse_extended(data))
        elif block.kind == LONG_NAME_KIND:
            return extension._replace(long_name=data.partition(b"\0")[0])
        return extension

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise self._cut(len(data))
        self._offset += size
        return data

    def _skip(self) -> None:
        left = self._left - len(self._head) + self._padding
        while left:
            left -= len(self._read(min(left, PIECE_BYTES)))
        self._head, self._left, self._padding = b"", 0, 0

    def _finish(self) -> None:
        """Read the second block of zeros, and all that follows, lest the writer be cut off."""
        begin = self._offset
        if self._read(BLOCK_BYTES) != _ZEROS:
            raise ImagineError(f"standard input: damaged: a lone block of zeros{_place(begin)}")
        while data := self._file.read(PIECE_BYTES):
            self.has_more = self.has_more or bool(data.strip(b"\0"))

    def _cut(self, more: int) -> StreamError:
        return StreamError(
            f"standard input: the tar stream ends after {self._offset + more} bytes, before its"
            " end; did the command that writes it fail?"
        )


class _PatientFile(io.RawIOBase):
    """A file descriptor, waited for such that a signal is seen to in time."""

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
                # To ask takes as long as to read, and who could give all at once has more.
                if self._has_more or select.select([self._fd], [], [], _TICK_SECONDS)[0]:
                    size = os.readv(self._fd, [view])
                    self._has_more = size == len(view)
                    return size
            except BlockingIOError:
                self._has_more = False
            except OSError as error:
                raise StreamError(f"standard input: {error.strerror}") from error


def _apply(extension: Extension, block: Block) -> tuple[bytes, int, bytes]:
    """Return name, size and kind of a member that has been extended."""
    name = extension.name or extension.long_name or block.name
    size = block.size if extension.size is None else extension.size
    if size is None:
        raise ImagineError(f"{show(name)}: its size is no number")
    if name.endswith(b"/"):  # as v7 marks folders
        return name, size, FOLDER_KIND if block.kind in (b"0", b"\0") else block.kind
    return name, size, block.kind


def _place(offset: int) -> str:
    return f" (at byte {offset} of the tar stream)"
