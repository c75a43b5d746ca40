"""The images of a folder, and of all folders below it.

With labels from folders, they are those of torchvision's `ImageFolder`: the place of an image's
folder among the folders directly in the source, sorted as Python sorts strings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from imagine_common.errors import ImagineError, file_error, show
from imagine_common.manifest import NUL, Entry, format_line
from imagine_common.names import natural_key
from imagine_common.packers.images import is_image, read_head
from imagine_common.packers.shards import LineFormat
from imagine_common.packers.sources import parse_entry

_BATCH = 256


def nowhere(_position: int) -> str:
    """Return no words: the path alone tells where an image of a folder is."""
    return ""


class _Passed:
    """What was passed over for one reason: how many, the first, and words for one and for more."""

    def __init__(self, one: str, more: str) -> None:
        self.count = 0
        self.first = b""
        self._words = {True: one, False: more}

    def add(self, path: bytes) -> None:
        """Count one."""
        self.first = self.first or path
        self.count += 1

    def __str__(self) -> str:
        """Return words for how many there are."""
        more = " …" * (self.count > 1)
        return f"passed over {self.count} {self._words[self.count == 1]} ({show(self.first)}{more})"


@dataclass(frozen=True)
class _Folder:
    """A folder on the way down, and which folders it stands in: their devices and inodes."""

    path: bytes
    labels: tuple[int, ...]
    within: frozenset[tuple[int, int]]


class FolderSource:
    """The images of a folder in natural order, with `recursive` of those below it too.

    A folder below stands in the order where its name does; with `labels_from_dirs`, which reads
    below too, those directly in `path` come in the order of their labels. Names that begin with a
    dot are left out. Files that are no images, links back to a folder that they stand in and, with
    `labels_from_dirs`, files in no folder are passed over and counted. A file that can't be read is
    an error, or with `skip_invalid` left to who packs it.
    """

    line_format = LineFormat(NUL, parse_entry, nowhere)

    def __init__(
        self,
        path: bytes,
        skip_invalid: bool = False,
        recursive: bool = False,
        labels_from_dirs: bool = False,
    ) -> None:
        self.path = path
        self.no_images = _Passed("that is no image", "that are no image")
        self.outside = _Passed("file beside the folders", "files beside the folders")
        self.loops = _Passed("link to a folder that it is in", "links to a folder that they are in")
        self._skip_invalid = skip_invalid
        self._recursive = recursive or labels_from_dirs
        self._labels_from_dirs = labels_from_dirs

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the images' paths as a manifest's lines.

        Raises
        ------
        ImagineError
            Where a folder, or a file in it, can't be read, or no file is an image.
        """
        found = False
        lines: list[bytes] = []
        for seen, (path, labels) in enumerate(self._files(), 1):
            if self._may_be_image(path):
                lines.append(format_line(Entry(path, labels)))
                found = True
            else:
                self.no_images.add(path)
            if seen % _BATCH == 0:
                yield lines or None
                lines = []
        if lines:
            yield lines
        if not found:
            below = " or below it" if self._recursive else ""
            raise ImagineError(f"{show(self.path)}: no images in this folder{below}")

    def warnings(self) -> list[str]:
        """Return, once all has been read, what of it has not been packed."""
        passed = (self.no_images, self.outside, self.loops)
        return [f"{show(self.path)}: {some}" for some in passed if some.count]

    def _files(self) -> Iterator[tuple[bytes, tuple[int, ...]]]:
        """Yield paths and labels, folder by folder; of names, only those on the way are held."""
        top = _Folder(self.path, (), frozenset())
        stack = [self._classes(top) if self._labels_from_dirs else self._entries(top)]
        while stack:
            item = next(stack[-1], None)
            if item is None:
                stack.pop()
            elif isinstance(item, _Folder):
                stack.append(self._entries(item))
            else:
                yield item

    def _entries(self, folder: _Folder) -> Iterator[_Folder | tuple[bytes, tuple[int, ...]]]:
        within = folder.within
        if self._recursive:
            identity = _identity(folder.path)
            if identity in within:
                self.loops.add(folder.path)
                return
            within |= {identity}
        files, folders = _scan(folder.path)
        names = sorted([*files, *folders] if self._recursive else files, key=natural_key)
        for name in names:
            path = os.path.join(folder.path, name)
            if name in folders:
                yield _Folder(path, folder.labels, within)
            else:
                yield path, folder.labels

    def _classes(self, top: _Folder) -> Iterator[_Folder]:
        files, folders = _scan(top.path)
        for name in sorted(files, key=natural_key):
            self.outside.add(os.path.join(top.path, name))
        if not folders:
            raise ImagineError(
                f"{show(top.path)}: no folders to take labels from; leave out --labels-from-dirs"
            )
        within = frozenset({_identity(top.path)})
        for label, name in enumerate(sorted(folders, key=os.fsdecode)):
            yield _Folder(os.path.join(top.path, name), (label,), within)

    def _may_be_image(self, path: bytes) -> bool:
        if not os.path.isfile(path):  # sockets and suchlike, links that lead nowhere
            return False
        try:
            return is_image(read_head(path))
        except ImagineError:
            if not self._skip_invalid:
                raise
            return True  # Who packs it names it and leaves it out.


def _scan(path: bytes) -> tuple[list[bytes], set[bytes]]:
    """Return the names in a folder, but hidden ones: those of files, and those of folders."""
    files: list[bytes] = []
    folders: set[bytes] = set()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name[:1] == b".":
                    continue
                if _is_folder(entry):
                    folders.add(entry.name)
                else:
                    files.append(entry.name)
    except OSError as error:
        raise file_error(path, error) from error
    return files, folders


def _identity(path: bytes) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise file_error(path, error) from error
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A symbolic link in a circle.
        return False
