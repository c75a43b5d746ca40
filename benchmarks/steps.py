"""Measure what each step of making an image or a record takes, in one process.

    python benchmarks/steps.py

prints a table; docs/performance.md shows one. It needs the tools in this Python's environment.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from run import memory_folder

from imagine_common.atomic import AtomicFile, Buffer
from imagine_common.images import read_image
from imagine_common.memory import keep_freed_memory
from imagine_gen import bmp, jpeg, png
from imagine_gen.canvas import Canvas
from imagine_gen.encoders import image_encoder
from imagine_gen.spec import DatasetSpec
from imagine_gen.streams import Draw, RandomStream
from imagine_recordio.framing import magic_offsets
from imagine_tfrecord.example import example_head
from imagine_tfrecord.framing import frame

WIDTH, HEIGHT, IMAGE_BYTES = 3840, 2160, 3 * 3840 * 2160
BAND = 1 << 18


def milliseconds(step: Callable[[], object], times: int = 15) -> float:
    """Return the median duration of a step after a warm-up."""
    durations = []
    for _ in range(times + 3):
        start = time.perf_counter()
        step()
        durations.append(1e3 * (time.perf_counter() - start))
    return statistics.median(durations[3:])


def spec(image_format: str, pooled: bool = False) -> DatasetSpec:
    return DatasetSpec(b"x", b"x", WIDTH, HEIGHT, image_format=image_format, pooled=pooled)


def draw() -> None:
    stream = RandomStream(0, Draw.PIXELS, 0)
    for offset in range(0, IMAGE_BYTES, BAND):
        stream.read(offset, min(BAND, IMAGE_BYTES - offset))


def writer(folder: Path, buffers: list[Buffer]) -> Callable[[], None]:
    def write() -> None:
        with AtomicFile(os.fsencode(folder / "file")) as file:
            file.write(buffers)

    return write


def image_steps(folder: Path) -> list[tuple[str, str, float]]:
    """Return (what, step, milliseconds) for images of 4K."""
    drawn = milliseconds(draw)
    canvas = Canvas(spec("jpg"))
    painted = milliseconds(lambda: canvas.paint(RandomStream(0, Draw.PIXELS, 0)))
    image = canvas.paint(RandomStream(0, Draw.PIXELS, 0))
    file = jpeg._encode(image, 75)
    rows = [
        ("fresh JPEG", "random words", drawn),
        ("fresh JPEG", "into Pillow's image", painted - drawn),
        ("fresh JPEG", "libjpeg-turbo", milliseconds(lambda: jpeg._encode(image, 75))),
        ("fresh JPEG", "file", milliseconds(writer(folder, [file]))),
    ]
    for name, module, step in (
        ("PNG", png, "filter bytes, checksums, chunks"),
        ("BMP", bmp, "red and blue exchanged"),
    ):
        encoder = module.Encoder(spec(name.lower()))
        encoded = milliseconds(lambda encoder=encoder: sum(len(piece) for piece in encoder(0)))
        pieces = [bytes(piece) for piece in encoder(0)]
        rows += [
            (f"fresh {name}", "random words", drawn),
            (f"fresh {name}", step, encoded - drawn),
            (f"fresh {name}", "file", milliseconds(writer(folder, pieces))),
        ]
    for name in ("JPEG", "PNG", "BMP"):
        pooled = image_encoder(spec({"JPEG": "jpg"}.get(name, name.lower()), pooled=True))
        rows += [
            (f"pooled {name}", "strips dealt and put together", milliseconds(partial(pooled, 7))),
            (f"pooled {name}", "file", milliseconds(writer(folder, list(pooled(7))))),
        ]
    return rows


def record_steps(folder: Path) -> list[tuple[str, str, float]]:
    """Return (what, step, milliseconds) for records of 115 KB."""
    data = np.random.default_rng(0).bytes(115_000)
    count = 1000
    for number in range(count):
        (folder / str(number)).write_bytes(b"\xff\xd8\xff" + data)
    paths = [os.fsencode(folder / str(number)) for number in range(count)]

    def read() -> None:
        for path in paths:
            read_image(path, 1 << 30)

    def record() -> list[bytes]:
        return frame([example_head((), len(data)), data])

    many = writer(folder, [piece for _ in range(count) for piece in record()])
    return [
        ("record", "image read", milliseconds(read, 5) / count),
        ("TFRecord", "Example and checksums", milliseconds(record, 1000)),
        ("RecordIO", "search for magic numbers", milliseconds(lambda: magic_offsets(data), 1000)),
        ("record", "written with others", milliseconds(many, 5) / count),
    ]


def main() -> None:
    keep_freed_memory()
    folder = Path(tempfile.mkdtemp(dir=memory_folder()))
    try:
        rows = image_steps(folder) + record_steps(folder)
    finally:
        shutil.rmtree(folder)
    print("| | step | time |\n| --- | --- | --- |")
    for what, step, duration in rows:
        print(f"| {what} | {step} | {duration:.{1 if duration >= 1 else 3}f} ms |")


if __name__ == "__main__":
    main()
