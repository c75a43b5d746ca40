"""The names of shards: a prefix and a number, or a format with the number and the total.

Formats are Python's, but only zeros and widths are allowed: attributes and conversions have no use
in a file's name.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from imagine_common.errors import UsageError
from imagine_common.files.folders import names_in
from imagine_common.text import show

SHARD, TOTAL = "shard", "total"
_SPEC = re.compile(r"0?[0-9]{0,2}d?")


@dataclass(frozen=True)
class ShardNames:
    """The names of shards: pieces of text, each followed by a field (or none) and its format."""

    _pieces: tuple[tuple[bytes, str, str], ...]

    @classmethod
    def from_format(cls, text: bytes) -> ShardNames:
        """Return names of a format such as `train-{shard:05d}-of-{total:05d}`, if it is valid."""
        pieces = []
        try:
            for literal, field, spec, conversion in string.Formatter().parse(os.fsdecode(text)):
                if field is not None and (
                    field not in (SHARD, TOTAL) or conversion or not _SPEC.fullmatch(spec or "")
                ):
                    raise UsageError(
                        f"argument --name-format: {show(text)}: fields are {{shard}} and {{total}},"
                        " with a width such as :05d"
                    )
                pieces.append((os.fsencode(literal), field or "", spec or ""))
        except ValueError as error:
            raise UsageError(f"argument --name-format: {show(text)}: {error}") from error
        if not any(field == SHARD for _, field, _ in pieces):
            raise UsageError(
                f"argument --name-format: {show(text)} has no {{shard}}: all files would have"
                " the same name"
            )
        return cls(tuple(pieces))

    @property
    def prefix(self) -> bytes:
        """Return the text before the first number."""
        return self._pieces[0][0]

    @property
    def text(self) -> bytes:
        """Return all text without the numbers."""
        return b"".join(literal for literal, _, _ in self._pieces)

    @property
    def needs_total(self) -> bool:
        """Return whether names contain the total, so that all are known only at the end."""
        return any(field == TOTAL for _, field, _ in self._pieces)

    @property
    def pattern(self) -> bytes:
        """Return a regular expression for the names, with a group for each number."""
        return b"".join(
            re.escape(literal) + (b"([0-9]{1,19})" if field else b"")
            for literal, field, _ in self._pieces
        )

    def name(self, number: int, total: int = 0) -> bytes:
        """Return the name of a shard, without the suffix that its format appends."""
        values = {SHARD: number, TOTAL: total}
        return b"".join(
            literal + (format(values[field], spec).encode() if field else b"")
            for literal, field, spec in self._pieces
        )

    def left_over(self, folder: bytes, suffix: bytes, total: int) -> Iterator[bytes]:
        """Yield the names in a folder that match, but are not those of the `total` shards."""
        fields = [field for _, field, _ in self._pieces if field]
        matcher = re.compile(self.pattern + re.escape(suffix))
        found: list[tuple[int, int, bytes]] = []
        for name in names_in(folder, self.prefix):
            if match := matcher.fullmatch(name):
                numbers = dict(zip(fields, map(int, match.groups())))
                number, of = numbers[SHARD], numbers.get(TOTAL, total)
                if name == self.name(number, of) + suffix and (number >= total or of != total):
                    found.append((of, number, name))
        yield from (name for _, _, name in sorted(found))
