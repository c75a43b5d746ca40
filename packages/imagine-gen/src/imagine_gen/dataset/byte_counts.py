"""Numbers of bytes as people write them: 114660, 115K, 2MiB."""

from __future__ import annotations

import re

from imagine_common.errors import UsageError

_FACTORS: dict[str, int] = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("KMG", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMG", 1)},
}
_COUNT = re.compile(r"(\d{1,18})([A-Za-z]*)", re.ASCII)


def parse_bytes(option: str, text: str) -> int:
    """Return a number of bytes: K, M and G are powers of 1000; KiB, MiB and GiB of 1024.

    Raises
    ------
    UsageError
        Where it is none.
    """
    match = _COUNT.fullmatch(text)
    if not match or match[2] not in _FACTORS:
        raise UsageError(
            f"argument {option}: expected bytes, such as 114660, 115K or 2MiB, not {text!r}"
        )
    return int(match[1]) * _FACTORS[match[2]]
