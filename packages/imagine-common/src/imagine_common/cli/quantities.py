"""The numbers in arguments, with their units. Argparse adds the option's name to an error."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

_POWERS = {"k": 1, "m": 2, "g": 3}
_BYTES = re.compile(r"(\d{1,18})(?:([kmg])(i)?)?b?", re.ASCII | re.IGNORECASE)


def whole_number(text: str) -> int:
    """Return a whole number. After it, k, M or G in either case stand for powers of 1000."""
    power = _POWERS.get(text[-1:].lower(), 0)
    try:
        return int(text[:-1] if power else text) * int(1000**power)
    except ValueError:
        raise ArgumentTypeError(
            f"expected a whole number, such as 1000, 5k or 2M, not {text!r}"
        ) from None


def byte_count(text: str) -> int:
    """Return a number of bytes. K, KB, M, ... are powers of 1000; KiB, MiB, ... of 1024."""
    match = _BYTES.fullmatch(text)
    if not match:
        raise ArgumentTypeError(f"expected bytes, such as 114660, 115KB or 2MiB, not {text!r}")
    number, unit, binary = match.groups(default="")
    factor: int = (1024 if binary else 1000) ** _POWERS.get(unit.lower(), 0)
    return int(number) * factor
