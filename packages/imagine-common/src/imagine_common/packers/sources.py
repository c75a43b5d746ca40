"""Where the packers' images come from: a manifest on stdin, or the files of a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Protocol

from imagine_common.errors import ImagineError, file_error, show
from imagine_common.manifest import NEWLINE, NUL, Entry, format_line, read_lines
from imagine_common.names import natural_key
from imagine_common.packers.images import is_image, read_head

_BATCH = 256


class Source(Protocol):
    """Gives the lines of a manifest, some at a time."""

    delimiter: bytes
    is_manifest: bool

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield lines without their ends as they become known; None where that takes a while."""


class ManifestSource:
    """A manifest read from a file descriptor, stdin unless told."""

    is_manifest = True

    def __init__(self, delimiter: bytes = NEWLINE, fd: int = 0) -> None:
        self.delimiter = delimiter
        self._fd = fd

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the manifest's lines.

        Raises
        ------
        ImagineError
            As `read_lines` does, and where there is no line at all.
        """
        empty = True
        for lines in read_lines(self._fd, self.delimiter):
            empty = empty and not lines
            yield lines
        if empty:
            raise ImagineError(
                "standard input: the manifest is empty; did the command that writes it fail?"
            )


class FolderSource:
    """The images of a folder, not below it, in natural order.

    Names that begin with a dot are left out. Files that are no images are passed over:
    `passed_over` counts them and `first_passed_over` is the first, once all has been read. A file
    that can't be read is an error, or with `skip_invalid` left to who packs it.
    """

    is_manifest = False
    delimiter = NUL

    def __init__(self, path: bytes, skip_invalid: bool = False) -> None:
        self.path = path
        self._skip_invalid = skip_invalid
        self.passed_over = 0
        self.first_passed_over = b""

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the images' paths as a manifest's lines.

        Raises
        ------
        ImagineError
            Where the folder, or a file in it, can't be read, or no file is an image.
        """
        names = []
        others = set()  # sockets and suchlike, links that lead nowhere
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name[:1] == b"." or _is(entry.is_dir):
                        continue
                    names.append(entry.name)
                    if not _is(entry.is_file):
                        others.add(entry.name)
        except OSError as error:
            raise file_error(self.path, error) from error
        names.sort(key=natural_key)
        found = False
        for start in range(0, len(names), _BATCH):
            lines = []
            for name in names[start : start + _BATCH]:
                path = os.path.join(self.path, name)
                if name not in others and self._may_be_image(path):
                    lines.append(format_line(Entry(path)))
                else:
                    self.first_passed_over = self.first_passed_over or path
                    self.passed_over += 1
            found = found or bool(lines)
            yield lines or None
        if not found:
            raise ImagineError(f"{show(self.path)}: no images in this folder")

    def _may_be_image(self, path: bytes) -> bool:
        try:
            return is_image(read_head(path))
        except ImagineError:
            if not self._skip_invalid:
                raise
            return True  # Who packs it names it and leaves it out.


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # A symbolic link in a circle.
        return False
