"""The groups of whole workloads: tar streams, target sizes, the dataset of a known benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial

from cases import PEERS, Bench, Comparison, Result, compare
from measure import Run, Side, run

SIZE = (500, 375)
PRESET = "mlperf-storage-resnet50"
PRESET_IMAGES = 1_281_024
PRESET_BYTES = PRESET_IMAGES * (114_244 + 60)  # An image and its record around it.


def _piped(bench: Bench, folder: str, make: list[str], pack: list[str]) -> Run:
    """Run imagine-gen into a packer."""
    command = [str(bench.programs / "imagine-gen"), "-q", *make]
    packer = [str(bench.programs / pack[0]), "--dest-path", bench.folder(folder), *pack[1:]]
    script = '"${@:2:$1}" | "${@:$1+2}"'
    number = str(len(command))
    return run(["bash", "-o", "pipefail", "-c", script, "bash", number, *command, *packer])


def streams(bench: Bench) -> Iterator[Result]:
    """Compare a tar stream between the tools with a manifest of files."""
    images = bench.count(20_000)
    size = ["--width", str(SIZE[0]), "--height", str(SIZE[1]), "--direct", "--count", str(images)]
    for tool in ("imagine-tfrecord", "imagine-recordio"):
        stream, files = ["--tar", *size], ["--path", bench.folder("images"), *size]
        sides = {
            "tar": Side(images, partial(_piped, bench, "a", stream, [tool, "--tar"])),
            "files": Side(images, partial(_piped, bench, "b", files, [tool])),
        }
        case = f"`imagine-gen --direct --tar \\| {tool} --tar`, 500×375"
        comparison = Comparison(case, "the same through files", "tar", "files", 1)
        yield from compare(bench, sides, [comparison])
        bench.clear()


def random_bytes(bench: Bench) -> Iterator[Result]:
    """Compare a tar stream of direct images from one process with raw random bytes in a pipe."""
    images = bench.count(20_000)
    program = str(bench.programs / "imagine-gen")
    size = ["--width", str(SIZE[0]), "--height", str(SIZE[1]), "--count", str(images)]
    stream = [program, "--tar", "--direct", "--workers", "1", "-q", *size]
    image_bytes = 119_808  # A member of the archive, with its head.
    raw = [str(bench.programs / "python"), str(PEERS / "random_bytes.py")]
    script = '"$@" | cat >/dev/null'

    def piped(command: list[str]) -> Run:
        return run(["bash", "-o", "pipefail", "-c", script, "bash", *command])

    sides = {
        "direct": Side(images, lambda: piped(stream)),
        "raw": Side(images, lambda: piped([*raw, str(images * image_bytes)])),
    }
    case = "`imagine-gen --direct --tar`, one process, 500×375"
    peer = "dgen-py's random bytes, one thread, through the same pipe"
    return compare(bench, sides, [Comparison(case, peer, "direct", "raw", 0.5)])


def sizes(bench: Bench) -> Iterator[Result]:
    """Compare files of a target size with files of a quality."""
    for kind, images in (((), bench.count(3000)), (("--direct",), bench.count(20_000))):
        sides = {
            "exact": Side(
                images,
                partial(bench.generate, "exact", SIZE, images, "--target-size", "114660", *kind),
            ),
            "plain": Side(images, partial(bench.generate, "plain", SIZE, images, *kind)),
        }
        case = f"{'direct' if kind else 'fresh'} JPEG 500×375, `--target-size 114660`"
        comparison = Comparison(case, "the default size", "exact", "plain", None)
        yield from compare(bench, sides, [comparison])
        bench.clear()


def preset(bench: Bench) -> Iterator[Result]:
    """Make 10 of the 1,024 files of MLPerf Storage's dataset for ResNet-50; extrapolate to all."""
    images = bench.count(12_510)
    for kind in ((), ("--direct",)):
        make = ["--preset", PRESET, "--count", str(images), "--tar", *kind]
        pack = ["imagine-tfrecord", "--preset", PRESET, "--tar", "--index"]
        pack += ["--expect", str(images)]
        seconds = statistics.median(
            _piped(bench, "preset", make, pack).seconds for _ in range(min(bench.repeats, 3))
        )
        rate = images / seconds
        whole = PRESET_IMAGES / rate
        yield Result(
            f"`--preset {PRESET}`{', `--direct`' if kind else ''}, to TFRecord files and indexes",
            f"by arithmetic from {images:,} images",
            whole,
            "s",
            None,
            f"{rate:,.0f} images/s",
            "",
            f"{PRESET_IMAGES:,} images, {PRESET_BYTES / 1e9:.0f} GB",
        )


GROUPS: dict[str, Callable[[Bench], Iterator[Result]]] = {
    "streams": streams,
    "random-bytes": random_bytes,
    "sizes": sizes,
    "preset": preset,
}
