"""Tables of photo content: colors that occur in photographs, and powers of two."""

from __future__ import annotations

import math
from typing import Final

# R, G, B in sRGB levels: muted, as most of what is photographed is.
SKY: Final = [
    (168, 192, 216), (126, 164, 204), (196, 206, 214), (214, 214, 210), (150, 172, 190),
    (222, 206, 188), (206, 178, 160), (92, 128, 172), (180, 184, 190), (110, 120, 136),
]  # fmt: skip
GREEN: Final = [
    (92, 108, 62), (74, 92, 54), (112, 124, 76), (64, 78, 50), (128, 134, 92),
    (86, 100, 80), (104, 112, 58), (56, 68, 48), (142, 146, 104), (98, 116, 88),
]  # fmt: skip
EARTH: Final = [
    (132, 112, 88), (110, 90, 70), (156, 138, 112), (92, 78, 64), (174, 156, 128),
    (122, 98, 78), (144, 126, 104), (84, 68, 56), (190, 176, 152), (128, 116, 100),
]  # fmt: skip
STONE: Final = [
    (128, 128, 124), (152, 150, 144), (104, 106, 108), (86, 86, 86), (176, 174, 168),
    (118, 122, 128), (142, 136, 130), (70, 72, 76), (196, 194, 190), (108, 102, 98),
]  # fmt: skip
WARM: Final = [
    (176, 138, 108), (198, 164, 136), (160, 112, 84), (148, 92, 72), (210, 184, 150),
    (136, 84, 60), (188, 150, 112), (116, 72, 58), (220, 200, 172), (168, 124, 104),
]  # fmt: skip
WATER: Final = [
    (88, 116, 126), (70, 98, 110), (112, 138, 142), (60, 82, 98), (134, 154, 156),
    (84, 108, 104), (98, 128, 144), (52, 70, 80), (154, 172, 176), (76, 104, 122),
]  # fmt: skip
CLOTH: Final = [
    (150, 70, 62), (64, 82, 120), (188, 160, 84), (96, 60, 78), (60, 100, 96),
    (198, 186, 176), (44, 46, 54), (172, 104, 90), (120, 132, 152), (224, 220, 214),
]  # fmt: skip
# Each is what the regions of an image are made of, from the top down.
THEMES: Final = [
    (SKY, STONE, GREEN, EARTH),
    (SKY, GREEN, GREEN, GREEN),
    (SKY, STONE, WATER, WATER),
    (SKY, SKY, EARTH, EARTH),
    (SKY, EARTH, STONE, STONE),
    (STONE, STONE, CLOTH, EARTH),
    (WARM, WARM, CLOTH, EARTH),
    (WARM, EARTH, EARTH, WARM),
    (GREEN, GREEN, WARM, GREEN),
    (GREEN, EARTH, GREEN, EARTH),
    (STONE, CLOTH, STONE, WARM),
    (STONE, STONE, STONE, STONE),
    (CLOTH, WARM, CLOTH, STONE),
    (WATER, GREEN, WATER, STONE),
]


def powers_of_two(count: int, steps: int, scale: int) -> list[int]:
    """Return scale * 2 ** (n / steps) rounded down, for n below `count`; `steps` is a power of two.

    Square roots of integers are exact, logarithms are not.
    """
    found = []
    for n in range(count):
        value = scale**steps << n
        for _ in range(steps.bit_length() - 1):
            value = math.isqrt(value)
        found.append(value)
    return found
