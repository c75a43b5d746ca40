"""Telling URLs from paths, and refusing those that can't be meant, before fsspec is needed.

A path is a URL where it begins with a scheme and `://`. Credentials have no place in one: command
lines are seen by all users of a host, and URLs are repeated in manifests and errors.
"""

from __future__ import annotations

import importlib.util
import os
import re
from typing import NamedTuple

from imagine_common.errors import UsageError
from imagine_common.text import show

_MARK = b"://"
_URL = re.compile(rb"(?s)([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?")
_LOCAL = "file"
_NO_STORES = ("http", "https")

# What is to be installed for a scheme: the module that fsspec needs, and our extra that has it.
_BACKENDS = {
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "s3")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gs")),
    **dict.fromkeys(("az", "abfs", "abfss"), ("adlfs", "az")),
}


class Url(NamedTuple):
    """A URL's scheme, in lower case, and what stands before the first slash: a bucket, mostly."""

    scheme: str
    authority: bytes


def is_url(path: bytes) -> bool:
    """Tell whether a path is a URL, of whatever scheme."""
    return _MARK in path and _URL.match(path) is not None


def is_remote(path: bytes) -> bool:
    """Tell whether a path is a URL that leads to an object store: any but `file://`."""
    return is_url(path) and parse_url(path).scheme != _LOCAL


def bucket_of(url: bytes) -> bytes:
    """Return the part of a URL that names the bucket: all before the path."""
    match = _URL.fullmatch(url)
    return url[: match.end(2)] if match else url


def local_path(path: bytes) -> bytes:
    """Return the path that a `file://` URL names; any other path as it is.

    Raises
    ------
    UsageError
        Where the URL names a file of another host.
    """
    if not is_url(path) or parse_url(path).scheme != _LOCAL:
        return path
    match = _URL.fullmatch(path)
    if not match or match[2] not in (b"", b"localhost") or not match[3]:
        raise UsageError(f"{show(path)}: a file:// URL has three slashes and an absolute path")
    return match[3]


def rooted(path: bytes, base: bytes) -> bytes:
    """Return a relative path joined to a base folder; URLs and absolute paths unchanged."""
    return path if is_url(path) else os.path.join(base, path)


def parse_url(url: bytes) -> Url:
    """Return what a URL says about where its store is.

    Raises
    ------
    UsageError
        Where it has credentials in it, which this does not repeat; names no bucket; leads to no
        store; or is no UTF-8, as names in stores are.
    """
    match = _URL.fullmatch(url)
    if not match:
        raise UsageError(f"{show(url)}: no URL")
    scheme = match[1].decode().lower()
    if b":" in match[2] and b"@" in url:
        raise UsageError(
            f"{scheme}://...: what may be a password has no place in a URL; give credentials as the"
            " store's own tools take them, in the environment or a profile"
        )
    if scheme in _NO_STORES:
        raise UsageError(f"{scheme}://{show(match[2])}: a web server is no object store")
    if not match[2] and scheme not in (_LOCAL, "memory"):
        raise UsageError(f"{show(url)}: no bucket in the URL, as in {scheme}://BUCKET/PREFIX")
    try:
        url.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{show(url)}: names in object stores are UTF-8") from None
    return Url(scheme, match[2])


def require_backend(scheme: str) -> None:
    """Check that what a scheme needs is installed, without the second that importing it takes.

    Raises
    ------
    UsageError
        Saying which extra to install.
    """
    module, extra = _BACKENDS.get(scheme, ("fsspec", ""))
    if not importlib.util.find_spec(module):
        what = f"imagine-common[{extra}]" if extra else "fsspec"
        raise UsageError(
            f"{scheme}:// URLs need {module}, which is not installed: pip install '{what}'"
        )
    if not extra:
        import fsspec

        try:
            fsspec.get_filesystem_class(scheme)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{scheme}:// URLs can't be used here: {error}") from None


def refuse_store(option: str, *paths: bytes | None) -> None:
    """Refuse an option that only local files can be written with.

    Raises
    ------
    UsageError
        Where one of the paths leads to an object store.
    """
    for path in paths:
        if path is not None and is_remote(path):
            raise UsageError(f"argument {option}: not with an object store, {show(path)}")


def check_url(path: bytes) -> None:
    """Refuse a URL that can't be used; any path that is none is taken.

    Raises
    ------
    UsageError
        As `parse_url`, `local_path` and `require_backend` do.
    """
    if is_url(path):
        scheme = parse_url(path).scheme
        if scheme == _LOCAL:
            local_path(path)
        else:
            require_backend(scheme)
