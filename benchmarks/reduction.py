"""Measure how far storage could reduce files: by deduplication, and by compression.

    python benchmarks/reduction.py PATH ...
    imagine-gen ... | python benchmarks/reduction.py

Each path is a file or a folder; without one, paths come from stdin. Needs the packages of
requirements.txt. A ratio is the bytes before, divided by the bytes after: 1.00 is data that cannot
be reduced. Deduplication keeps equal chunks of all files once; a chunk belongs to one file.
Compression treats each block alone, and keeps blocks as they are that do not get smaller.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import lz4.frame
import zstandard
from fastcdc import fastcdc

KIB = 1024
FIXED = (512, 4 * KIB, 128 * KIB)
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


def main() -> int:
    """Print a table of all ratios."""
    given = sys.argv[1:] or (line.partition("\t")[0] for line in sys.stdin.read().splitlines())
    table = measures()
    count = size = 0
    for path in files(given):
        data = path.read_bytes()
        count += 1
        size += len(data)
        for measure in table.values():
            measure.add(data)
    print(f"{count:,} files, {size / 1e6:,.1f} MB\n\n| | ratio |\n| --- | --- |")
    for name, measure in table.items():
        print(f"| {name} | {measure.ratio:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
