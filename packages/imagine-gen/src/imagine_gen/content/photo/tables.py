"""Tables of photo content: colors that occur in photographs, and powers of two."""

from __future__ import annotations

import math
from typing import Final, NamedTuple


class Material(NamedTuple):
    """The material of a region of an image.

    `colors` are R, G, B in sRGB levels: muted, like most photographed things. At most `leaves` of
    256 leaves are visible. `rough` and `leafy` are added to the exponents of the strength of the
    two fine textures, `mottled` is the strength of mid-sized noise, and `varied` the deviation of
    the leaves' lightness in levels.
    """

    colors: list[tuple[int, int, int]]
    leaves: int
    rough: int
    leafy: int
    mottled: int
    varied: int


_SKY: Final = Material(
    [
        (168, 192, 216), (126, 164, 204), (196, 206, 214), (214, 214, 210), (150, 172, 190),
        (222, 206, 188), (206, 178, 160), (104, 136, 176), (180, 184, 190), (128, 138, 152),
    ],
    40, -40, -90, 10, 6,
)  # fmt: skip
_GREEN: Final = Material(
    [
        (92, 108, 62), (74, 92, 54), (112, 124, 76), (64, 78, 50), (128, 134, 92),
        (86, 100, 80), (104, 112, 58), (56, 68, 48), (142, 146, 104), (98, 116, 88),
    ],
    256, 4, 24, 20, 18,
)  # fmt: skip
_EARTH: Final = Material(
    [
        (132, 112, 88), (110, 90, 70), (156, 138, 112), (92, 78, 64), (174, 156, 128),
        (122, 98, 78), (144, 126, 104), (84, 68, 56), (190, 176, 152), (128, 116, 100),
    ],
    190, 6, 6, 20, 16,
)  # fmt: skip
_STONE: Final = Material(
    [
        (128, 128, 124), (152, 150, 144), (104, 106, 108), (86, 86, 86), (176, 174, 168),
        (118, 122, 128), (142, 136, 130), (70, 72, 76), (196, 194, 190), (108, 102, 98),
    ],
    220, 8, 0, 18, 20,
)  # fmt: skip
_WARM: Final = Material(
    [
        (176, 138, 108), (198, 164, 136), (160, 112, 84), (148, 92, 72), (210, 184, 150),
        (136, 84, 60), (188, 150, 112), (116, 72, 58), (220, 200, 172), (168, 124, 104),
    ],
    130, -12, -30, 12, 16,
)  # fmt: skip
_WATER: Final = Material(
    [
        (88, 116, 126), (70, 98, 110), (112, 138, 142), (60, 82, 98), (134, 154, 156),
        (84, 108, 104), (98, 128, 144), (52, 70, 80), (154, 172, 176), (76, 104, 122),
    ],
    70, -10, -16, 16, 10,
)  # fmt: skip
_CLOTH: Final = Material(
    [
        (140, 76, 68), (72, 86, 118), (180, 156, 96), (96, 66, 78), (70, 100, 96),
        (198, 186, 176), (50, 52, 58), (166, 110, 96), (120, 132, 152), (216, 212, 206),
    ],
    200, -8, -24, 10, 20,
)  # fmt: skip
# The materials of an image's regions, from the top down.
THEMES: Final = [
    (_SKY, _STONE, _GREEN, _EARTH),
    (_SKY, _GREEN, _GREEN, _GREEN),
    (_SKY, _STONE, _WATER, _WATER),
    (_SKY, _SKY, _EARTH, _EARTH),
    (_SKY, _EARTH, _STONE, _STONE),
    (_SKY, _GREEN, _WATER, _EARTH),
    (_STONE, _STONE, _CLOTH, _EARTH),
    (_WARM, _WARM, _CLOTH, _EARTH),
    (_WARM, _EARTH, _EARTH, _WARM),
    (_GREEN, _GREEN, _WARM, _GREEN),
    (_GREEN, _EARTH, _GREEN, _EARTH),
    (_STONE, _CLOTH, _STONE, _WARM),
    (_STONE, _STONE, _STONE, _STONE),
    (_CLOTH, _WARM, _CLOTH, _STONE),
    (_WATER, _GREEN, _WATER, _STONE),
]


def powers_of_two(count: int, steps: int, scale: int) -> list[int]:
    """Return scale * 2 ** (n / steps), rounded down, for n < `count`; `steps` is a power of two."""
    # Square roots of integers are exact, logarithms are not.
    found = []
    for n in range(count):
        value = scale**steps << n
        for _ in range(steps.bit_length() - 1):
            value = math.isqrt(value)
        found.append(value)
    return found
