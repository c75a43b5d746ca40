"""What S3 can do and fsspec's interface can't: parts side by side, and lists page by page.

fsspec's file objects for S3 send one part at a time. Here several are in flight, and where the
object is not to be, by an error or a signal, the store is told to forget them.
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
from imagine_common.files.temporary import add_cleanup, remove_cleanup
from imagine_common.text import show

_PARTS_IN_FLIGHT = 4
# S3 takes up to 10,000 parts of an object, from 5 MiB on. As parts grow, an object can have 1 TiB,
# and one of less than 33 GB needs no more memory than it has to.
_MOST_PARTS = 10_000
_PART_BYTES = 1 << 24
_PARTS_OF_A_SIZE = 2_000
# A worker that is told to stop has five seconds.
_SECONDS_TO_ABORT = 3.0


class S3Store(Store):
    """Access to the objects of a store that speaks S3."""

    def begin(self, url: bytes) -> Upload:
        """Begin to write an object in parts."""
        return S3Upload(self._fs, url)

    def part_bytes(self, number: int) -> int:
        """Return how large a part of an upload is to be, by its number from 0."""
        return _PART_BYTES << number // _PARTS_OF_A_SIZE

    def list(self, folder: bytes, prefix: bytes = b"") -> Iterator[Listed]:
        """Yield what is directly in a folder and begins with a prefix; names of a page are held."""
        bucket, key, _ = self._fs.split_path(folder.decode())
        begin = f"{key.rstrip('/')}/" if key else ""
        more: dict[str, str] = {}
        while True:
            with errors_named(folder):
                page = self._fs.call_s3(
                    "list_objects_v2",
                    Bucket=bucket,
                    Prefix=begin + prefix.decode(),
                    Delimiter="/",
                    **more,
                )
            for entry in page.get("CommonPrefixes", ()):
                name = entry["Prefix"][len(begin) : -1].encode()
                if name:  # Else the key has two slashes in a row: no name of a folder's.
                    yield Listed(name, 0, True)
            for entry in page.get("Contents", ()):
                name = entry["Key"][len(begin) :].encode()
                if name:  # Else it is what some programs put there for the folder itself.
                    yield Listed(name, entry["Size"], False)
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


class S3Upload:
    """A multipart upload with several parts in flight, which a signal aborts too."""

    def __init__(self, fs: Any, url: bytes) -> None:
        self._fs = fs
        self._url = url
        self._bucket, self._key, _ = fs.split_path(url.decode())
        self._pending: deque[Future[Any]] = deque()
        self._etags: list[str] = []
        self._ended = False
        add_cleanup(self.abort)
        self._created = self._start("create_multipart_upload")
        with errors_named(url):
            try:
                self._id = {"UploadId": self._created.result()["UploadId"]}
            except Exception:
                self._end()  # There is nothing to abort.
                raise

    def add(self, data: bytes) -> None:
        """Send the next part, once fewer than four are under way."""
        if len(self._pending) == _PARTS_IN_FLIGHT:
            self._take()
        number = len(self._etags) + len(self._pending) + 1
        if number > _MOST_PARTS:
            raise ImagineError(f"{show(self._url)}: too large for an object; put less into a file")
        self._pending.append(self._start("upload_part", PartNumber=number, Body=data, **self._id))

    def settle(self) -> None:
        """Wait until all parts have arrived."""
        while self._pending:
            self._take()

    def complete(self) -> None:
        """Have the parts become the object."""
        self.settle()
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(self._etags, 1)]
        with errors_named(self._url):
            self._start(
                "complete_multipart_upload", MultipartUpload={"Parts": parts}, **self._id
            ).result()
        self._end()

    def abort(self) -> None:
        """Have the parts removed, as far as the store can be reached in three seconds."""
        if self._ended:
            return
        self._end()
        deadline = time.monotonic() + _SECONDS_TO_ABORT
        for part in self._pending:
            part.cancel()
        wait(self._pending, _SECONDS_TO_ABORT / 3)
        # What can't be told to anybody is left to the bucket's lifecycle rule.
        with suppress(Exception):
            upload = self._created.result(deadline - time.monotonic())["UploadId"]
            # A part that had arrived by the first time may have been filed after it.
            for _ in range(2):
                self._start("abort_multipart_upload", UploadId=upload).result(
                    deadline - time.monotonic()
                )

    def _end(self) -> None:
        self._ended = True
        remove_cleanup(self.abort)

    def _take(self) -> None:
        with errors_named(self._url):
            self._etags.append(self._pending[0].result()["ETag"])
        self._pending.popleft()

    def _start(self, method: str, **arguments: Any) -> Future[Any]:
        call = self._fs._call_s3(method, Bucket=self._bucket, Key=self._key, **arguments)
        return asyncio.run_coroutine_threadsafe(call, self._fs.loop)
