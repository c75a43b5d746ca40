"""Peer: writes the same number of bytes to as many files with `writev`, and does nothing else.

    bare_writer.py FOLDER COUNT PROCESSES

Each process keeps up to 40 MB of the folder's files in memory, and overwrites the folder's files
with them. Prints the seconds of the slowest process.
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path

HELD_BYTES = 40_000_000


def write(task: tuple[str, int, int, int]) -> float:
    folder, first, count, step = task
    paths = [f"{folder}/{name}" for name in sorted(os.listdir(folder))[:count]]
    held = max(1, HELD_BYTES // os.path.getsize(paths[0]))
    files = [Path(path).read_bytes() for path in paths[first::step][:held]]
    start = time.perf_counter()
    for number in range(first, count, step):
        fd = os.open(paths[number], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        left = memoryview(files[number // step % len(files)])
        while left:
            left = left[os.writev(fd, [left]) :]
        os.close(fd)
    return time.perf_counter() - start


def main() -> None:
    folder, *numbers = sys.argv[1:]
    count, processes = map(int, numbers)
    with multiprocessing.Pool(processes) as pool:
        tasks = [(folder, first, count, processes) for first in range(processes)]
        print(max(pool.map(write, tasks, chunksize=1)))


if __name__ == "__main__":
    main()
