"""The steps that benchmarks/photo.py runs as subprocesses in the tools' environment.

    python benchmarks/photo_steps.py decode ROUNDS FILE...
    python benchmarks/photo_steps.py photographs DIR
    python benchmarks/photo_steps.py make WIDTH HEIGHT ROUNDS

`decode` prints a line for each file: bytes, pixels (PNG: bytes of pixels) and median seconds.
`photographs` writes files of two photographs. `make` prints for each round the time of photo
content divided by that of noise. All times are processor times, which depend little on other
programs.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

SAVED_AS: dict[str, dict[str, Any]] = {
    "jpeg75": {"format": "JPEG", "quality": 75, "subsampling": "4:2:0"},
    "jpeg96": {"format": "JPEG", "quality": 96, "subsampling": "4:4:4"},
    "png": {"format": "PNG"},
}
PIXELS_AT_ONCE = 8_000_000


def decode(rounds: int, paths: list[str]) -> None:
    """Decode files in turn, so that no file is still in the processor's cache."""
    seconds: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(rounds):
        for path in paths:
            with open(path, "rb") as file:
                start = time.thread_time()
                Image.open(file).load()
                seconds[path].append(time.thread_time() - start)
    for path in paths:
        with Image.open(path) as image:
            channels = len(image.getbands()) if image.format == "PNG" else 1
            samples = image.width * image.height * channels
        print(os.path.getsize(path), samples, statistics.median(seconds[path]))


def photographs(folder: Path) -> None:
    """Write the two photographs of scikit-learn, resized to 500x375, in all settings."""
    from sklearn.datasets import load_sample_images

    samples = load_sample_images()
    for name, array in zip(samples.filenames, samples.images):
        image = Image.fromarray(array).resize((500, 375), Image.Resampling.LANCZOS)
        for setting, options in SAVED_AS.items():
            image.save(folder / f"{setting}-{Path(name).stem}", **options)


def make(width: int, height: int, rounds: int) -> None:
    """Print the time of a fresh JPEG of photo content, divided by that of noise."""
    from imagine_gen.dataset.spec import DatasetSpec
    from imagine_gen.work.encoders import image_encoder

    encoders = [
        image_encoder(DatasetSpec(b"x", b"x", width, height, content=content, count=1 << 20))
        for content in ("photo", "noise")
    ]
    count = max(2, PIXELS_AT_ONCE // (width * height))
    for encoder in encoders:
        for index in range(count):
            encoder.encode(index)
    for number in range(1, rounds + 1):
        seconds = []
        for encoder in encoders:
            start = time.thread_time()
            for index in range(number * count, (number + 1) * count):
                encoder.encode(index)
            seconds.append(time.thread_time() - start)
        print(seconds[0] / seconds[1])


if __name__ == "__main__":
    step, *arguments = sys.argv[1:]
    if step == "decode":
        decode(int(arguments[0]), arguments[1:])
    elif step == "photographs":
        photographs(Path(arguments[0]))
    else:
        make(*map(int, arguments))
