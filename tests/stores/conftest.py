"""Servers for all tests, and for each test a bucket and an environment that leads to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from imagine_common.files.stores import store
from s3_server import Bucket, Proxy, moto
from store_servers import Server, azurite

_numbers = count()

# All the tool's processes run it when they start.
_FEW_RETRIES = """
from functools import partial
import obstore.store
for name in ("S3Store", "GCSStore", "AzureStore"):
    kind = getattr(obstore.store, name)
    setattr(obstore.store, name, partial(kind, retry_config={"max_retries": 2}))
"""


@pytest.fixture(scope="session")
def moto_address() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture(scope="session")
def azurite_address() -> Iterator[str]:
    with azurite() as address:
        yield address


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """Return the server of S3, or of another scheme that the test asks for."""
    scheme = getattr(request, "param", "s3")
    name = "azurite_address" if scheme == "az" else "moto_address"
    return Server(scheme, request.getfixturevalue(name))


@pytest.fixture
def bucket(server: Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    for name, value in server.environment(server.address).items():
        monkeypatch.setenv(name, value)
    # What this process has made for an earlier test may lead to a proxy that is gone.
    store._store.cache_clear()
    # obstore encodes hyphens in the names of Google's buckets, and moto does not decode them.
    return server.bucket(f"bucket{next(_numbers)}")


@pytest.fixture
def proxy(server: Server, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(server.address) as proxy:
        for name, value in server.environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def few_retries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end soon after a store does not answer."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(_FEW_RETRIES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
