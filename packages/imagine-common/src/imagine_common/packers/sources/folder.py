"""The images of a folder, and of all folders below it.

With labels from folders, they are those of torchvision's `ImageFolder`: the place of an image's
folder among the folders directly in the source, sorted as Python sorts strings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import NUL, Entry, format_line
from imagine_common.exchange.names import natural_key
from imagine_common.files.folders import identity, list_folder
from imagine_common.files.storage import is_file
from imagine_common.files.urls import check_url, is_remote
from imagine_common.packers.images.files import is_image, read_head
from imagine_common.packers.shards.slices import LineFormat
from imagine_common.packers.sources.manifest import parse_entry
from imagine_common.text import show

_BATCH = 256
_LOOKS_IN_FLIGHT = 32


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
    """A folder on the way down, and which folders it stands in: what tells each from all others."""

    path: bytes
    labels: tuple[int, ...]
    within: frozenset[object]


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
        check_url(path)
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
        for seen, (path, labels, may_be_image) in enumerate(self._looked_at(), 1):
            if may_be_image:
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

    def _looked_at(self) -> Iterator[tuple[bytes, tuple[int, ...], bool]]:
        """Yield paths and labels, and whether each may be an image."""

        def look(file: tuple[bytes, tuple[int, ...]]) -> tuple[bytes, tuple[int, ...], bool]:
            return *file, self._may_be_image(file[0])

        if is_remote(self.path):
            from imagine_common.files.stores.ahead import look_ahead

            yield from look_ahead(look, self._files(), _LOOKS_IN_FLIGHT)
        else:
            yield from map(look, self._files())

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
            own = identity(folder.path)
            if own in within:
                self.loops.add(folder.path)
                return
            within |= {own}
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
        within = frozenset({identity(top.path)})
        for label, name in enumerate(sorted(folders, key=os.fsdecode)):
            yield _Folder(os.path.join(top.path, name), (label,), within)

    def _may_be_image(self, path: bytes) -> bool:
        if not is_file(path):  # sockets and suchlike, links that lead nowhere
            return False
        try:
            return is_image(read_head(path))
        except ImagineError:
            if not self._skip_invalid:
                raise
            return True  # Who packs it names it and leaves it out.


def _scan(path: bytes) -> tuple[list[bytes], set[bytes]]:
    """Return the names in a folder, but hidden ones: those of files, and those of folders."""
    files, folders = list_folder(path)
    return (
        [name for name in files if name[:1] != b"."],
        {name for name in folders if name[:1] != b"."},
    )
