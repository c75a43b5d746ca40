"""Measure the duration of each step of making an image or a record, in one process.

    python benchmarks/steps.py

prints a table for docs/performance.md. The tools must be installed in this Python's environment.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from run import memory_folder

from imagine_common.files.output import AtomicFile, Buffer
from imagine_common.host.limits import keep_freed_memory
from imagine_common.packers.images import read_image
from imagine_common.packers.records import Image
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats import bmp, jpeg, png_stored
from imagine_gen.formats.pillow import Canvas
from imagine_gen.random_streams import Draw, RandomStream
from imagine_gen.work.encoders import image_encoder
from imagine_recordio.framing import magic_offsets
from imagine_tfrecord.schemas import find_schema
from imagine_tfrecord.shards import TFRecordFormat

WIDTH, HEIGHT = 3840, 2160
ROUNDS = 11
RECORDS = 500

Steps = dict[tuple[str, str], Callable[[], object]]


def writer(folder: Path, buffers: list[Buffer]) -> Callable[[], None]:
    def write() -> None:
        with AtomicFile(os.fsencode(folder / "file")) as file:
            file.write(buffers)

    return write


def drawer(rows: int) -> Callable[[], None]:
    def draw() -> None:
        stream = RandomStream(0, Draw.PIXELS, 0)
        for top in range(0, HEIGHT, rows):
            stream.read(top * 3 * WIDTH, rows * 3 * WIDTH)

    return draw


def image_steps(folder: Path) -> Steps:
    """Return the steps of making a 4K image."""

    def spec(image_format: str, pooled: bool = False) -> DatasetSpec:
        return DatasetSpec(b"x", b"x", WIDTH, HEIGHT, image_format=image_format, pooled=pooled)

    pixels = RandomStream(0, Draw.PIXELS, 0).read(0, HEIGHT * 3 * WIDTH)

    def drawn(top: int, bottom: int, _left: int = 0, _right: int | None = None) -> np.ndarray:
        """Return rows that were drawn in advance: always the same."""
        return pixels[: (bottom - top) * 3 * WIDTH]

    image = Canvas(spec("jpg")).paint(drawn)
    band = drawn(0, 5)

    def png_bands() -> None:
        for _ in range(HEIGHT // 5):
            data = png_stored._filtered(band, 5)
            list(png_stored._stored_chunk(png_stored._blocks(data), len(data)))

    def bmp_bands() -> None:
        for _ in range(HEIGHT // 20):
            bmp._file_rows("RGB", drawn(0, 20), 20)

    libjpeg = partial(jpeg.encode, image, 75, spec("jpg"))
    steps: Steps = {
        ("fresh JPEG", "random words"): drawer(20),
        ("fresh JPEG", "into Pillow's image"): partial(Canvas(spec("jpg")).paint, drawn),
        ("fresh JPEG", "libjpeg-turbo"): libjpeg,
        ("fresh JPEG", "file"): writer(folder, [libjpeg()]),
        ("fresh PNG", "random words"): drawer(5),
        ("fresh PNG", "filter bytes, checksums, chunks"): png_bands,
        ("fresh PNG", "file"): writer(
            folder, [*map(bytes, png_stored.Encoder(spec("png")).encode(0).buffers)]
        ),
        ("fresh BMP", "random words"): drawer(20),
        ("fresh BMP", "red and blue exchanged"): bmp_bands,
        ("fresh BMP", "file"): writer(
            folder, [*map(bytes, bmp.Encoder(spec("bmp")).encode(0).buffers)]
        ),
    }
    direct = image_encoder(DatasetSpec(b"x", b"x", WIDTH, HEIGHT, direct=True))
    steps["direct JPEG", "table multiplied, blocks"] = lambda: list(direct.encode(7).buffers)
    steps["direct JPEG", "file"] = writer(folder, list(direct.encode(7).buffers))
    for name in ("png", "bmp"):
        encoder = image_encoder(spec(name, pooled=True))
        what = f"pooled {name.upper()}"
        steps[what, "strips dealt and put together"] = partial(encoder.encode, 7)
        steps[what, "file"] = writer(folder, list(encoder.encode(7).buffers))
    return steps


def record_steps(folder: Path) -> Steps:
    """Return the steps of making records of 115 KB; each step makes `RECORDS` of them."""
    data = b"\xff\xd8\xff" + np.random.default_rng(0).bytes(115_000) + b"\xff\xd9"
    paths = [os.fsencode(folder / str(number)) for number in range(RECORDS)]
    for path in paths:
        Path(os.fsdecode(path)).write_bytes(data)

    def many(step: Callable[[], object]) -> Callable[[], None]:
        def steps() -> None:
            for _ in range(RECORDS):
                step()

        return steps

    def read() -> None:
        for path in paths:
            read_image(path, 1 << 30)

    tfrecord = TFRecordFormat(find_schema("basic"))
    image = Image(0, paths[0], (0,), len(data), data)

    def record() -> Sequence[bytes]:
        return tfrecord.record(image)

    return {
        ("record", "image read"): read,
        ("record", "Example and checksums, in TFRecord"): many(record),
        ("record", "search for magic numbers, in RecordIO"): many(lambda: magic_offsets(data)),
        ("record", "written with others"): writer(folder, [*record()] * RECORDS),
    }


def medians(steps: Steps) -> dict[tuple[str, str], float]:
    """Return the median duration of each step in ms. The steps run in turn, after a warm-up."""
    durations: dict[tuple[str, str], list[float]] = {step: [] for step in steps}
    for _ in range(ROUNDS + 2):
        for step, run in steps.items():
            start = time.perf_counter()
            run()
            durations[step].append(1e3 * (time.perf_counter() - start))
    return {step: statistics.median(times[2:]) for step, times in durations.items()}


def main() -> None:
    keep_freed_memory()
    folder = Path(tempfile.mkdtemp(dir=memory_folder()))
    try:
        rows = medians(image_steps(folder))
        records = medians(record_steps(folder))
    finally:
        shutil.rmtree(folder)
    rows.update({step: duration / RECORDS for step, duration in records.items()})
    print("| | step | time |\n| --- | --- | --- |")
    for (what, step), duration in rows.items():
        time_ = f"{duration:.1f} ms" if duration >= 1 else f"{1e3 * duration:.0f} µs"
        print(f"| {what} | {step} | {time_} |")


if __name__ == "__main__":
    main()
