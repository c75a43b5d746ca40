"""A permutation of whole numbers that moves neighbors far apart."""

from __future__ import annotations

# From SplitMix64 (Steele, Lea and Flood, OOPSLA 2014); any odd numbers give a permutation.
_INCREMENT = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def scramble(number: int, size: int) -> int:
    """Return the number below `size` that a permutation has in place of `number`."""
    bits = (size - 1).bit_length()
    mask = (1 << bits) - 1
    shift = bits // 2 + 1
    while True:
        number = number + _INCREMENT & mask
        for multiplier in _MULTIPLIERS:
            number = (number ^ number >> shift) * multiplier & mask
        number ^= number >> shift
        # Every step is invertible, so repeating it outside the range ends inside it.
        if number < size:
            return number
