"""Cutting a stream of entries into shards.

A shard's lines travel to the process that writes it through a temporary file in the destination
folder, so that no process holds more than a few lines, however many images a shard has. Who cuts
removes that file once the shard is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from imagine_common.errors import file_error
from imagine_common.exchange.manifest import NEWLINE, Entry
from imagine_common.exchange.parts import WHOLE, Part
from imagine_common.files.folders import create_folder
from imagine_common.files.output import write_all
from imagine_common.files.temporary import create_temporary, remove_temporary, temporary_name


class LineFormat(NamedTuple):
    """How a source's lines are read, in the process that packs them.

    Attributes
    ----------
    delimiter : bytes
        What ends each.
    parse : callable
        Returns an image's place in the dataset and its entry, given the line and its position.
    locate : callable
        Returns words for an error's end that tell where the line at a position stands.
    """

    delimiter: bytes
    parse: Callable[[bytes, int], tuple[int, Entry]]
    locate: Callable[[int], str]


class Slice(NamedTuple):
    """The part of a dataset that goes into one shard."""

    number: int
    first: int
    spool: bytes
    line_format: LineFormat

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield each entry's line with its position in the dataset.

        Raises
        ------
        ImagineError
            Where the folder that the lines wait in has gone.
        """
        try:
            file = open(self.spool, "rb")  # noqa: SIM115
        except OSError as error:
            raise file_error(os.path.dirname(self.spool), error) from error
        with file:
            yield from enumerate(_split(file, self.line_format.delimiter), self.first)


class Slicer:
    """Cuts lines into slices of `size` entries; the last has the rest.

    Only those of a `part` are given, and only their lines are kept. `is_single`, once a slice has
    been given, tells whether it is known to be the only one.
    """

    def __init__(
        self,
        folder: bytes,
        size: int,
        line_format: LineFormat,
        fsync: bool = False,
        part: Part = WHOLE,
    ) -> None:
        self.is_single = False
        self._part = part
        self._folder = folder
        self._fsync = fsync
        self._size = size
        self._line_format = line_format
        self._begun = self._given = False
        self._number = 0
        self._count = 0
        self._spool = b""
        self._fd = -1

    def cut(self, batches: Iterable[list[bytes] | None]) -> Generator[Slice | None]:
        """Yield slices, each once its last line has arrived; None in between, often."""
        try:
            for batch in batches:
                if batch is None:
                    # Without an end of input in sight, waiting longer would gain nothing.
                    if self._count == self._size:
                        yield self._close()
                    yield None
                    continue
                while batch:
                    # Only now is it certain that a full slice is not the last.
                    if self._count == self._size:
                        yield self._close()
                    taken = batch[: self._size - self._count]
                    batch = batch[len(taken) :]
                    self._append(taken)
                yield None
            if self._count:
                self.is_single = not self._given
                yield self._close()
        finally:
            if self._fd >= 0:
                os.close(self._fd)
                remove_temporary(self._spool)

    def _append(self, lines: list[bytes]) -> None:
        self._count += len(lines)
        if not self._part.has(self._number):
            return
        try:
            if self._fd < 0:
                if not self._begun:  # Should it go later, files that were listed go too.
                    self._begun = True
                    create_folder(self._folder, self._fsync)
                self._spool = temporary_name(self._folder)
                self._fd = create_temporary(self._spool)
            data = self._line_format.delimiter.join([*lines, b""])
            write_all(self._fd, [data], len(data))
        except OSError as error:
            raise file_error(self._folder, error) from error

    def _close(self) -> Slice | None:
        fd, self._fd = self._fd, -1
        number = self._number
        self._number += 1
        self._count = 0
        if fd < 0:
            return None  # Another part's.
        self._given = True
        try:
            os.close(fd)
        except OSError as error:
            remove_temporary(self._spool)
            raise file_error(self._folder, error) from error
        return Slice(number, number * self._size, self._spool, self._line_format)


def _split(file: BinaryIO, delimiter: bytes) -> Iterator[bytes]:
    if delimiter == NEWLINE:
        for line in file:
            yield line[:-1]
        return
    rest = b""
    while chunk := file.read(1 << 16):
        *lines, rest = (rest + chunk).split(delimiter)
        yield from lines
