"""The groups of benchmark cases: commands that run in turn, and the pairs that are compared."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from environments import peer_environment
from measure import Run, Side, in_turn, paired_ratio, run, watch

PEERS = Path(__file__).parent / "peers"
LARGE = (3840, 2160)


class Result(NamedTuple):
    """A line of the table: a measured value and its limit.

    The limit is a maximum for the units "s" and "of flat", and a minimum for "times".
    """

    case: str
    against: str
    value: float
    unit: str
    limit: float | None
    ours: str = ""
    peer: str = ""
    made: str = ""

    @property
    def met(self) -> bool:
        """Return whether the value keeps its limit."""
        if self.limit is None:
            return True
        return (
            self.value <= self.limit if self.unit in ("s", "of flat") else self.value >= self.limit
        )


@dataclass(frozen=True)
class Bench:
    """The settings of a run.

    `programs` is the folder of the tools' programs, `target` the folder for the files they make.
    `scale` multiplies the number of images of every command.
    """

    programs: Path
    target: Path
    processes: int
    repeats: int
    scale: float

    def count(self, images: int) -> int:
        """Return a scaled number of images: at least two for each process."""
        return max(2 * self.processes, round(images * self.scale))

    def folder(self, name: str) -> str:
        """Return the path of a folder in `target`."""
        return str(self.target / name)

    def generate(self, folder: str, size: tuple[int, int], count: int, *options: str) -> Run:
        """Run imagine-gen on a folder."""
        return run(self.generator(folder, size, count, *options))

    def generator(self, folder: str, size: tuple[int, int], count: int, *options: str) -> list[str]:
        """Return the command of imagine-gen."""
        return [
            *(str(self.programs / "imagine-gen"), "--path", self.folder(folder)),
            *("--width", str(size[0]), "--height", str(size[1]), "--count", str(count)),
            *("--workers", str(self.processes), *options),
        ]

    def pack(self, tool: str, manifest: str, images_per_file: int) -> Run:
        """Run a packer on the images of a manifest."""
        return run(
            [
                *(str(self.programs / tool), "--dest-path", self.folder(tool)),
                *("--img-per-file", str(images_per_file), "--workers", str(self.processes)),
            ],
            stdin=manifest,
        )

    def peer(self, script: str, *arguments: object, programs: Path | None = None) -> Run:
        """Run the script of a peer, by default with the Python of the tools."""
        python = str((programs or self.programs) / "python")
        return run([python, str(PEERS / f"{script}.py"), *map(str, arguments)])

    def naive(self, size: tuple[int, int], count: int, image_format: str = "jpg") -> Run:
        """Make images by the naive recipe."""
        return self.peer(
            "naive_images", self.folder("naive"), image_format, *size, count, self.processes
        )

    def bare(self, folder: str, count: int) -> Run:
        """Overwrite the files of a folder from memory, without generating anything."""
        return self.peer("bare_writer", self.folder(folder), count, self.processes)

    def clear(self) -> None:
        """Remove all files, which frees the memory they take in /dev/shm."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir(parents=True)


class Comparison(NamedTuple):
    """Two commands of a group by their names.

    `ours` should be at least `at_least` times as fast as `peer`.
    """

    case: str
    against: str
    ours: str
    peer: str
    at_least: float | None


def compare(
    bench: Bench, sides: dict[str, Side], comparisons: list[Comparison]
) -> Iterator[Result]:
    """Run the commands of a group in turn, and yield a result for each comparison."""
    rates, made = in_turn(sides, bench.repeats)
    for case, against, ours, peer, at_least in comparisons:
        ratio = paired_ratio(rates[ours], rates[peer])
        our_rate, peer_rate = _rate(rates[ours]), _rate(rates[peer])
        size = made[ours.removesuffix(" (own)")]
        yield Result(case, against, ratio, "times", at_least, our_rate, peer_rate, size)


def _rate(rates: list[float]) -> str:
    rate = statistics.median(rates)
    return f"{rate:,.{0 if rate >= 100 else 1 if rate >= 10 else 2}f} images/s"


def large_jpeg(bench: Bench) -> Iterator[Result]:
    """Compare fresh and direct 4K JPEGs with the naive recipe, the encoder and plain writes."""
    slow, fresh, direct = bench.count(12), bench.count(96), bench.count(1000)
    photo = ("--content", "photo")
    few, photos = bench.count(32), bench.count(300)
    sides = {
        "naive": Side(slow, lambda: bench.naive(LARGE, slow)),
        "fresh": Side(fresh, lambda: bench.generate("fresh", LARGE, fresh)),
        "encode": Side(fresh, lambda: bench.peer("encode_only", *LARGE, fresh, bench.processes)),
        "direct": Side(direct, lambda: bench.generate("direct", LARGE, direct, "--direct")),
        "bare": Side(direct, lambda: bench.bare("direct", direct)),
        "fresh photo": Side(few, lambda: bench.generate("few", LARGE, few, *photo)),
        "direct photo": Side(
            photos, lambda: bench.generate("photos", LARGE, photos, *photo, "--direct")
        ),
    }
    fresh_case, direct_case = "fresh JPEG 3840×2160", "direct JPEG 3840×2160"
    comparisons = [
        Comparison(fresh_case, "naive recipe", "fresh", "naive", 4.5),
        Comparison(fresh_case, "encoding alone", "fresh (own)", "encode (own)", 0.6),
        Comparison(direct_case, "naive recipe", "direct", "naive", 40),
        Comparison(direct_case, "fresh", "direct", "fresh", 8),
        Comparison(direct_case, "bare writer", "direct (own)", "bare (own)", 0.75),
        Comparison(f"{direct_case}, photo", "fresh, photo", "direct photo", "fresh photo", 8),
    ]
    return compare(bench, sides, comparisons)


def small_jpeg(bench: Bench) -> Iterator[Result]:
    """Compare JPEGs of the dimensions that training uses with the naive recipe and with `cp`."""
    medium, small = (500, 375), (224, 224)
    slow, fresh, direct = bench.count(600), bench.count(6000), bench.count(20_000)
    photo = ("--content", "photo")
    few, photos = bench.count(1200), bench.count(6000)
    slow_small, fresh_small = bench.count(1500), bench.count(15_000)
    copy = ["cp", "-R", bench.folder("direct") + "/.", bench.folder("copy")]
    os.makedirs(bench.folder("copy"))
    sides = {
        "naive": Side(slow, lambda: bench.naive(medium, slow)),
        "fresh": Side(fresh, lambda: bench.generate("fresh", medium, fresh)),
        "direct": Side(direct, lambda: bench.generate("direct", medium, direct, "--direct")),
        "copy": Side(direct, lambda: run(copy)),
        "fresh photo": Side(few, lambda: bench.generate("few", medium, few, *photo)),
        "direct photo": Side(
            photos, lambda: bench.generate("photos", medium, photos, *photo, "--direct")
        ),
        "naive, small": Side(slow_small, lambda: bench.naive(small, slow_small)),
        "fresh, small": Side(fresh_small, lambda: bench.generate("small", small, fresh_small)),
    }
    comparisons = [
        Comparison("fresh JPEG 500×375", "naive recipe", "fresh", "naive", 3.5),
        Comparison("fresh JPEG 224×224", "naive recipe", "fresh, small", "naive, small", 3),
        Comparison("direct JPEG 500×375", "naive recipe", "direct", "naive", 20),
        Comparison("direct JPEG 500×375", "fresh", "direct", "fresh", 8),
        Comparison("direct JPEG 500×375", "`cp -R` of them", "direct", "copy", None),
        Comparison("direct JPEG 500×375, photo", "fresh, photo", "direct photo", "fresh photo", 4),
    ]
    return compare(bench, sides, comparisons)


def large_png(bench: Bench) -> Iterator[Result]:
    """Compare uncompressed 4K PNGs with the naive recipe and with plain writes."""
    return _uncompressed(bench, "png", bench.count(4), (40, 0.6))


def large_bmp(bench: Bench) -> Iterator[Result]:
    """Compare 4K BMPs with the naive recipe and with plain writes."""
    return _uncompressed(bench, "bmp", bench.count(12), (10, 0.7))


def _uncompressed(
    bench: Bench, image_format: str, slow: int, limits: tuple[float, float]
) -> Iterator[Result]:
    fast = bench.count(320)
    options = ("--image-format", image_format)
    sides = {
        "naive": Side(slow, lambda: bench.naive(LARGE, slow, image_format)),
        "fresh": Side(fast, lambda: bench.generate("images", LARGE, fast, *options)),
        "pooled": Side(fast, lambda: bench.generate("images", LARGE, fast, *options, "--pooled")),
        "bare": Side(fast, lambda: bench.bare("images", fast)),
    }
    size = f"{image_format.upper()} 3840×2160"
    comparisons = [
        Comparison(f"fresh {size}", "naive recipe", "fresh", "naive", limits[0]),
        Comparison(f"pooled {size}", "bare writer", "pooled (own)", "bare (own)", limits[1]),
    ]
    return compare(bench, sides, comparisons)


def tfrecord(bench: Bench) -> Iterator[Result]:
    """Compare TFRecord files of 115 KB images with TensorFlow's writer and with `cat`."""
    programs = peer_environment("tensorflow")

    def theirs(images_per_file: int) -> Run:
        folders = (bench.folder("source"), bench.folder("tensorflow"))
        return bench.peer("tensorflow_records", *folders, images_per_file, programs=programs)

    return _packed(bench, "TFRecord", "TensorFlow's writer", theirs, (3, 6))


def recordio(bench: Bench) -> Iterator[Result]:
    """Compare RecordIO files of 115 KB images with MXNet's writer and with `cat`."""
    programs = peer_environment("mxnet")

    def theirs(images_per_file: int) -> Run:
        arguments = (bench.folder("source"), bench.folder("mxnet"), images_per_file)
        return bench.peer("mxnet_records", *arguments, bench.processes, programs=programs)

    return _packed(bench, "RecordIO", "MXNet's writer in a pool", theirs, (1.5, 2))


def _packed(
    bench: Bench,
    record_format: str,
    writer: str,
    theirs: Callable[[int], Run],
    limits: tuple[float, float],
) -> Iterator[Result]:
    images = bench.count(20_000)
    images_per_file = max(1, images // 20)
    bench.generate("source", (500, 375), images, "--direct")
    manifest = bench.folder("manifest")
    names = sorted(os.listdir(bench.folder("source")))
    Path(manifest).write_text("".join(f"{bench.folder('source')}/{name}\n" for name in names))
    tool = f"imagine-{record_format.lower()}"
    cat = ["sh", "-c", 'cd "$1" && find . -type f | xargs cat >"$2"', "sh"]
    sides = {
        "ours": Side(images, lambda: bench.pack(tool, manifest, images_per_file)),
        "cat": Side(images, lambda: run([*cat, bench.folder("source"), bench.folder("cat")])),
        "theirs": Side(images, lambda: theirs(images_per_file)),
    }
    case = f"{record_format}, 115 KB images"
    comparisons = [
        Comparison(case, f"{writer}, once imported", "ours (own)", "theirs (own)", limits[0]),
        Comparison(case, f"{writer}, whole command", "ours", "theirs", limits[1]),
        Comparison(case, "`cat`", "ours", "cat", 1),
    ]
    return compare(bench, sides, comparisons)


def pipeline(bench: Bench) -> Iterator[Result]:
    """Compare the pipeline from no files to TFRecord files with the naive recipe and TensorFlow."""
    size = (500, 375)
    slow, fast = bench.count(800), bench.count(10_000)
    programs = peer_environment("tensorflow")
    pack = [str(bench.programs / "imagine-tfrecord"), "--dest-path", bench.folder("records")]
    script = '"$@" --direct -q | ' + " ".join([*pack, "--img-per-file", "500"])
    make = bench.generator("images", size, fast)

    def theirs() -> Run:
        made = bench.naive(size, slow)
        folders = (bench.folder("naive"), bench.folder("tensorflow"))
        packed = bench.peer("tensorflow_records", *folders, 500, programs=programs)
        return Run(made.seconds + packed.seconds, made.own_seconds + packed.own_seconds)

    sides = {
        "ours": Side(fast, lambda: run(["bash", "-o", "pipefail", "-c", script, "bash", *make])),
        "theirs": Side(slow, theirs),
    }
    case = "`imagine-gen --direct \\| imagine-tfrecord`, 500×375"
    recipe = "naive recipe, then TensorFlow's writer"
    return compare(bench, sides, [Comparison(case, recipe, "ours", "theirs", 20)])


def start(bench: Bench) -> Iterator[Result]:
    """Measure how long `--help` and one small image take."""
    commands = {
        "`imagine-tfrecord --help`": (["imagine-tfrecord", "--help"], 0.15),
        "`imagine-recordio --help`": (["imagine-recordio", "--help"], 0.15),
        "`imagine-gen --help`": (["imagine-gen", "--help"], 0.2),
        "one JPEG of 64×64": (
            ["imagine-gen", "--path", bench.folder("one"), "--width", "64", "--height", "64"],
            None,
        ),
    }
    for case, (command, limit) in commands.items():
        whole = [str(bench.programs / command[0]), *command[1:]]
        run(whole)
        seconds = statistics.median(run(whole).seconds for _ in range(5 * bench.repeats))
        yield Result(case, "", seconds, "s", limit)


def flat(bench: Bench) -> Iterator[Result]:
    """Compare the time per image and the memory of a large dataset with those of a small one."""
    counts = [bench.count(count) for count in (10_000, 100_000, 1_000_000)]
    first, middle, last = counts

    def watched(count: int) -> tuple[list[float], float]:
        shutil.rmtree(bench.folder("many"), ignore_errors=True)
        return watch(bench.generator("many", (64, 64), count, "--direct", "-q"), counts)

    watched(last)  # Warm-up.
    early, late = [], []
    for _ in range(min(bench.repeats, 3)):
        moments, peak = watched(last)
        early.append((middle - first) / (moments[1] - moments[0]))
        late.append((last - middle) / (moments[2] - moments[1]))
    _, peak_of_first = watched(first)
    case = f"direct 64×64, from image {middle:,} to {last:,}"
    against = f"from {first:,} to {middle:,}"
    least = 1 / 1.2
    yield Result(
        case, against, paired_ratio(late, early), "times", least, _rate(late), _rate(early)
    )
    yield Result(
        f"peak memory with {last:,} such images",
        f"with {first:,}",
        peak / peak_of_first,
        "of flat",
        1.2,
        f"{peak:.0f} MB",
        f"{peak_of_first:.0f} MB",
    )


GROUPS: dict[str, Callable[[Bench], Iterator[Result]]] = {
    "start": start,
    "large-jpeg": large_jpeg,
    "small-jpeg": small_jpeg,
    "large-png": large_png,
    "large-bmp": large_bmp,
    "tfrecord": tfrecord,
    "recordio": recordio,
    "pipeline": pipeline,
    "flat": flat,
}
