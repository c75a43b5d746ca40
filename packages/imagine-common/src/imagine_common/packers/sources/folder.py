"""Images from a folder and the folders below it.

Labels from folders are those of torchvision's `ImageFolder`: an image's label is the index of its
class folder among the folders directly in the source, sorted as Python sorts strings.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import NUL, Entry, format_line
from imagine_common.exchange.names import natural_key
from imagine_common.files.folders import identity
from imagine_common.files.storage import is_file
from imagine_common.files.urls import check_url, is_remote
from imagine_common.packers.sources.base import Ignored, LineFormat
from imagine_common.packers.sources.listing import Listing, may_be_image
from imagine_common.packers.sources.manifest import ManifestLines
from imagine_common.text import show

_BATCH = 256
_REQUESTS_IN_FLIGHT = 32
_MAX_SHOWN = 10

Item = TypeVar("Item")
Result = TypeVar("Result")


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

    A file with an image's extension must be an image, which the packer checks. Other files that are
    not images are ignored and counted. With `recursive`, a folder's images come where its name does
    in the order; links to folders that contain them are ignored and counted. Names that match a
    pattern in `exclude` are left out.

    With `labels_from_dirs`, which includes `recursive`, the folders directly in `path` come in the
    order of their labels; files beside them are ignored and counted. A class folder without images
    is an error; with `skip_empty_classes` it gets no label, and with `only_warns` a warning.
    """

    line_format: LineFormat = _FolderLines(NUL)

    def __init__(
        self,
        path: bytes,
        recursive: bool = False,
        labels_from_dirs: bool = False,
        exclude: Sequence[bytes] = (),
        skip_empty_classes: bool = False,
        only_warns: bool = False,
    ) -> None:
        check_url(path)
        if skip_empty_classes and not labels_from_dirs:
            raise UsageError("argument --skip-empty-classes: only with --labels-from-dirs")
        self.path = path
        self.listing = Listing(path, exclude)
        self.non_images = Ignored("non-image file")
        self.unlabeled = Ignored("unlabeled file")
        self.loops = Ignored("symlink loop")
        self.subfolders = Ignored("subfolder", "left out", "; --recursive packs their images")
        self.total: int | None = None  # images, or files of a folder that is read to its end later
        self._recursive = recursive or labels_from_dirs
        self._labels_from_dirs = labels_from_dirs
        self._skip_empty_classes = skip_empty_classes
        self._only_warns = only_warns
        self._empty_classes = ""

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the images' paths as the lines of a manifest; None while none is found."""
        found = 0
        lines: list[bytes] = []
        examined = self._map(lambda entry: (entry, may_be_image(entry.path)), self._files())
        for seen, (entry, is_input) in enumerate(examined, 1):
            if is_input:
                lines.append(format_line(entry))
                found += 1
            else:
                self.non_images.add(entry.path)
            if seen % _BATCH == 0:
                yield lines or None
                lines = []
        if lines:
            yield lines
        self.total = found
        if not found:
            raise self._no_images()

    def warnings(self) -> list[str]:
        """Return what was ignored, after the whole folder has been read."""
        kinds = self.non_images, self.unlabeled, self.loops, self.subfolders
        ignored = [str(kind) for kind in kinds if kind.count]
        if self._empty_classes:
            ignored.append(f"{self._empty_classes}, which have labels")
        return [f"{show(self.path)}: {reason}" for reason in ignored]

    def _map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        if is_remote(self.path):
            from imagine_common.files.stores.objects import look_ahead

            return look_ahead(function, items, _REQUESTS_IN_FLIGHT)
        return map(function, items)

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
        found = dict(self.listing.names(folder.path))
        if not self._recursive:
            self.total = len(found) - sum(found.values())
        for name in sorted(found, key=natural_key):
            path = os.path.join(folder.path, name)
            if not found[name]:
                yield Entry(path, folder.labels)
            elif self._recursive:
                yield _Folder(path, folder.labels, parents)
            elif not self.listing.has_outputs(path):
                self.subfolders.add(path)

    def _class_folders(self, top: _Folder) -> Iterator[_Folder]:
        found = dict(self.listing.names(top.path))
        names = sorted((name for name in found if found[name]), key=os.fsdecode)
        for name in sorted(found.keys() - set(names), key=natural_key):
            path = os.path.join(top.path, name)
            is_file(path)  # raises an error if it may be a link to a folder
            self.unlabeled.add(path)
        if not names:
            raise ImagineError(
                f"{show(top.path)}: no folders to take labels from; leave out --labels-from-dirs"
            )
        paths = self._classes([os.path.join(top.path, name) for name in names])
        parents = frozenset({identity(top.path)})
        for label, path in enumerate(paths):
            yield _Folder(path, (label,), parents)

    def _classes(self, folders: list[bytes]) -> list[bytes]:
        """Return the folders that have a label; raise an error for those without images."""
        pairs = list(zip(folders, self._map(self.listing.has_image, folders)))
        # The folder that the packer writes into is not a class.
        pairs = [(p, full) for p, full in pairs if full or not self.listing.has_outputs(p)]
        empty = [show(os.path.basename(path)) for path, full in pairs if not full]
        if self._skip_empty_classes:
            return [path for path, full in pairs if full]
        if empty:
            more = f" and {len(empty) - _MAX_SHOWN} more" if len(empty) > _MAX_SHOWN else ""
            shown = f"class folders without images: {', '.join(empty[:_MAX_SHOWN])}{more}"
            if not self._only_warns:
                raise ImagineError(
                    f"{show(self.path)}: {shown}; leave them out with --exclude PATTERN or"
                    " --skip-empty-classes"
                )
            self._empty_classes = shown
        return [path for path, _ in pairs]

    def _no_images(self) -> ImagineError:
        where = f"{show(self.path)}: no images in this folder"
        if self._recursive:
            return ImagineError(f"{where} or below it")
        names = (name for name, is_folder in self.listing.names(self.path) if is_folder)
        for name in sorted(names, key=natural_key):
            if self.listing.has_image(os.path.join(self.path, name)):
                hint = f"; found {show(name)}/…; add --recursive or --labels-from-dirs"
                return ImagineError(where + hint)
        return ImagineError(where)
