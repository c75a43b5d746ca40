"""What a source folder and the folders below it contain, without names that are no input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from imagine_common.errors import ImagineError
from imagine_common.files.folders import identity, list_folder, real_folder
from imagine_common.files.storage import is_file
from imagine_common.packers.images import is_image, promises_image, read_head


class Listing:
    """The names in a folder `top` and below it that can be input.

    Names that begin with a dot are no input, nor are those that match a pattern in `exclude`: a
    pattern with a slash is compared with the path below `top`, any other with the name. `outputs`
    has a pattern of the names that the packer itself writes, for each `real_folder`.
    """

    def __init__(self, top: bytes, exclude: Sequence[bytes] = ()) -> None:
        self.outputs: Mapping[bytes, re.Pattern[bytes]] = {}
        self._top = top
        self._below = len(os.path.join(top, b""))
        self._exclude = [pattern.rstrip(b"/") for pattern in exclude]

    def names(self, folder: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield each name in a folder, and whether it is a folder or a link to one."""
        own = self.outputs.get(real_folder(folder)) if self.outputs else None
        try:
            for name, is_folder in list_folder(folder):
                is_own = own is not None and not is_folder and own.fullmatch(name)
                if name[:1] != b"." and not is_own and not self._excludes(folder, name):
                    yield name, is_folder
        except ImagineError as error:
            if folder == self._top:
                raise
            raise ImagineError(f"{error}; --exclude PATTERN leaves it out") from error

    def has_image(self, folder: bytes) -> bool:
        """Return whether an image, or a file that should be one, is in a folder or below it."""
        todo: list[tuple[bytes, frozenset[object]]] = [(folder, frozenset())]
        while todo:
            path, parents = todo.pop()
            if (own := identity(path)) in parents:
                continue
            unknown = []
            for name, is_folder in self.names(path):
                if is_folder:
                    todo.append((os.path.join(path, name), parents | {own}))
                elif promises_image(name):
                    return True
                else:
                    unknown.append(os.path.join(path, name))
            if any(map(may_be_image, unknown)):
                return True
        return False

    def has_outputs(self, folder: bytes) -> bool:
        """Return whether the packer writes into a folder or below it."""
        begin = os.path.join(real_folder(folder), b"")
        return any(os.path.join(output, b"").startswith(begin) for output in self.outputs)

    def _excludes(self, folder: bytes, name: bytes) -> bool:
        if not self._exclude:
            return False
        below = os.path.join(folder, name)[self._below :]
        return any(fnmatchcase(below if b"/" in p else name, p) for p in self._exclude)


def may_be_image(path: bytes) -> bool:
    """Return whether a file is an image by its name or content, or can't be read."""
    if promises_image(path):
        return True
    try:  # A socket, a device, a broken link, … is not a file.
        return is_file(path) and is_image(read_head(path))
    except ImagineError:
        return True  # The packer reports the reason.
