"""What benchmarks/photo.py runs in the tools' environment, in processes of their own.

    python benchmarks/photo_steps.py decode ROUNDS FILE...
    python benchmarks/photo_steps.py photographs DIR
    python benchmarks/photo_steps.py make WIDTH HEIGHT ROUNDS

`decode` prints a line for each file: bytes, pixels (PNG: bytes of pixels) and median seconds;
`photographs` writes files of two photographs; `make` prints how many times as long photo content
takes as noise, for each round. Seconds are the processor's, so that other programs count little.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

from PIL import Image

SAVED_AS = {
    "jpeg75": {"format": "JPEG", "quality": 75, "subsampling": "4:2:0"},
    "jpeg96": {"format": "JPEG", "quality": 96, "subsampling": "4:4:4"},
    "png": {"format": "PNG"},
}
PIXELS_AT_ONCE = 8_000_000


def decode(rounds: int, paths: list[str]) -> None:
    """Decode files in turn, so that none is in any cache when its turn comes."""
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
    """Write the photographs in scikit-learn's wheel, resized to 500x375."""
    from sklearn.datasets import load_sample_images

    samples = load_sample_images()
    for name, array in zip(samples.filenames, samples.images):
        image = Image.fromarray(array).resize((500, 375), Image.Resampling.LANCZOS)
        for setting, options in SAVED_AS.items():
            image.save(folder / f"{setting}-{Path(name).stem}", **options)


def make(width: int, height: int, rounds: int) -> None:
    """Print the ratio of what a fresh JPEG of each content takes, pixels and encoding."""
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
