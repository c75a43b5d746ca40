"""Levels of quantization between one JPEG quality and the next.

From one quality to the next a file grows by some percent. The tables of the two differ in about a
hundred entries. Changing one entry at a time gives a hundred levels between them, and each changes
the size of a file by a hundredth as much.
"""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import product

from PIL import Image

Tables = tuple[tuple[int, ...], ...]  # of luma and, in color, of chroma; 64 entries each, by rows

_SIDE = 8


@lru_cache
def levels(mode: str) -> list[Tables]:
    """Return the levels for images of a mode, RGB or L, from the coarsest to the finest.

    Level 0 has the tables of quality 1, the last level those of quality 100. The tables of all
    other qualities are in between. Low frequencies change first, luma and chroma in turn.
    """
    tables = _quality_tables(mode, 1)
    entries = sorted(range(_SIDE * _SIDE), key=_frequency)
    found = [tables]
    for quality in range(2, 101):
        higher = _quality_tables(mode, quality)
        for entry, number in product(entries, range(len(higher))):
            table, value = tables[number], higher[number][entry]
            if table[entry] != value:
                table = (*table[:entry], value, *table[entry + 1 :])
                tables = (*tables[:number], table, *tables[number + 1 :])
                found.append(tables)
    return found


def _quality_tables(mode: str, quality: int) -> Tables:
    """Return the encoder's tables for a quality."""
    file = io.BytesIO()
    Image.new(mode, (_SIDE, _SIDE)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        tables: dict[int, list[int]] = image.quantization
    return tuple(tuple(tables[number]) for number in sorted(tables))


def _frequency(entry: int) -> tuple[int, int]:
    """Return a key that sorts entries in the order of their coding (T.81, figure A.6)."""
    row, column = divmod(entry, _SIDE)
    diagonal = row + column
    return diagonal, row if diagonal % 2 else column
