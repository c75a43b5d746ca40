"""Stores through obstore: whole objects, ranges of them, and listings.

Functions and methods raise an `ImagineError` that names the object if the store fails. obstore's
threads do not exist in a child that is forked after their start.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.reading import hint_at_name
from imagine_common.files.stores.errors import errors_named
from imagine_common.files.urls import bucket_of, require_backend, scheme_of
from imagine_common.text import show

Result = TypeVar("Result")

_LISTED_AT_ONCE = 1_000
# The time for one part, also over a slow line; obstore's own 30 seconds are too short for it.
_TIMEOUT = "120 seconds"
_SECONDS_TO_END = 3.0
# obstore refuses these names.
_ODD_NAME = re.compile(r"[\x00-\x1f\x7f]|(^|/)(\.{0,2})(/|$)")
_OWN_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE")
_ENDPOINTS = (
    *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    *("GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
)

_KINDS = {
    **dict.fromkeys(("s3", "s3a"), ("S3Store", "AWS")),
    **dict.fromkeys(("gs", "gcs"), ("GCSStore", "GOOGLE")),
    **dict.fromkeys(("az", "abfs", "abfss"), ("AzureStore", "AZURE")),
}

_processes: set[int] = set()  # that have used a store, this one and those it was forked from


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
    scheme = scheme_of(bucket)
    require_backend(scheme)
    name, _, host = bucket.decode().partition("://")[2].partition("@")
    kind, prefix = _KINDS[scheme]
    options = {} if f"{prefix}_TIMEOUT" in os.environ else {"timeout": _TIMEOUT}
    if any(os.environ.get(key, "").startswith("http://") for key in _ENDPOINTS):
        options["allow_http"] = "true"
    if host:  # abfss://CONTAINER@ACCOUNT.dfs.core.windows.net
        options["account_name"] = host.partition(".")[0]
    import obstore.store

    more = {"credential_provider": _aws_profile(bucket)} if prefix == "AWS" else {}
    with errors_named(bucket):
        return Store(obstore, getattr(obstore.store, kind)(name, config=options, **more))


def _aws_profile(bucket: bytes) -> Any:
    """Return the credentials of a profile, or None; obstore itself reads the environment only."""
    profile = os.environ.get("AWS_PROFILE")
    if not profile and any(name in os.environ for name in _OWN_CREDENTIALS):
        return None
    if profile and not find_spec("boto3"):
        raise UsageError("AWS_PROFILE needs boto3, which is not installed: pip install boto3")
    if find_spec("boto3"):
        from boto3 import Session
        from botocore.exceptions import ProfileNotFound
        from obstore.auth.boto3 import Boto3CredentialProvider

        try:
            return Boto3CredentialProvider(Session())
        except ProfileNotFound:
            raise ImagineError(
                f"{show(bucket)}: the profile in AWS_PROFILE does not exist"
            ) from None
        except ValueError:  # It knows no credentials, either.
            pass
    return None


class Store:
    """A bucket, through a module with the functions of obstore."""

    def __init__(self, api: Any, bucket: Any) -> None:
        self._api = api
        self._bucket = bucket

    def put(self, url: bytes, data: bytes) -> None:
        """Write a whole object, replacing an older one."""
        with errors_named(url):
            _call(self._api.put, self._bucket, key_of(url), data, use_multipart=False)

    def size(self, url: bytes) -> int | None:
        """Return the size of an object in bytes, or None if it does not exist."""
        found = None
        with errors_named(url, missing_ok=True):
            if not url.endswith(b"/"):
                found = _call(self._api.head, self._bucket, key_of(url))["size"]
        return found

    def read(self, url: bytes, begin: int, end: int) -> bytes:
        """Return the bytes of an object from `begin` up to, but not including, `end`."""
        with errors_named(url):
            return bytes(
                _call(self._api.get_range, self._bucket, key_of(url), start=begin, end=end)
            )

    def list(self, folder: bytes, prefix: bytes = b"") -> Iterator[Listed]:
        """Yield the entries of a folder that begin with a prefix, each once, in any order."""
        own = key_of(folder)
        begin = len(f"{own}/") if own else 0
        found: list[tuple[str, int, bool]] = []
        with errors_named(folder, missing_ok=True):
            listed = _call(self._api.list_with_delimiter, self._bucket, own)
            found += ((path, 0, True) for path in listed["common_prefixes"])
            found += ((entry["path"], entry["size"], False) for entry in listed["objects"])
        for path, size, is_folder in found:
            name = path[begin:].encode()
            if name and name.startswith(prefix):  # The folder itself may be an object, too.
                yield Listed(name, size, is_folder)

    def remove(self, url: bytes) -> None:
        """Remove an object if it exists."""
        if self.size(url) is None:
            return  # Nothing to delete, so no delete permission is needed.
        with errors_named(url, missing_ok=True):
            _call(self._api.delete, self._bucket, key_of(url))

    def open_writer(self, url: bytes, part_bytes: int) -> Any:
        """Return obstore's writer of an object, whose `write` waits for the parts before."""
        options = {"buffer_size": part_bytes, "max_concurrency": 1}
        return self._api.open_writer_async(self._bucket, key_of(url), **options)


def key_of(url: bytes) -> str:
    """Return the name of an object in its bucket."""
    key = url[len(bucket_of(url)) :].decode().strip("/")
    if key and _ODD_NAME.search(key):
        raise ImagineError(
            f"{show(url)}: names with control characters, '.', '..' or nothing between slashes are"
            f" not supported in object stores{hint_at_name(url)}"
        )
    return key


def _call(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Call a function of obstore; in the main thread, so that signals are not delayed."""
    if threading.current_thread() is not threading.main_thread():
        return function(*args, **kwargs)
    future: Future[Result] = Future()

    def call() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    try:
        return future.result()
    finally:
        # A thread that returns to Python while the process ends would abort it.
        wait([future], _SECONDS_TO_END)
