"""One store, as fsspec gives access to it: whole objects, parts of them, and lists of names.

A filesystem of fsspec belongs to the process that made it: its thread does not live on in a child.
So stores are kept by process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from imagine_common.errors import ImagineError
from imagine_common.files.stores.errors import errors_named, is_missing
from imagine_common.files.urls import parse_url, require_backend
from imagine_common.text import show

# Without handlers of their own, Python prints their warnings: about connections that were closed
# in a hurry, with addresses that may be signed.
_TALKATIVE = ("adlfs", "aiobotocore", "aiohttp", "asyncio", "azure", "botocore", "fsspec", "gcsfs")

_stores: dict[tuple[int, str, bytes], Store] = {}


class Listed(NamedTuple):
    """A name in a folder: of a folder, or of an object with its size in bytes."""

    name: bytes
    size: int
    is_folder: bool


class Upload(Protocol):
    """An object that is being uploaded in parts, and is there once it is complete."""

    def add(self, data: bytes) -> None:
        """Send the next part."""

    def settle(self) -> None:
        """Wait until all parts have arrived."""

    def complete(self) -> None:
        """Have the parts become the object."""

    def abort(self) -> None:
        """Have them removed."""


class Store:
    """Access to the objects of a store. Errors are `ImagineError`s that name the object."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def put(self, url: bytes, data: bytes) -> None:
        """Write an object at once, replacing what has its name."""
        with errors_named(url):
            self._fs.pipe_file(url.decode(), data)

    def begin(self, url: bytes) -> Upload:
        """Begin to write an object in parts."""
        with errors_named(url):
            return FileUpload(self._fs, url)

    def part_bytes(self, _number: int) -> int:
        """Return how large a part of an upload is to be, by its number from 0."""
        return 1 << 24

    def size(self, url: bytes) -> int | None:
        """Return the size of an object in bytes; None where it is not there."""
        with errors_named(url):
            try:
                info = self._fs.info(url.decode())
            except FileNotFoundError as error:
                if is_missing(error):
                    return None
                raise
            return int(info["size"]) if info["type"] == "file" else None

    def read(self, url: bytes, begin: int, end: int) -> bytes:
        """Return a part of an object, from a first byte up to, not with, another."""
        with errors_named(url):
            return bytes(self._fs.cat_file(url.decode(), start=begin, end=end))

    def list(self, folder: bytes, prefix: bytes = b"") -> Iterator[Listed]:
        """Yield what is directly in a folder and begins with a prefix, in no order; once each."""
        with errors_named(folder):
            try:
                found = self._fs.ls(folder.decode(), detail=True)
            except FileNotFoundError as error:
                if is_missing(error):
                    return
                raise
        own = self._fs._strip_protocol(folder.decode()).rstrip("/")
        for info in found:
            if info["name"].rstrip("/") == own:  # Some list the folder itself, or a key like a//b.
                continue
            name = info["name"].rstrip("/").rpartition("/")[2].encode()
            if name.startswith(prefix):
                yield Listed(name, info["size"] or 0, info["type"] == "directory")

    def remove(self, url: bytes) -> None:
        """Remove an object, where it is there."""
        if self.size(url) is None:
            return  # Who may not remove anything need not, either.
        with errors_named(url):
            try:
                self._fs.rm_file(url.decode())
            except FileNotFoundError as error:
                if not is_missing(error):
                    raise


class FileUpload:
    """An upload through one of fsspec's files: most backends complete it when it is closed."""

    def __init__(self, fs: Any, url: bytes) -> None:
        self._url = url
        self._file = fs.open(url.decode(), "wb", block_size=1 << 24)

    def add(self, data: bytes) -> None:
        """Send the next part."""
        with errors_named(self._url):
            self._file.write(data)

    def settle(self) -> None:
        """Do nothing: parts are sent one after the other."""

    def complete(self) -> None:
        """Have the parts become the object."""
        with errors_named(self._url):
            self._file.close()

    def abort(self) -> None:
        """Have them removed, where the backend can; in any case they become no object."""
        if not self._file.closed:
            # Closing would complete it, and so would collecting an open file as garbage.
            self._file.closed = True
            self._file.discard()


def find_store(url: bytes) -> Store:
    """Return the store that a URL leads to.

    Raises
    ------
    UsageError
        For a URL that can't be used, and where what it needs is not installed.
    ImagineError
        Where the store can't be set up, as with a profile that is not there.
    """
    scheme, authority = parse_url(url)
    key = os.getpid(), scheme, authority
    if key not in _stores:
        require_backend(scheme)
        _stores[key] = _new_store(url, scheme)
    return _stores[key]


def _new_store(url: bytes, scheme: str) -> Store:
    for name in _TALKATIVE:
        logging.getLogger(name).addHandler(logging.NullHandler())
    import fsspec

    backend = fsspec.get_filesystem_class(scheme)
    with errors_named(url):
        # Others change what is there, so nothing is remembered of lists.
        options = {"use_listings_cache": False, **backend._get_kwargs_from_urls(url.decode())}
        fs = fsspec.filesystem(scheme, **options)
    if scheme in ("s3", "s3a"):
        from imagine_common.files.stores.s3 import S3Store

        return S3Store(fs)
    if scheme == "memory":
        return MemoryStore(fs)
    return Store(fs)


class MemoryStore(Store):
    """A store in the memory of one process, for trying things out."""

    def begin(self, url: bytes) -> Upload:
        """Begin to write an object, of which nothing is there before it is complete."""
        return _Collected(self, url)

    def put(self, url: bytes, data: bytes) -> None:
        """Write an object at once.

        Raises
        ------
        ImagineError
            In a worker process, whose memory nobody would see.
        """
        import multiprocessing

        if multiprocessing.parent_process() is not None:
            raise ImagineError(f"{show(url)}: in the memory of one process: it needs --workers 1")
        super().put(url, data)


class _Collected:
    def __init__(self, store: Store, url: bytes) -> None:
        self._store = store
        self._url = url
        self._parts: list[bytes] = []

    def add(self, data: bytes) -> None:
        self._parts.append(data)

    def settle(self) -> None:
        pass

    def complete(self) -> None:
        self._store.put(self._url, b"".join(self._parts))

    def abort(self) -> None:
        self._parts.clear()
