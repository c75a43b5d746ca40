"""URLs: recognizing and checking them before obstore is imported.

A path is a URL if it begins with a scheme and `://`. A URL must not contain credentials: command
lines are visible to all users of a host, and manifests and errors repeat URLs. Functions
raise a `UsageError` for a URL that can't be used.
"""

from __future__ import annotations

import importlib.util
import os
import re

from imagine_common.errors import UsageError
from imagine_common.text import show

_MARK = b"://"
_URL = re.compile(rb"(?s)([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?")
_ALMOST_URL = re.compile(rb"(?i)(s3a?|gs|gcs|az|abfss?|file|https?):(?!//)")
_LOCAL = "file"
_NO_STORES = ("http", "https")

# The extra of imagine-common for each scheme; all install obstore.
_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "az"),
}


def is_url(path: bytes) -> bool:
    """Return whether a path is a URL of any scheme."""
    return _MARK in path and _URL.match(path) is not None


def is_remote(path: bytes) -> bool:
    """Return whether a path is a URL of an object store: of any scheme but `file`."""
    return is_url(path) and scheme_of(path) != _LOCAL


def bucket_of(url: bytes) -> bytes:
    """Return a URL without its path."""
    match = _URL.fullmatch(url)
    return url[: match.end(2)] if match else url


def local_path(path: bytes) -> bytes:
    """Return the path in a `file://` URL; other paths unchanged."""
    if not is_url(path) or scheme_of(path) != _LOCAL:
        return path
    match = _URL.fullmatch(path)
    if not match or match[2] not in (b"", b"localhost") or not match[3]:
        raise UsageError(f"{show(path)}: a file:// URL has three slashes and an absolute path")
    return match[3]


def rooted(path: bytes, base: bytes) -> bytes:
    """Return a relative path joined to a base folder; URLs and absolute paths unchanged."""
    return path if is_url(path) else os.path.join(base, path)


def scheme_of(url: bytes) -> str:
    """Return a URL's scheme in lower case. Messages never repeat credentials."""
    match = _URL.fullmatch(url)
    if not match:
        raise UsageError(f"{show(url)}: not a URL")
    scheme = match[1].decode().lower()
    if b":" in match[2] and b"@" in url:
        raise UsageError(
            f"{scheme}://...: a URL must not contain a password; give credentials as the store's"
            " own tools take them, in the environment or a profile"
        )
    if scheme in _NO_STORES:
        raise UsageError(f"{scheme}://{show(match[2])}: a web server is not an object store")
    if not match[2] and scheme != _LOCAL:
        raise UsageError(f"{show(url)}: the URL has no bucket, as in {scheme}://BUCKET/PREFIX")
    try:
        url.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{show(url)}: names in object stores must be UTF-8") from None
    return scheme


def require_backend(scheme: str) -> str:
    """Check that a scheme is known and its package installed, and return the extra's name."""
    extra = _EXTRAS.get(scheme)
    if extra is None:
        raise UsageError(f"{scheme}:// URLs are not supported; {', '.join(_EXTRAS)} are")
    if not importlib.util.find_spec("obstore"):
        raise UsageError(
            f"{scheme}:// URLs need obstore, which is not installed;"
            f" in a checkout: pip install './packages/imagine-common[{extra}]'"
        )
    return extra


def refuse_store(option: str, *paths: bytes | None) -> None:
    """Refuse URLs of object stores together with an option that needs local files."""
    for path in paths:
        if path is not None and is_remote(path):
            raise UsageError(f"argument {option}: not with an object store, {show(path)}")


def check_url(path: bytes) -> None:
    """Check that a path, if it is a URL, can be used."""
    if is_url(path):
        scheme = scheme_of(path)
        if scheme == _LOCAL:
            local_path(path)
        else:
            require_backend(scheme)
    elif match := _ALMOST_URL.match(path):
        raise UsageError(
            f"{show(path)}: a URL begins with {show(match[1])}://, and a local path of this name"
            " with ./"
        )
