"""The servers of the three kinds of stores, on loopback, with buckets and what leads to them.

Amazon's is moto, and Azure's is Azurite. No server in a registry speaks the XML interface of
Google's store as obstore uses it. It is nearly S3's, so moto answers it too, through obstore's
client for Google; Google itself was never reached.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import s3_server
from s3_server import HOST, Bucket

TOKEN = "token-that/is+none"
# Azurite knows this account; its key is in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
WRONG_KEY = base64.b64encode(b"a wrong key of an account").decode()


class AzureBucket(Bucket):
    """A container of Azurite."""

    can_abort = False  # The store deletes the parts of an unfinished object after a week.

    def __init__(self, endpoint: str, name: str) -> None:
        from azure.storage.blob import ContainerClient

        self.url = f"az://{name}"
        address = f"{endpoint}/{ACCOUNT}"
        self.client: Any = ContainerClient(address, name, credential=KEY, retry_total=0)
        self.client.create_container()

    def put(self, key: str, data: bytes) -> None:
        self.client.upload_blob(key, data, overwrite=True)

    def get(self, key: str) -> bytes:
        data: bytes = self.client.download_blob(key).readall()
        return data

    def sizes(self, prefix: str = "") -> dict[str, int]:
        return {blob.name: blob.size for blob in self.client.list_blobs(prefix)}

    def publish(self) -> None:
        self.client.set_container_access_policy({}, public_access="container")

    def uploads(self) -> list[str]:
        found = self.client.list_blobs(include=["uncommittedblobs"])
        return sorted({blob.name for blob in found} - set(self.sizes()))


class Server:
    """A server, by the variables that lead to it, and buckets in it."""

    def __init__(self, scheme: str, address: str) -> None:
        self.scheme = scheme
        self.address = address

    def environment(self, address: str) -> dict[str, str]:
        """Return the variables by which a tool finds the server, perhaps through a proxy."""
        if self.scheme == "s3":
            return s3_server.environment(address)
        if self.scheme == "gs":
            return {"GOOGLE_BASE_URL": address, "GOOGLE_BEARER_TOKEN": TOKEN}
        return {
            "AZURE_STORAGE_ENDPOINT": f"{address}/{ACCOUNT}",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        }

    def bucket(self, name: str) -> Bucket:
        """Create a bucket."""
        if self.scheme == "az":
            return AzureBucket(self.address, name)
        bucket = Bucket(self.address, name, self.scheme)
        bucket.client.create_bucket(Bucket=name)
        return bucket


@contextmanager
def azurite() -> Iterator[str]:
    """Run Azurite's server for blobs as a process of its own, and give its address."""
    program = os.environ["AZURITE"]  # the path of its main.js
    options = ["--blobHost", HOST, "--blobPort", "0", "--inMemoryPersistence", "--silent"]
    command = ["node", program, *options, "--disableTelemetry", "--skipApiVersionCheck"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            words = (word for line in process.stdout for word in line.split())
            address = next(word for word in words if word.startswith("http://"))
            yield address  # It says no more.
        finally:
            process.kill()
