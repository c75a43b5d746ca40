"""Dividing a run over processes that know nothing of each other: `--part I/N`.

Each is told its own number and how many there are, which launchers of jobs put into variables, and
does its share. All shares together are what one run makes, to the byte.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from imagine_common.errors import UsageError

_PART = re.compile(r"(\d{1,18})/(\d{1,18})", re.ASCII)


class Part(NamedTuple):
    """One of `total` parts, of which the first has number 0."""

    number: int
    total: int

    def span(self, count: int) -> tuple[int, int]:
        """Return the first of `count` things in a row that are in this part, and how many are."""
        first = count * self.number // self.total
        return first, count * (self.number + 1) // self.total - first

    def has(self, number: int) -> bool:
        """Tell whether one of the things that are dealt to the parts in turn is in this part."""
        return number % self.total == self.number

    def nth(self, place: int) -> int:
        """Return the number of a thing by its place among those that are dealt to this part."""
        return self.number + place * self.total


WHOLE = Part(0, 1)


def parse_part(text: str) -> Part:
    """Return the part that `I/N` names.

    Raises
    ------
    UsageError
        Where it is not of this form, or no part of N.
    """
    match = _PART.fullmatch(text)
    if not match:
        raise UsageError(f"argument --part: expected I/N, such as 0/8 for the first, not {text!r}")
    part = Part(int(match[1]), int(match[2]))
    if part.number >= part.total:
        last = f"; the last of {part.total} is {part.total - 1}/{part.total}" * (part.total > 0)
        raise UsageError(f"argument --part: there is no part {text}{last}")
    return part
