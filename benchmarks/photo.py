"""Compare photo content with photographs: size in bytes, and decoding speed.

    python benchmarks/photo.py

makes images of noise and of photo content with imagine-gen, fresh, direct and pooled, in three
settings and of two dimensions, and decodes them with Pillow. It prints bytes per pixel (PNG: per
byte of pixels) and the decoding speed relative to noise in the same process: the median over
images, the range, and the deviation from the median of nine photographs. Two photographs are
measured in the same way.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from environments import HERE, Unavailable, photo_environment
from run import memory_folder

STEPS = HERE / "photo_steps.py"
SIZES = ((500, 375), (3840, 2160))
TOLERANCE = 0.15
MOST_TIMES_NOISE = 5
# Gives every image new memory from the system, like an image that a program keeps. By default,
# glibc moves this threshold while a program runs. An image of 500x375 then may reuse the memory of
# the previous one, and JPEGs decode up to a third faster relative to noise.
NEW_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 17)}
_NOISES = 4
_AT_ONCE = 8


class Setting(NamedTuple):
    """Options of an encoder, and the medians that nine photographs of 500x375 have with them."""

    name: str
    options: Sequence[str]
    bytes_target: float
    speed_target: float


SETTINGS = {
    "jpeg75": Setting("JPEG q75 4:2:0", ("--quality", "75", "--subsampling", "4:2:0"), 0.167, 1.66),
    "jpeg96": Setting("JPEG q96 4:4:4", ("--quality", "96", "--subsampling", "4:4:4"), 0.583, 2.2),
    "png": Setting("PNG", ("--image-format", "png", "--compress-level", "6"), 0.54, 0.47),
}


class Decoded(NamedTuple):
    """A file's bytes per pixel (PNG: per byte of pixels), and its speed relative to noise."""

    density: float
    speed: float


class Measured(NamedTuple):
    """The median and the range of a group of images, and the median's deviation from its target."""

    median: float
    least: float
    most: float
    deviation: float


class Row(NamedTuple):
    """A line of the table."""

    setting: str
    size: str
    images: str
    number: int
    density: Measured
    speed: Measured

    def numbers(self) -> dict[str, object]:
        """Return the row as it stands in photo.json."""
        return {
            "setting": self.setting,
            "size": self.size,
            "images": self.images,
            "count": self.number,
            "bytes": self.density.median,
            "bytes range": [self.density.least, self.density.most],
            "bytes deviation": self.density.deviation,
            "speed": self.speed.median,
            "speed range": [self.speed.least, self.speed.most],
            "speed deviation": self.speed.deviation,
        }


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="images of 500x375 (default: 100)")
    parser.add_argument("--large", type=int, default=20, help="images of 3840x2160 (default: 20)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="times each image is decoded (default: 5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the datasets (default: 0)")
    parser.add_argument(
        "--results", type=Path, default=HERE / "results", metavar="DIR", help="folder for results"
    )
    parser.add_argument(
        "--here", action="store_true", help="use the tools in this Python's environment"
    )
    return parser


def main() -> int:
    """Measure all settings, and print and write the results."""
    args = build_parser().parse_args()
    try:
        programs = Path(sys.executable).parent if args.here else photo_environment()
    except Unavailable as error:
        print(f"benchmarks/photo.py: error: {error}", file=sys.stderr)
        return 1
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="imagine-photo-", dir=memory_folder()) as name:
        bench = Bench(programs, Path(name), args.rounds, args.seed)
        for width, height in SIZES:
            count = args.count if width == 500 else args.large
            for key in SETTINGS:
                for row in bench.compare(key, width, height, count):
                    rows.append(row)
                    print(" | ".join(cells(row)), file=sys.stderr)
        times = {f"{width}×{height}": bench.times_noise(width, height) for width, height in SIZES}
    args.results.mkdir(parents=True, exist_ok=True)
    text = table(rows, times)
    (args.results / "photo.md").write_text(text)
    numbers = {"rows": [row.numbers() for row in rows], "times as long as noise": times}
    (args.results / "photo.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False))
    print(text)
    return 0


class Bench:
    """Makes images with the tools of an environment, and decodes them."""

    def __init__(self, programs: Path, folder: Path, rounds: int, seed: int) -> None:
        self._programs = programs
        self._folder = folder
        self._rounds = rounds
        self._seed = seed

    def compare(self, key: str, width: int, height: int, count: int) -> list[Row]:
        """Return the rows of fresh, direct or pooled images, and (at 500x375) of photographs."""
        size = ("--width", str(width), "--height", str(height))
        options = (*size, *SETTINGS[key].options)
        photo = ("--content", "photo")
        noises = self._make("noise", _NOISES, *options)
        groups = {"fresh": self._make("fresh", count, *options, *photo)}
        if key == "jpeg75":
            groups["direct"] = self._make("direct", count, *size, *photo, "--direct")
        if key == "png":
            groups["pooled"] = self._make("pooled", count, *options, *photo, "--pooled")
        if width == 500:
            folder = self._folder / "photographs"
            folder.mkdir(exist_ok=True)
            self._step("photographs", str(folder))
            groups["2 photographs"] = sorted(map(str, folder.glob(f"{key}-*")))
        rows = []
        for name, group in groups.items():
            found = list(self._decode(noises, group))
            rows.append(row_of(SETTINGS[key], f"{width}×{height}", name, found))
        for name in ("noise", *(groups.keys() - {"2 photographs"})):
            shutil.rmtree(self._folder / name)
        return rows

    def times_noise(self, width: int, height: int) -> float:
        """Return the time of a fresh JPEG of photo content, divided by that of noise."""
        ratios = self._step("make", str(width), str(height), str(self._rounds))
        return statistics.median(map(float, ratios))

    def _make(self, name: str, count: int, *options: str) -> list[str]:
        command = [str(self._programs / "imagine-gen"), "--quiet", "--path", name, *options]
        command += ["--count", str(count), "--seed", str(self._seed)]
        made = subprocess.run(
            command, cwd=self._folder, check=True, stdout=subprocess.PIPE, text=True
        )
        return [str(self._folder / path) for path in made.stdout.splitlines()]

    def _decode(self, noises: list[str], paths: list[str]) -> Iterator[Decoded]:
        # Each process decodes few files, so that noise and photos are decoded close to each other.
        for begin in range(0, len(paths), _AT_ONCE):
            part = paths[begin : begin + _AT_ONCE]
            lines = [
                line.split() for line in self._step("decode", str(self._rounds), *noises, *part)
            ]
            noise = statistics.median(float(line[-1]) for line in lines[: len(noises)])
            for size, samples, seconds in lines[len(noises) :]:
                yield Decoded(int(size) / int(samples), noise / float(seconds))

    def _step(self, *arguments: str) -> list[str]:
        command = [str(self._programs / "python"), str(STEPS), *arguments]
        env = {**os.environ, **(NEW_MEMORY if arguments[0] == "decode" else {})}
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=env
        ).stdout.splitlines()


def row_of(setting: Setting, size: str, images: str, found: Sequence[Decoded]) -> Row:
    """Return the line of a group of decoded images."""
    density = measured([image.density for image in found], setting.bytes_target)
    speed = measured([image.speed for image in found], setting.speed_target)
    return Row(setting.name, size, images, len(found), density, speed)


def measured(values: Sequence[float], target: float) -> Measured:
    """Return the median and range of values, and the deviation from a target."""
    median = statistics.median(values)
    return Measured(median, min(values), max(values), median / target - 1)


def cells(row: Row) -> list[str]:
    """Return the cells of a row in the table; deviations above the tolerance are marked."""
    has_aim = row.images != "2 photographs"
    found = [row.setting, row.size, f"{row.images} ({row.number})"]
    for (median, least, most, deviation), digits in ((row.density, 3), (row.speed, 2)):
        missed = ", missed" if has_aim and abs(deviation) > TOLERANCE else ""
        found.append(f"{median:.{digits}f}")
        found.append(f"{least:.{digits}f}–{most:.{digits}f}")
        found.append(f"{deviation:+.0%}{missed}")
    return found


def table(rows: list[Row], times: dict[str, float]) -> str:
    """Return the results as Markdown."""
    head = ["setting", "size", "images", "bytes", "range", "off", "decode speed", "range", "off"]
    lines = [head, ["---"] * len(head), *map(cells, rows)]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    ratios = ", ".join(f"{ratio:.1f} at {size}" for size, ratio in times.items())
    aim = f"at most {MOST_TIMES_NOISE}"
    return f"{text}\n\nTimes as long as noise a fresh JPEG takes ({aim}): {ratios}.\n"


if __name__ == "__main__":
    sys.exit(main())
