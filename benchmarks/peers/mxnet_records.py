"""Peer: packs images with MXNet's `MXIndexedRecordIO` in a `multiprocessing.Pool`.

    mxnet_records.py SOURCE TARGET IMAGES_PER_FILE PROCESSES

Each task writes one file. Prints the seconds without the import of MXNet.
"""

import multiprocessing
import os
import sys
import time

from mxnet.recordio import IRHeader, MXIndexedRecordIO, pack


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write_file(task: tuple[str, int, list[str]]) -> None:
    prefix, first, paths = task
    record = MXIndexedRecordIO(f"{prefix}.idx", f"{prefix}.rec", "w")
    for key, path in enumerate(paths, first):
        record.write_idx(key, pack(IRHeader(0, 0, key, 0), read(path)))
    record.close()


def main() -> None:
    source, target, *numbers = sys.argv[1:]
    images_per_file, processes = map(int, numbers)
    start = time.perf_counter()
    os.makedirs(target, exist_ok=True)
    paths = [f"{source}/{name}" for name in sorted(os.listdir(source))]
    tasks = [
        (
            f"{target}/mxnet_{first // images_per_file}",
            first,
            paths[first : first + images_per_file],
        )
        for first in range(0, len(paths), images_per_file)
    ]
    with multiprocessing.Pool(processes) as pool:
        pool.map(write_file, tasks, chunksize=1)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
