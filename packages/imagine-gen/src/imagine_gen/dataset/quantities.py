"""Quantities as users type them: bytes (114660, 115K, 2MiB) and pixels (500, 400:600)."""

from __future__ import annotations

import re

from imagine_common.errors import UsageError

_FACTORS: dict[str, int] = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("KMG", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMG", 1)},
}
_BYTES = re.compile(r"(\d{1,18})([A-Za-z]*)", re.ASCII)
_RANGE = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)


def parse_bytes(option: str, text: str) -> int:
    """Return a number of bytes, or raise a `UsageError` that names the option.

    K, M and G are powers of 1000; KiB, MiB and GiB of 1024.
    """
    match = _BYTES.fullmatch(text)
    if not match or match[2] not in _FACTORS:
        raise UsageError(
            f"argument {option}: expected bytes, such as 114660, 115K or 2MiB, not {text!r}"
        )
    return int(match[1]) * _FACTORS[match[2]]


def parse_range(option: str, text: str) -> tuple[int, int]:
    """Return the least and the greatest number of pixels in `400:600`, or `500` for both.

    Raises
    ------
    UsageError
        If the text is neither, or the first number is greater; the error names the option.
    """
    match = _RANGE.fullmatch(text)
    if not match:
        raise UsageError(f"argument {option}: expected pixels, N or LEAST:MOST, not {text!r}")
    least, most = int(match[1]), int(match[2] or match[1])
    if least > most:
        raise UsageError(f"argument {option}: the first number of {text} is greater")
    return least, most
