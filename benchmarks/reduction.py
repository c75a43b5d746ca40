"""Measure how far storage could reduce files: by deduplication, and by compression.

    python benchmarks/reduction.py PATH ...
    imagine-gen ... | python benchmarks/reduction.py

Each path is a file or a folder; without one, paths come from stdin. Needs the packages of
requirements.txt. A ratio is the bytes before, divided by the bytes after: 1.00 is data that cannot
be reduced. Deduplication keeps equal chunks of all files once; a chunk belongs to one file.
Compression treats each block alone, and keeps blocks as they are that do not get smaller. restic
and Borg, where they are installed, pack all files into an archive in a temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lz4.frame
import zstandard
from fastcdc import fastcdc

KIB = 1024
FIXED = (512, 4 * KIB, 8 * KIB, 64 * KIB, 128 * KIB)
CONTENT_DEFINED = (4 * KIB, 8 * KIB, 64 * KIB)  # on average; a quarter at least, four times at most
BLOCKS = (4 * KIB, 128 * KIB)

Chunker = Callable[[bytes], Iterable[bytes]]


def fixed(size: int) -> Chunker:
    """Return a function that cuts data into blocks of a size in bytes."""
    return lambda data: (data[at : at + size] for at in range(0, len(data), size))


def content_defined(average: int) -> Chunker:
    """Return a function that cuts data with FastCDC (Xia et al., USENIX ATC 2016)."""

    def cut(data: bytes) -> Iterator[bytes]:
        for chunk in fastcdc(data, average // 4, average, average * 4):
            yield data[chunk.offset : chunk.offset + chunk.length]

    return cut


class Deduplication:
    """The bytes of all chunks, and of those that differ."""

    def __init__(self, cut: Chunker) -> None:
        self._cut = cut
        self._seen: set[bytes] = set()
        self._total = self._kept = 0

    def add(self, data: bytes) -> None:
        """Count the chunks of a file."""
        for chunk in self._cut(data):
            self._total += len(chunk)
            digest = hashlib.blake2b(chunk, digest_size=16).digest()
            if digest not in self._seen:
                self._seen.add(digest)
                self._kept += len(chunk)

    @property
    def ratio(self) -> float:
        """Return all bytes, divided by those that are kept."""
        return self._total / max(1, self._kept)


class Compression:
    """The bytes of blocks before and after compression."""

    def __init__(self, size: int, compress: Callable[[bytes], bytes]) -> None:
        self._cut = fixed(size)
        self._compress = compress
        self._total = self._kept = 0

    def add(self, data: bytes) -> None:
        """Count the blocks of a file."""
        for block in self._cut(data):
            self._total += len(block)
            self._kept += min(len(block), len(self._compress(block)))

    @property
    def ratio(self) -> float:
        """Return all bytes, divided by those after compression."""
        return self._total / max(1, self._kept)


def measures() -> dict[str, Deduplication | Compression]:
    """Return all measurements by the names in the table."""
    found: dict[str, Deduplication | Compression] = {}
    for size in FIXED:
        found[f"deduplication, blocks of {named(size)}"] = Deduplication(fixed(size))
    for size in CONTENT_DEFINED:
        name = f"deduplication, FastCDC chunks of {named(size)}"
        found[name] = Deduplication(content_defined(size))
    for size in BLOCKS:
        found[f"lz4, blocks of {named(size)}"] = Compression(size, lz4.frame.compress)
        zstd = zstandard.ZstdCompressor()
        found[f"zstd, blocks of {named(size)}"] = Compression(size, zstd.compress)
    return found


def named(size: int) -> str:
    """Return a size in bytes for people."""
    return f"{size // KIB} KiB" if size >= KIB else f"{size} B"


def files(paths: Iterable[str]) -> Iterator[Path]:
    """Yield the files of paths, and of the folders among them."""
    for path in map(Path, paths):
        yield from sorted(found for found in path.rglob("*") if found.is_file()) or [path]


class Reduction(NamedTuple):
    """The number of files, their size in bytes, and all ratios by the names in the table."""

    files: int
    size: int
    ratios: dict[str, float]


def measured(paths: Iterable[str]) -> Reduction:
    """Return the ratios of files, and of those in folders."""
    table = measures()
    found = [*files(paths)]
    size = 0
    for path in found:
        data = path.read_bytes()
        size += len(data)
        for measure in table.values():
            measure.add(data)
    return Reduction(len(found), size, {name: table[name].ratio for name in table})


def archived(paths: Iterable[str]) -> dict[str, float]:
    """Return the ratios that restic and Borg reach, where they are installed."""
    found = [*files(paths)]
    return {**restic(found), **borg(found)}


def restic(paths: Sequence[Path]) -> dict[str, float]:
    """Return the ratios that restic reaches, if it is installed."""
    size = sum(path.stat().st_size for path in paths)
    found = {}
    # Repositories of version 1 have no compression.
    versions = {"1": "restic, deduplication", "2": "restic, with zstd"}
    for version, name in versions.items() if shutil.which("restic") else ():
        with TemporaryDirectory() as folder:
            env = {
                **os.environ,
                "RESTIC_PASSWORD": "none",
                "RESTIC_REPOSITORY": f"{folder}/archive",
            }
            for command in (
                ("init", "--repository-version", version),
                ("backup", "--files-from-raw", "-"),
                ("stats", "--mode", "raw-data", "--json"),
            ):
                output = called(["restic", "--no-cache", "--quiet", *command], env, paths)
        found[name] = size / json.loads(output)["total_size"]
    return found


def borg(paths: Sequence[Path]) -> dict[str, float]:
    """Return the ratios that Borg reaches, if it is installed."""
    found = {}
    given = ("--paths-from-stdin", "--paths-delimiter", "\\0")
    compressions = {"none": "Borg, deduplication", "lz4": "Borg, with lz4"}
    for compression, name in compressions.items() if shutil.which("borg") else ():
        with TemporaryDirectory() as folder:
            env = {**os.environ, "BORG_BASE_DIR": folder}
            for command in (
                ("init", "-e", "none", f"{folder}/archive"),
                ("create", "--json", "-C", compression, *given, f"{folder}/archive::all"),
            ):
                output = called(["borg", *command], env, paths)
        stats = json.loads(output)["cache"]["stats"]
        found[name] = stats["total_size"] / stats["unique_csize"]
    return found


def called(command: list[str], env: dict[str, str], paths: Iterable[Path]) -> bytes:
    """Return what a command prints that is given paths on stdin, each ended by a NUL."""
    given = b"".join(os.fsencode(path.absolute()) + b"\0" for path in paths)
    return subprocess.run(command, env=env, input=given, check=True, capture_output=True).stdout


def main() -> int:
    """Print a table of all ratios."""
    given = sys.argv[1:] or [line.partition("\t")[0] for line in sys.stdin.read().splitlines()]
    found = measured(given)
    print(f"{found.files:,} files, {found.size / 1e6:,.1f} MB\n\n| | ratio |\n| --- | --- |")
    for name, ratio in {**found.ratios, **archived(given)}.items():
        print(f"| {name} | {ratio:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
