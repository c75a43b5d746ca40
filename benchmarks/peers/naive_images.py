"""Peer: makes images by a short script, with a `multiprocessing.Pool` and Pillow's defaults.

NVIDIA's Imageinary works in this way, but does not keep RGB images in RGB.

    naive_images.py FOLDER FORMAT WIDTH HEIGHT COUNT PROCESSES
"""

import multiprocessing
import os
import sys

import numpy as np
from PIL import Image


def make_image(task: tuple[str, int, int, int]) -> None:
    path, width, height, index = task
    np.random.seed(index)
    pixels = np.random.rand(height, width, 3) * 255
    Image.fromarray(pixels.astype("uint8")).convert("RGB").save(path)


def main() -> None:
    folder, image_format, *numbers = sys.argv[1:]
    width, height, count, processes = map(int, numbers)
    os.makedirs(folder, exist_ok=True)
    tasks = [
        (os.path.join(folder, f"image_{index}.{image_format}"), width, height, index)
        for index in range(count)
    ]
    with multiprocessing.Pool(processes) as pool:
        pool.map(make_image, tasks, chunksize=max(1, min(64, count // processes)))


if __name__ == "__main__":
    main()
