"""Where the packers' images come from: the source's interface, and a manifest on stdin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import (
    NEWLINE,
    Entry,
    line_of_manifest,
    parse_line,
    read_lines,
)
from imagine_common.packers.shards.slices import LineFormat


class Source(Protocol):
    """Gives the lines of a manifest, some at a time, and tells how they are read."""

    @property
    def line_format(self) -> LineFormat:
        """Return how the lines are read."""

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield lines without their ends as they become known; None where that takes a while."""

    def warnings(self) -> list[str]:
        """Return, once all has been read, what of it has not been packed."""


class ManifestSource:
    """A manifest read from a file descriptor, stdin unless told."""

    def __init__(self, delimiter: bytes = NEWLINE, fd: int = 0) -> None:
        self.line_format = LineFormat(delimiter, parse_entry, line_of_manifest)
        self._fd = fd

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the manifest's lines.

        Raises
        ------
        ImagineError
            As `read_lines` does, and where there is no line at all.
        """
        empty = True
        for lines in read_lines(self._fd, self.line_format.delimiter):
            empty = empty and not lines
            yield lines
        if empty:
            raise ImagineError(
                "standard input: the manifest is empty; did the command that writes it fail?"
            )

    def warnings(self) -> list[str]:
        """Return nothing: all lines are packed."""
        return []


def parse_entry(line: bytes, position: int) -> tuple[int, Entry]:
    """Read a manifest's line, of an image whose place in the dataset is the line's.

    Raises
    ------
    ImagineError
        As `parse_line` does.
    """
    return position, parse_line(line)
