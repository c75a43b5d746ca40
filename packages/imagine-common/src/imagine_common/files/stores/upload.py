"""Uploads in parts, which leave nothing behind if they are aborted, also by a signal.

obstore's asynchronous functions can be cancelled while the store does not answer; they run in a
loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.files.stores.errors import errors_named
from imagine_common.files.stores.store import Store
from imagine_common.files.temporary import cleanups
from imagine_common.text import show

Result = TypeVar("Result")

# S3 allows 10,000 parts per object. `PARTS_AT_ONCE` of them are sent together.
PART_BYTES = 1 << 24
PARTS_AT_ONCE = 4
_MOST_PARTS = 10_000
# A worker is killed five seconds after the signal to stop.
_SECONDS_TO_ABORT = 3.0


class Upload:
    """An object written in parts, which a signal aborts too."""

    def __init__(self, store: Store, url: bytes) -> None:
        self._url = url
        self._parts = 0
        self._writer = store.open_writer(url, PART_BYTES)
        self._pending: Future[Any] | None = None
        cleanups.add(self.abort)

    def add(self, data: bytes) -> None:
        """Send parts as soon as the ones before have arrived."""
        self._parts += -(-len(data) // PART_BYTES)
        if self._parts > _MOST_PARTS:
            raise ImagineError(f"{show(self._url)}: too large for an object; write smaller files")
        self._wait(self._writer.write, data)

    def settle(self) -> None:
        """Wait until all whole parts have arrived."""
        self._wait(self._writer.write, b"")

    def complete(self) -> None:
        """Make the parts the object."""
        self.settle()
        self._wait(self._writer.close)
        cleanups.discard(self.abort)

    def abort(self) -> None:
        """Remove the parts, if the store answers within three seconds."""
        if self.abort not in cleanups:
            return
        cleanups.discard(self.abort)
        # If this fails, the bucket's lifecycle rule removes the parts.
        with suppress(Exception):
            if self._pending is not None and self._parts > PARTS_AT_ONCE:
                self._pending.cancel()
            elif self._pending is not None:
                self._pending.exception(_SECONDS_TO_ABORT / 2)  # It may begin the upload.
            end = _start(self._writer.__aexit__, ImagineError, None, None)
            _result(end, _SECONDS_TO_ABORT / 2)

    def _wait(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        with errors_named(self._url):
            self._pending = _start(function, *args)
            _result(self._pending)


class _Loop(asyncio.SelectorEventLoop):
    """A loop that knows whether a thread of obstore, which reports a result, is in Python."""

    busy = 0

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:  # type: ignore[override]
        """Call a function in the loop's thread."""
        self.busy += 1
        try:
            return super().call_soon_threadsafe(*args, **kwargs)
        finally:
            self.busy -= 1


def _start(function: Callable[..., Awaitable[Any]], *args: Any) -> Future[Any]:
    async def call() -> Any:
        return await function(*args)

    return asyncio.run_coroutine_threadsafe(call(), _loop())


def _result(future: Future[Result], seconds: float | None = None) -> Result:
    try:
        return future.result(seconds)
    finally:
        while _loop().busy:
            time.sleep(0.001)


@cache
def _loop() -> _Loop:
    loop = _Loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
