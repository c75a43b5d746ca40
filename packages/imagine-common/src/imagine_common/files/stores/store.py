"""Stores through fsspec: whole objects, ranges of them, and listings.

Functions and methods raise an `ImagineError` that names the object if the store fails.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files.stores.errors import errors_named
from imagine_common.text import show

_PART_BYTES = 1 << 24


class Listed(NamedTuple):
    """The name of an entry in a folder, and the size of an object in bytes."""

    name: bytes
    size: int
    is_folder: bool


class Upload:
    """An object written in parts, through a file that most backends complete when it is closed."""

    def __init__(self, fs: Any, url: bytes) -> None:
        self._url = url
        self._file = fs.open(url.decode(), "wb", block_size=_PART_BYTES)

    def add(self, data: bytes) -> None:
        """Send the next part."""
        with errors_named(self._url):
            self._file.write(data)

    def settle(self) -> None:
        """Wait until all parts have arrived: here, `add` has waited."""

    def complete(self) -> None:
        """Make the parts the object."""
        with errors_named(self._url):
            self._file.close()

    def abort(self) -> None:
        """Remove the parts if the backend can; they never become an object."""
        if not self._file.closed:
            # Closing would complete it, and so would collecting an open file as garbage.
            self._file.closed = True
            self._file.discard()


class Store:
    """A store through the interface that all fsspec backends have."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def put(self, url: bytes, data: bytes) -> None:
        """Write a whole object, replacing an older one."""
        with errors_named(url):
            self._fs.pipe_file(url.decode(), data)

    def begin(self, url: bytes) -> Upload:
        """Begin to write an object in parts."""
        with errors_named(url):
            return Upload(self._fs, url)

    def part_bytes(self, _number: int) -> int:
        """Return the size in bytes of an upload's part, by its number from 0."""
        return _PART_BYTES

    def size(self, url: bytes) -> int | None:
        """Return the size of an object in bytes, or None if it does not exist."""
        info = {}
        with errors_named(url, missing_ok=True):
            info = self._fs.info(url.decode())
        return int(info["size"]) if info.get("type") == "file" else None

    def read(self, url: bytes, begin: int, end: int) -> bytes:
        """Return the bytes of an object from `begin` up to, but not including, `end`."""
        with errors_named(url):
            return bytes(self._fs.cat_file(url.decode(), start=begin, end=end))

    def list(self, folder: bytes, prefix: bytes = b"") -> Iterator[Listed]:
        """Yield the entries of a folder that begin with a prefix, each once, in any order."""
        from fsspec.core import strip_protocol

        found = []
        with errors_named(folder, missing_ok=True):
            found = self._fs.ls(folder.decode(), detail=True)
        own = strip_protocol(folder.decode()).rstrip("/")
        for info in found:
            if info["name"].rstrip("/") == own:  # The folder itself, or a key such as a//b.
                continue
            name = info["name"].rstrip("/").rpartition("/")[2].encode()
            if name.startswith(prefix):
                yield Listed(name, info["size"] or 0, info["type"] == "directory")

    def remove(self, url: bytes) -> None:
        """Remove an object if it exists."""
        if self.size(url) is None:
            return  # Nothing to delete, so no delete permission is needed.
        with errors_named(url, missing_ok=True):
            self._fs.rm_file(url.decode())


class MemoryStore(Store):
    """A store in this process's memory, for trials."""

    def part_bytes(self, _number: int) -> int:
        """Return a size that no object has: fsspec's file would be visible at once."""
        return sys.maxsize

    def put(self, url: bytes, data: bytes) -> None:
        """Write a whole object; raise an error in a worker process, whose memory is not shared."""
        import multiprocessing

        if multiprocessing.parent_process() is not None:
            raise ImagineError(f"{show(url)}: in the memory of one process: it needs --workers 1")
        super().put(url, data)
