"""The store of a URL, one in each process."""

from __future__ import annotations

import logging
import os

from imagine_common.files.stores.errors import errors_named
from imagine_common.files.stores.store import MemoryStore, Store
from imagine_common.files.urls import bucket_of, require_backend, scheme_of

# Without a handler, Python prints their warnings on stderr, some with signed URLs.
_LOGGERS = ("adlfs", "aiobotocore", "aiohttp", "asyncio", "azure", "botocore", "fsspec", "gcsfs")

# By process: the thread of an fsspec filesystem does not exist in a forked child.
_stores: dict[tuple[int, bytes], Store] = {}


def find_store(url: bytes) -> Store:
    """Return the store of a URL; each process has one.

    Raise a `UsageError` if a package for it is not installed, and an `ImagineError` if it can't be
    set up, for example because a profile does not exist.
    """
    scheme, bucket = scheme_of(url), bucket_of(url)
    key = os.getpid(), bucket
    if key in _stores:
        return _stores[key]
    require_backend(scheme)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(logging.NullHandler())
    from fsspec.core import url_to_fs

    with errors_named(bucket):
        # Other processes write to the store, so listings must not be cached.
        fs, _ = url_to_fs(bucket.decode(), use_listings_cache=False)
    if scheme in ("s3", "s3a"):
        from imagine_common.files.stores.s3 import S3Store

        _stores[key] = S3Store(fs)
    else:
        _stores[key] = MemoryStore(fs) if scheme == "memory" else Store(fs)
    return _stores[key]
