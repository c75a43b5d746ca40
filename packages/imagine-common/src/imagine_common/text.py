"""How messages show paths, counts and sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

# In other stores than Azure's, what stands before an @ is a name or a key of a user.
_USER = re.compile(r"(?i)\b(?!(?:abfss?|wasbs?)://)([a-z][a-z0-9+.-]*://)[^/@\s]+@")

_DURATIONS = ((2 * 86400, "days", 86400), (2 * 3600, "h", 3600), (120, "min", 60), (10, "s", 1))
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def show(path: str | bytes) -> str:
    """Return a path as one printable line, with control and undecodable bytes escaped."""
    return printable(os.fsdecode(path)) or "''"


def printable(text: str) -> str:
    """Return text as one line, with control and undecodable characters escaped.

    The user in a URL, which may be a key, becomes `...`.
    """
    if "://" in text:
        text = _USER.sub(r"\1...@", text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, such as `1 file` or `2 files`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def human_bytes(size: float) -> str:
    """Return a number of bytes in decimal units with three digits, such as `1.23 GB`."""
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    return f"{size:.3g} {_UNITS[unit]}"


def human_seconds(seconds: float) -> str:
    """Return a duration in its natural unit, such as `0.3 s`, `26 s`, `3 min` or `1,200 days`."""
    for least, unit, length in _DURATIONS:
        if seconds >= least:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.1f} s"


def did_you_mean(word: object, known: Iterable[str], prefix: str = "") -> str:
    """Return the question about the known word that is spelled nearly like another, or nothing."""
    if not isinstance(word, str):
        return ""
    from difflib import get_close_matches  # Slow to import, and only errors need it.

    spellings = {name.lower(): name for name in known}
    for found in get_close_matches(word.lower(), spellings, 1):
        return f" (did you mean {prefix}{spellings[found]}?)"
    return ""
