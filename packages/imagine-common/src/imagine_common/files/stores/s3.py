"""S3 beyond fsspec's interface: several parts at a time, and listings page by page.

fsspec's files send one part at a time. Here several are in flight, and an error or a signal aborts
the upload, so that the store removes its parts.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

from imagine_common.errors import ImagineError
from imagine_common.files.stores.errors import errors_named
from imagine_common.files.stores.store import Listed, Store, Upload
from imagine_common.files.temporary import cleanups
from imagine_common.text import show

_PARTS_IN_FLIGHT = 4
# S3 allows 10,000 parts per object, of 5 MiB or more. Parts grow, so that an object can have 1 TiB,
# while one below 33 GB needs little memory.
_MOST_PARTS = 10_000
_PART_BYTES = 1 << 24
_PARTS_OF_A_SIZE = 2_000
# A worker is killed five seconds after the signal to stop.
_SECONDS_TO_ABORT = 3.0


class S3Store(Store):
    """A store with the S3 protocol."""

    def begin(self, url: bytes) -> Upload:
        """Begin a multipart upload."""
        return S3Upload(self._fs, url)

    def part_bytes(self, number: int) -> int:
        """Return the size in bytes of an upload's part, by its number from 0."""
        return _PART_BYTES << number // _PARTS_OF_A_SIZE

    def list(self, folder: bytes, prefix: bytes = b"") -> Iterator[Listed]:
        """Yield the entries of a folder that begin with a prefix, holding one page in memory."""
        bucket, key, _ = self._fs.split_path(folder.decode())
        begin = f"{key.rstrip('/')}/" if key else ""
        query = {"Bucket": bucket, "Prefix": begin + prefix.decode(), "Delimiter": "/"}
        while True:
            with errors_named(folder):
                page = self._fs.call_s3("list_objects_v2", **query)
            for entry in page.get("CommonPrefixes", ()):
                name = entry["Prefix"][len(begin) : -1].encode()
                if name:  # A key with two slashes in a row has an empty one.
                    yield Listed(name, 0, True)
            for entry in page.get("Contents", ()):
                name = entry["Key"][len(begin) :].encode()
                if name:  # Some programs create an object for the folder itself.
                    yield Listed(name, entry["Size"], False)
            if not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]


class S3Upload(Upload):
    """A multipart upload with several parts in flight; a signal aborts it too."""

    def __init__(self, fs: Any, url: bytes) -> None:
        self._fs = fs
        self._url = url
        self._bucket, self._key, _ = fs.split_path(url.decode())
        self._pending: deque[Future[Any]] = deque()
        self._etags: list[str] = []
        cleanups.add(self.abort)
        self._created = self._start("create_multipart_upload")
        with errors_named(url):
            try:
                self._id = {"UploadId": self._created.result()["UploadId"]}
            except Exception:
                cleanups.discard(self.abort)  # Nothing to abort.
                raise

    def add(self, data: bytes) -> None:
        """Send the next part as soon as fewer than four are in flight."""
        if len(self._pending) == _PARTS_IN_FLIGHT:
            self._take()
        number = len(self._etags) + len(self._pending) + 1
        if number > _MOST_PARTS:
            raise ImagineError(f"{show(self._url)}: too large for an object; write smaller files")
        self._pending.append(self._start("upload_part", PartNumber=number, Body=data, **self._id))

    def settle(self) -> None:
        """Wait until all parts have arrived."""
        while self._pending:
            self._take()

    def complete(self) -> None:
        """Make the parts the object."""
        self.settle()
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(self._etags, 1)]
        upload = {"MultipartUpload": {"Parts": parts}, **self._id}
        with errors_named(self._url):
            self._start("complete_multipart_upload", **upload).result()
        cleanups.discard(self.abort)

    def abort(self) -> None:
        """Remove the parts, if the store answers within three seconds."""
        if self.abort not in cleanups:
            return
        cleanups.discard(self.abort)
        deadline = time.monotonic() + _SECONDS_TO_ABORT
        for part in self._pending:
            part.cancel()
        wait(self._pending, _SECONDS_TO_ABORT / 3)
        # If this fails, the bucket's lifecycle rule removes the parts.
        with suppress(Exception):
            upload = self._created.result(deadline - time.monotonic())["UploadId"]
            # The store may add a part that arrived before the first abort only after it.
            for _ in range(2):
                request = self._start("abort_multipart_upload", UploadId=upload)
                request.result(deadline - time.monotonic())

    def _take(self) -> None:
        with errors_named(self._url):
            self._etags.append(self._pending[0].result()["ETag"])
        self._pending.popleft()

    def _start(self, method: str, **arguments: Any) -> Future[Any]:
        # Private to s3fs; checked with 2026.6.
        call = self._fs._call_s3(method, Bucket=self._bucket, Key=self._key, **arguments)
        return asyncio.run_coroutine_threadsafe(call, self._fs.loop)
