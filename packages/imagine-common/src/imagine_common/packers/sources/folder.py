"""Images from a folder and the folders below it.

Labels from folders are those of torchvision's `ImageFolder`: an image's label is the index of its
class folder among the folders directly in the source, sorted as Python sorts strings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import NUL, Entry, format_line
from imagine_common.exchange.names import natural_key
from imagine_common.files.folders import identity, list_folder
from imagine_common.files.storage import is_file
from imagine_common.files.urls import check_url, is_remote
from imagine_common.packers.images import is_image, read_head
from imagine_common.packers.sources.base import Ignored
from imagine_common.packers.sources.manifest import ManifestLines
from imagine_common.text import show

_BATCH = 256
_REQUESTS_IN_FLIGHT = 32


class _FolderLines(ManifestLines):
    """Lines of a manifest that the user does not see; the path alone locates an image."""

    def locate(self, _position: int) -> str:
        return ""


class _Folder(NamedTuple):
    """A folder to read: its path, its images' labels, and the identities of its parents."""

    path: bytes
    labels: tuple[int, ...] = ()
    parents: frozenset[object] = frozenset()


class FolderSource:
    """The images of a folder in natural order, without names that begin with a dot.

    Files that are not images are ignored and counted. A file that can't be read is an error, or
    with `skip_invalid` left to the packer, which skips it. With `recursive`, a folder's images come
    where its name does in the order; links to a folder that contains them are ignored and counted.
    With `labels_from_dirs`, which includes `recursive`, the folders directly in `path` come in the
    order of their labels; files beside them are ignored and counted.
    """

    line_format = _FolderLines(NUL)

    def __init__(
        self,
        path: bytes,
        skip_invalid: bool = False,
        recursive: bool = False,
        labels_from_dirs: bool = False,
    ) -> None:
        check_url(path)
        self.path = path
        self.non_images = Ignored("non-image file")
        self.unlabeled = Ignored("unlabeled file")
        self.loops = Ignored("symlink loop")
        self.total: int | None = None  # images, or files of a folder that is read to its end later
        self._skip_invalid = skip_invalid
        self._recursive = recursive or labels_from_dirs
        self._labels_from_dirs = labels_from_dirs

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the images' paths as the lines of a manifest; None while none is found."""
        found = 0
        lines: list[bytes] = []
        for seen, examined in enumerate(self._examined_files(), 1):
            if isinstance(examined, Entry):
                lines.append(format_line(examined))
                found += 1
            else:
                self.non_images.add(examined)
            if seen % _BATCH == 0:
                yield lines or None
                lines = []
        if lines:
            yield lines
        self.total = found
        if not found:
            below = " or below it" if self._recursive else ""
            raise ImagineError(f"{show(self.path)}: no images in this folder{below}")

    def warnings(self) -> list[str]:
        """Return what was ignored, after the whole folder has been read."""
        reasons = (self.non_images, self.unlabeled, self.loops)
        return [f"{show(self.path)}: {ignored}" for ignored in reasons if ignored.count]

    def _examined_files(self) -> Iterator[Entry | bytes]:
        if is_remote(self.path):
            from imagine_common.files.stores.objects import look_ahead

            return look_ahead(self._examine, self._files(), _REQUESTS_IN_FLIGHT)
        return map(self._examine, self._files())

    def _examine(self, entry: Entry) -> Entry | bytes:
        """Return the entry of a file that may be an image, only the path of any other."""
        path = entry.path
        if not is_file(path):  # A socket, a device, a broken link, …
            return path
        try:
            return entry if is_image(read_head(path)) else path
        except UsageError:
            raise
        except ImagineError:
            if not self._skip_invalid:
                raise
            return entry

    def _files(self) -> Iterator[Entry]:
        """Yield all files; only the names of the folders on the current path are in memory."""
        top = _Folder(self.path)
        stack = [self._class_folders(top) if self._labels_from_dirs else self._children(top)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
            elif isinstance(child, _Folder):
                stack.append(self._children(child))
            else:
                yield child

    def _children(self, folder: _Folder) -> Iterator[_Folder | Entry]:
        parents = folder.parents
        if self._recursive:
            own = identity(folder.path)
            if own in parents:
                self.loops.add(folder.path)
                return
            parents |= {own}
        files, folders = _list_visible(folder.path)
        names = sorted([*files, *folders] if self._recursive else files, key=natural_key)
        if not self._recursive:
            self.total = len(names)
        for name in names:
            path = os.path.join(folder.path, name)
            if name in folders:
                yield _Folder(path, folder.labels, parents)
            else:
                yield Entry(path, folder.labels)

    def _class_folders(self, top: _Folder) -> Iterator[_Folder]:
        files, folders = _list_visible(top.path)
        for name in sorted(files, key=natural_key):
            self.unlabeled.add(os.path.join(top.path, name))
        if not folders:
            raise ImagineError(
                f"{show(top.path)}: no folders to take labels from; leave out --labels-from-dirs"
            )
        parents = frozenset({identity(top.path)})
        for label, name in enumerate(sorted(folders, key=os.fsdecode)):
            yield _Folder(os.path.join(top.path, name), (label,), parents)


def _list_visible(path: bytes) -> tuple[list[bytes], set[bytes]]:
    """Return the names of the files and of the folders in a folder, except hidden ones."""
    files, folders = list_folder(path)
    return (
        [name for name in files if name[:1] != b"."],
        {name for name in folders if name[:1] != b"."},
    )
