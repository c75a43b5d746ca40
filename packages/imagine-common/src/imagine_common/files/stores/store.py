"""Stores through obstore: whole objects, ranges of them, and listings.

Functions and methods raise an `ImagineError` that names the object if the store fails.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.stores.errors import errors_named
from imagine_common.files.urls import bucket_of, require_backend, scheme_of
from imagine_common.text import show

_KINDS = {"s3": ("S3Store", "AWS"), "gs": ("GCSStore", "GOOGLE"), "az": ("AzureStore", "AZURE")}
# Variables with the address of a server, on which obstore panics if it is not a URL.
_ENDPOINTS = ("ENDPOINT_URL", "ENDPOINT", "ENDPOINT_URL_S3", "BASE_URL", "STORAGE_ENDPOINT")
# The time for one part, also over a slow line; obstore's own 30 seconds are too short for it.
_TIMEOUT = "120 seconds"
_PAGE = 1_000

# That have used a store: this one, and those it was forked from, whose threads it does not have.
_processes: set[int] = set()


class Listed(NamedTuple):
    """The name of an entry in a folder, and the size of an object in bytes."""

    name: bytes
    size: int
    is_folder: bool


def find_store(url: bytes) -> Store:
    """Return the store of a URL; each process has one.

    Raise a `UsageError` if a package for it is not installed, and an `ImagineError` if it can't be
    set up.
    """
    _processes.add(os.getpid())
    if len(_processes) > 1:
        raise ImagineError(
            f"{show(url)}: this process was forked from one that uses object stores; start"
            " processes with the method 'forkserver' or 'spawn'"
        )
    return _store(bucket_of(url))


@cache
def _store(bucket: bytes) -> Store:
    extra = require_backend(scheme_of(bucket))
    import obstore.store

    kind, prefix = _KINDS[extra]
    name, _, host = bucket.decode().partition("://")[2].partition("@")
    for variable in (f"{prefix}_{end}" for end in _ENDPOINTS):
        if not os.environ.get(variable, "http://").startswith(("http://", "https://")):
            raise UsageError(f"{variable}: must begin with http:// or https://, or not be set")
    config = {} if f"{prefix}_TIMEOUT" in os.environ else {"timeout": _TIMEOUT}
    if any(k.startswith(prefix) and v.startswith("http://") for k, v in os.environ.items()):
        config["allow_http"] = "true"
    if host:  # abfss://CONTAINER@ACCOUNT.dfs.core.windows.net
        config["account_name"] = host.partition(".")[0]
    has_profile = extra == "s3" and os.environ.get("AWS_PROFILE")
    provider = {"credential_provider": _profile(bucket)} if has_profile else {}
    with errors_named(bucket):
        return Store(getattr(obstore.store, kind)(name, config=config, **provider))


def _profile(bucket: bytes) -> Any:
    """Return the credentials of the profile in AWS_PROFILE, which boto3 reads."""
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider

        return Boto3CredentialProvider()
    except ImportError:
        raise UsageError("AWS_PROFILE needs boto3: pip install boto3") from None
    except Exception:
        reason = "the profile in AWS_PROFILE does not exist, or has no valid credentials"
        raise ImagineError(f"{show(bucket)}: {reason}") from None


class Store:
    """A bucket of a store."""

    def __init__(self, bucket: Any) -> None:
        self.bucket = bucket

    def put(self, url: bytes, data: bytes | bytearray) -> None:
        """Write a whole object, replacing an older one."""
        self._call("put", url, data, use_multipart=False)

    def size(self, url: bytes) -> int | None:
        """Return the size of an object in bytes, or None if it does not exist."""
        found = None if url.endswith(b"/") else self._call("head", url, missing_ok=True)
        return found and int(found["size"])

    def read(self, url: bytes, size: int, begin: int, length: int) -> bytes:
        """Return bytes of an object of `size` bytes; fewer than `length` only at its end."""
        end = min(begin + length, size)
        data = bytes(self._call("get_range", url, start=begin, end=end))
        if len(data) != end - begin:
            raise ImagineError(f"{show(url)}: it became shorter while being read")
        return data

    def remove(self, url: bytes) -> None:
        """Remove an object if it exists."""
        if self.size(url) is not None:  # Otherwise no permission to delete is needed.
            self._call("delete", url, missing_ok=True)

    def list(self, folder: bytes, prefix: bytes = b"") -> Iterator[Listed]:
        """Yield the entries of a folder that begin with a prefix, each once, in any order."""
        parents = len(key_of(folder)) and len(key_of(folder)) + 1
        folders = set()
        for path, size in self._paths(folder, parents):
            name, is_folder, _ = path[parents:].partition("/")
            found = Listed(name.encode(), size, bool(is_folder))
            if name and found.name.startswith(prefix) and name not in folders:
                yield found
            if is_folder:
                folders.add(name)

    def _paths(self, folder: bytes, parents: int) -> Iterator[tuple[str, int]]:
        """Yield paths and sizes of objects in a folder; those below it may be cut short."""
        from obstore.exceptions import InvalidPathError

        page = None
        with errors_named(folder), suppress(InvalidPathError):
            pages = self.bucket.list(key_of(folder), chunk_size=_PAGE)
            page = _wait(next, anext, pages, [])
        if page is None or any("/" in entry["path"][parents:] for entry in page):
            # It leaves out what is in folders, but holds all the rest in memory.
            found = self._call("list_with_delimiter", folder)
            yield from ((f"{path}/", 0) for path in found["common_prefixes"])
            yield from ((entry["path"], entry["size"]) for entry in found["objects"])
            return
        while page:
            yield from ((entry["path"], entry["size"]) for entry in page)
            with errors_named(folder):
                page = _wait(next, anext, pages, [])

    def _call(self, name: str, url: bytes, *args: Any, missing_ok: bool = False, **kw: Any) -> Any:
        answer = None
        with errors_named(url, missing_ok):
            functions = getattr(self.bucket, name), getattr(self.bucket, f"{name}_async")
            answer = _wait(*functions, key_of(url), *args, **kw)
        return answer  # noqa: RET504 - the block above may end early


def key_of(url: bytes) -> str:
    """Return the name of an object in its bucket."""
    return url[len(bucket_of(url)) :].decode().strip("/")


def _wait(sync: Callable[..., Any], async_: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    """Call one of two functions: in the main thread, the one that a signal can interrupt."""
    if threading.current_thread() is not threading.main_thread():
        return sync(*args, **kw)
    future = start(async_, *args, **kw)
    try:
        return result_of(future)
    finally:
        future.cancel()


class _Loop(asyncio.SelectorEventLoop):
    """A loop that other threads call one at a time, as those of obstore do to report a result."""

    calling = threading.RLock()

    def call_soon_threadsafe(self, *args: Any, **kw: Any) -> asyncio.Handle:  # type: ignore[override]
        with self.calling:
            return super().call_soon_threadsafe(*args, **kw)


@cache
def _loop() -> _Loop:
    loop = _Loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def start(function: Callable[..., Awaitable[Any]], *args: Any, **kw: Any) -> Future[Any]:
    """Call an asynchronous function of obstore, which can be cancelled."""

    async def call() -> Any:
        return await function(*args, **kw)

    return asyncio.run_coroutine_threadsafe(call(), _loop())


def result_of(future: Future[Any], seconds: float | None = None) -> Any:
    """Wait for the result of a call."""
    try:
        return future.result(seconds)
    finally:
        # Before Python 3.14, a thread that is still in the call aborts a process that ends.
        with _Loop.calling:
            pass
