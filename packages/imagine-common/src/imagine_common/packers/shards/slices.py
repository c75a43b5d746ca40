"""Cut a source into shards.

A shard's lines go to the process that writes it through a temporary file in the destination folder,
so no process holds more than a few lines, whatever the number of images in a shard.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import chain, islice
from typing import BinaryIO, NamedTuple, TypeVar

from imagine_common.errors import ImagineError, file_errors
from imagine_common.exchange.names import WHOLE, Part
from imagine_common.files.folders import create_folder
from imagine_common.files.output import write_all
from imagine_common.files.temporary import create_temporary, remove_temporary, temporary_name
from imagine_common.text import counted

Item = TypeVar("Item")


def require_count(
    batches: Iterable[list[Item] | None], count: int | None
) -> Iterable[list[Item] | None]:
    """Yield batches of images; raise an `ImagineError` unless they have `count` images in all."""
    found = 0
    for batch in batches:
        found += len(batch or ())
        if count is not None and found > count:
            raise ImagineError(f"the source has more images than the {count} of --expect")
        yield batch
    if count is not None and found < count:
        raise ImagineError(
            f"the source ended after {counted(found, 'image')} of the {count} of --expect; finished"
            " files stay, and without --tar, --resume continues"
        )


def cut(
    batches: Iterable[list[Item] | None], size: int, part: Part = WHOLE
) -> Iterator[tuple[int, list[Item]] | None]:
    """Cut items into shards of `size` items; yield pieces of one shard each, with their position.

    Positions are those of the pieces' first items, from 0. None stands for items of other parts,
    and for None in `batches`, which says that items take a while to arrive.
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

    Items of a shard that are not taken before the next shard are lost.
    """
    items = _numbered(batches)
    for first in items:
        number = first[0] // size
        # A full shard must not wait for the next image.
        rest = islice(items, size - 1)
        piece = [first]
        del first  # An image that has been written must not stay in memory.
        if part.has(number):
            yield number, chain(map(piece.pop, (0,)), rest)
        deque(rest, maxlen=0)


def _numbered(batches: Iterable[list[Item] | None]) -> Iterator[tuple[int, Item]]:
    position = 0
    for batch in batches:
        left = (batch or [])[::-1]
        del batch
        while left:
            yield position, left.pop()
            position += 1


class Slice(NamedTuple):
    """The lines of one shard, in a temporary file, and the files to write."""

    number: int
    first: int  # position of the first line in the source
    spool: bytes  # path of the temporary file
    is_single: bool  # whether no other slice can follow
    files: tuple[bytes, ...] = ()

    def lines(self, delimiter: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield each line with its position in the source."""
        with file_errors(os.path.dirname(self.spool)), open(self.spool, "rb") as file:
            yield from enumerate(_split(file, delimiter), self.first)


def cut_slices(
    batches: Iterable[list[bytes] | None],
    folder: bytes,
    size: int,
    delimiter: bytes,
    fsync: bool = False,
    part: Part = WHOLE,
) -> Generator[Slice | None]:
    """Cut lines into slices of `size` lines for other processes; the last slice has the rest.

    Yield each slice once its last line has arrived, and often None in between. Slices wait in
    `folder` for the caller to remove them.
    """
    is_single, has_folder = True, False
    first = count = 0
    spool = b""
    try:
        for piece in cut(batches, size, part):
            # A full slice waits for what follows it, which shows whether it is the only one.
            # If nothing arrives for a while, waiting longer gains nothing.
            if count == size:
                full = Slice(first // size, first, spool, is_single=False)
                is_single, spool, count = False, b"", 0
                yield full
            if piece is not None:
                position, lines = piece
                with file_errors(folder):
                    # Not sooner: a failed run leaves no empty folder. Not later: the folder is on
                    # the disk before a file in it is listed.
                    if not has_folder:
                        create_folder(folder, fsync)
                        has_folder = True
                    if not spool:
                        first, spool = position, temporary_name(folder)
                        os.close(create_temporary(spool))
                    # Not "ab", which would make a file that was removed anew, without its lines.
                    with open(spool, "r+b", buffering=0) as file:
                        file.seek(0, os.SEEK_END)
                        data = delimiter.join([*lines, b""])
                        write_all(file.fileno(), [data], len(data))
                count += len(lines)
            yield None
        if spool:
            last = Slice(first // size, first, spool, is_single)
            spool = b""
            yield last
    finally:
        if spool:
            remove_temporary(spool)


def _split(file: BinaryIO, delimiter: bytes) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(1 << 16):
        *lines, rest = (rest + chunk).split(delimiter)
        yield from lines
