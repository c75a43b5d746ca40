"""Cut a source into shards.

A shard's lines go to the process that writes it through a temporary file in the destination folder,
so no process holds more than a few lines, whatever the number of images in a shard.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from typing import BinaryIO, NamedTuple, TypeVar

from imagine_common.errors import file_errors
from imagine_common.exchange.manifest import NEWLINE
from imagine_common.exchange.parts import WHOLE, Part
from imagine_common.files.folders import create_folder
from imagine_common.files.output import write_all
from imagine_common.files.temporary import create_temporary, remove_temporary, temporary_name
from imagine_common.packers.sources.base import LineFormat

Item = TypeVar("Item")


def cut(
    batches: Iterable[list[Item] | None], size: int, part: Part = WHOLE
) -> Iterator[tuple[int, list[Item]] | None]:
    """Cut items into shards of `size` items and yield pieces, each of one shard of the part.

    Yields
    ------
    tuple of int and list, or None
        The position of the piece's first item, from 0, and its items. None for items of other
        parts, and for None in `batches`, which says that items take a while to arrive.
    """
    position = 0
    for batch in batches:
        if batch is None:
            yield None
        while batch:
            number, filled = divmod(position, size)
            piece, batch = batch[: size - filled], batch[size - filled :]
            position += (length := len(piece))
            yield (position - length, piece) if part.has(number) else None


def cut_here(
    batches: Iterable[list[Item] | None], size: int, part: Part = WHOLE
) -> Iterator[tuple[int, Iterator[tuple[int, Item]]]]:
    """Cut items into shards for this process; yield each shard's number and its numbered items.

    Take a shard's items before the next shard.
    """
    pieces = filter(None, cut(batches, size, part))
    for first, items in pieces:
        number = first // size
        yield number, _numbered(first, items, pieces, end=(number + 1) * size)


def _numbered(
    first: int, items: list[Item], pieces: Iterator[tuple[int, list[Item]]], end: int
) -> Iterator[tuple[int, Item]]:
    piece: tuple[int, list[Item]] | None = first, items
    while piece is not None:
        first, items = piece
        next_position = first + len(items)
        items.reverse()
        while items:  # An image that has been written must not stay in memory.
            yield next_position - len(items), items.pop()
        # A full shard must not wait for the next image.
        piece = next(pieces, None) if next_position < end else None


class Slice(NamedTuple):
    """The lines of one shard, in a temporary file."""

    number: int
    first: int
    spool: bytes
    line_format: LineFormat

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield each line with its position in the source.

        Raises
        ------
        ImagineError
            If the temporary file is gone.
        """
        with file_errors(os.path.dirname(self.spool)):
            file = open(self.spool, "rb")  # noqa: SIM115
        with file:
            yield from enumerate(_split(file, self.line_format.delimiter), self.first)


class Slicer:
    """Cuts lines into slices of `size` lines for other processes; the last slice has the rest.

    The caller removes each slice's temporary file. `is_single`, once a slice has been yielded, is
    whether no other can follow.
    """

    def __init__(
        self,
        folder: bytes,
        size: int,
        line_format: LineFormat,
        fsync: bool = False,
        part: Part = WHOLE,
    ) -> None:
        self.is_single = True
        self._folder = folder
        self._size = size
        self._line_format = line_format
        self._fsync = fsync
        self._part = part
        self._has_folder = False
        self._first = self._count = 0  # of the open slice
        self._spool = b""
        self._fd = -1

    def cut(self, batches: Iterable[list[bytes] | None]) -> Generator[Slice | None]:
        """Yield each slice once its last line has arrived; often None in between."""
        try:
            for piece in cut(batches, self._size, self._part):
                # A full slice waits for what follows it, which shows whether it is the only one.
                # If nothing arrives for a while, waiting longer gains nothing.
                if self._count == self._size:
                    self.is_single = False
                    yield self._close()
                if piece is not None:
                    self._append(*piece)
                yield None
            if self._count:
                yield self._close()
        finally:
            if self._fd >= 0:
                os.close(self._fd)
            if self._spool:
                remove_temporary(self._spool)

    def _append(self, position: int, lines: list[bytes]) -> None:
        with file_errors(self._folder):
            if self._fd < 0:
                # Not sooner: a failed run leaves no empty folder. Not later: the folder is
                # on the disk before a file in it is listed.
                if not self._has_folder:
                    create_folder(self._folder, self._fsync)
                    self._has_folder = True
                self._first = position
                self._spool = temporary_name(self._folder)
                self._fd = create_temporary(self._spool)
            self._count += len(lines)
            data = self._line_format.delimiter.join([*lines, b""])
            write_all(self._fd, [data], len(data))

    def _close(self) -> Slice:
        fd, self._fd = self._fd, -1
        with file_errors(self._folder):
            os.close(fd)
        spool, self._spool = self._spool, b""
        self._count = 0
        return Slice(self._first // self._size, self._first, spool, self._line_format)


def _split(file: BinaryIO, delimiter: bytes) -> Iterator[bytes]:
    if delimiter == NEWLINE:
        for line in file:
            yield line[:-1]
        return
    rest = b""
    while chunk := file.read(1 << 16):
        *lines, rest = (rest + chunk).split(delimiter)
        yield from lines
