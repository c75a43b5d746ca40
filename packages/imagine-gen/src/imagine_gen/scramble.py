"""A permutation of whole numbers that keeps neighbors apart."""

from __future__ import annotations

# Of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Any odd numbers would keep numbers apart.
_INCREMENT = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def scramble(number: int, size: int) -> int:
    """Map the numbers below `size` one to one onto themselves, neighbors far apart."""
    bits = (size - 1).bit_length()
    mask = (1 << bits) - 1
    shift = bits // 2 + 1
    while True:
        number = number + _INCREMENT & mask
        for multiplier in _MULTIPLIERS:
            number = (number ^ number >> shift) * multiplier & mask
        number ^= number >> shift
        # Every step can be undone, so walking on from outside the range ends inside it.
        if number < size:
            return number
