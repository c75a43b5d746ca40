"""Direct JPEG files of every mode, subsampling and content, in sizes that end within a block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from support import lines, run

_SIZES = [*((side, side) for side in range(1, 18)), (1, 17), (17, 1), (3839, 47), (53, 2161)]
CHROMAS = ("--mode L", "--subsampling 4:4:4", "--subsampling 4:2:2", "--subsampling 4:2:0")


def direct_files(folder: Path, chroma: str, content: str) -> Iterator[Path]:
    """Make files of a chroma, and yield their paths."""
    kind = ["--direct", "--content", content, *chroma.split()]
    for width, height in _SIZES:
        size = ["--width", str(width), "--height", str(height), "--name", f"{width}_{height}_"]
        yield from map(Path, lines(run("gen", "--path", folder, *kind, *size).stdout))
    size = ["--width", "300", "--height", "200"]
    least = {"noise": 21_000, "photo": 9_000}[content]
    for target in (least, 3 * least):
        name = ["--name", f"{target}_", "--target-size", str(target)]
        yield from map(Path, lines(run("gen", "--path", folder, *kind, *size, *name).stdout))
    for width, height in _SIZES[16:]:
        size = ["--width", str(width), "--height", str(height), "--name", f"{width}_{height}f_"]
        filler = ["--compress-ratio", "2.5"]
        yield from map(Path, lines(run("gen", "--path", folder, *kind, *size, *filler).stdout))
