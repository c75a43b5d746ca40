"""Write objects into a store with a library alone: store_objects.py LIBRARY BYTES COUNT PROCESSES.

Each process has 16 requests in flight, or four parts of 16 MiB of an object larger than that. It
prints the seconds, and the processor's milliseconds for an object.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

IN_FLIGHT = 16
PART_BYTES = 1 << 24


def with_obstore(data: bytes, count: int) -> None:
    """Write objects with obstore."""
    import obstore
    from obstore.store import S3Store

    store = S3Store("bucket", client_options={"allow_http": True})
    options: Any = {"use_multipart": False}
    threads = IN_FLIGHT
    if len(data) > PART_BYTES:
        options, threads = {"chunk_size": PART_BYTES, "max_concurrency": 4}, 1

    def put(number: int) -> None:
        obstore.put(store, f"raw/{number}", data, **options)

    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(put, range(count)))


def with_s3fs(data: bytes, count: int) -> None:
    """Write objects with s3fs."""
    from s3fs import S3FileSystem

    async def put_all() -> None:
        fs = S3FileSystem(asynchronous=True, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        session = await fs.set_session()
        numbers = iter(range(count))

        async def put() -> None:
            for number in numbers:
                await fs._pipe_file(f"bucket/raw/{number}", data, chunksize=PART_BYTES)

        await asyncio.gather(*[put() for _ in range(IN_FLIGHT if len(data) < PART_BYTES else 1)])
        await session.close()

    asyncio.run(put_all())


LIBRARIES = {"obstore": with_obstore, "s3fs": with_s3fs}


def write(library: str, size: int, count: int) -> tuple[float, float]:
    """Write objects; return the seconds and the processor's seconds that it took."""
    data = os.urandom(size)
    LIBRARIES[library](data[:100], IN_FLIGHT)  # connects
    start, busy = time.perf_counter(), time.process_time()
    LIBRARIES[library](data, count)
    return time.perf_counter() - start, time.process_time() - busy


def main() -> None:
    """Write objects with several processes."""
    library, size, count, processes = sys.argv[1], *map(int, sys.argv[2:5])
    share = count // processes
    with get_context("spawn").Pool(processes) as pool:
        taken = pool.starmap(write, [(library, size, share)] * processes, chunksize=1)
    print(max(seconds for seconds, _ in taken))
    cost = 1000 * sum(busy for _, busy in taken) / (share * processes)
    print(f"{cost:.3f} ms of a processor for each object", file=sys.stderr)


if __name__ == "__main__":
    main()
