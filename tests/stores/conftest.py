"""A server for all tests, and for each a bucket and an environment that leads to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest

from imagine_common.files.stores import store
from s3_server import Bucket, Proxy, environment, moto

_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    # What this process has made for an earlier test may lead to a proxy that is gone.
    store._store.cache_clear()
    bucket = Bucket(server, f"bucket-{next(_numbers)}")
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


@pytest.fixture
def proxy(server: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy
