"""Peer: encodes the same image repeatedly with libjpeg-turbo through Pillow.

    encode_only.py WIDTH HEIGHT COUNT PROCESSES

Prints the seconds of the slowest process.
"""

import io
import multiprocessing
import sys
import time

import numpy as np
from PIL import Image


def encode(task: tuple[int, int, int]) -> float:
    width, height, count = task
    pixels = np.random.default_rng().integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels)
    start = time.perf_counter()
    for _ in range(count):
        image.save(io.BytesIO(), "JPEG", quality=75)
    return time.perf_counter() - start


def main() -> None:
    width, height, count, processes = map(int, sys.argv[1:])
    with multiprocessing.Pool(processes) as pool:
        counts = [len(range(first, count, processes)) for first in range(processes)]
        tasks = [(width, height, part) for part in counts]
        print(max(pool.map(encode, tasks, chunksize=1)))


if __name__ == "__main__":
    main()
