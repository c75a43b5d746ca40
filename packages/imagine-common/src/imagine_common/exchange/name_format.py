"""The names of numbered files: a prefix and a number, or a format with the number and the total.

Formats are Python's, but only zeros and widths are allowed: attributes and conversions have no use
in a file's name. Their width may be `*`: that of the total's digits.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from imagine_common.errors import UsageError
from imagine_common.files.folders import names_in
from imagine_common.text import show

_SPEC = re.compile(r"0?[0-9]{0,2}d?|0\*d?")
# File systems allow 255. Suffixes need some, and so do more digits than the first name has.
_MAX_NAME_BYTES = 230


@dataclass(frozen=True)
class NameFormat:
    """The names of files: pieces of text, each followed by a field (or none) and its format.

    `fields` are the names of the number's field and the total's. `option` sets the names.
    """

    pieces: tuple[tuple[bytes, str, str], ...]
    fields: tuple[str, str]
    option: str = "--name-format"

    @classmethod
    def from_prefix(cls, prefix: bytes, fields: tuple[str, str]) -> NameFormat:
        """Return names of a prefix and the number."""
        return cls(((prefix, fields[0], ""),), fields, "--name")

    @classmethod
    def from_format(cls, text: bytes, fields: tuple[str, str]) -> NameFormat:
        """Return names of a format such as `train-{shard:05d}-of-{total:05d}`, if it is valid."""
        number, total = fields
        pieces = []
        where = f"argument --name-format: {show(text)}"
        try:
            for literal, field, spec, conversion in string.Formatter().parse(os.fsdecode(text)):
                if field is not None and (
                    field not in fields or conversion or not _SPEC.fullmatch(spec or "")
                ):
                    raise UsageError(
                        f"{where}: fields are {{{number}}} and {{{total}}}, with a width such as"
                        f" :05d, or :0* for that of {{{total}}}"
                    )
                pieces.append((os.fsencode(literal), field or "", spec or ""))
        except ValueError as error:
            raise UsageError(f"{where}: {error}") from error
        if not any(field == number for _, field, _ in pieces):
            raise UsageError(f"{where} has no {{{number}}}: all files would have the same name")
        names = cls(tuple(pieces), fields)
        if len(names.name(0)) > _MAX_NAME_BYTES:
            raise UsageError(f"{where}: longer than {_MAX_NAME_BYTES} bytes")
        return names

    @property
    def text(self) -> bytes:
        """Return all text without the numbers."""
        return b"".join(literal for literal, _, _ in self.pieces)

    @property
    def needs_total(self) -> bool:
        """Return whether the total must be known for names."""
        return any(field == self.fields[1] or "*" in spec for _, field, spec in self.pieces)

    @property
    def pattern(self) -> bytes:
        """Return a regular expression for the names, with a group for each number."""
        return b"".join(
            re.escape(literal) + (b"([0-9]{1,19})" if field else b"")
            for literal, field, _ in self.pieces
        )

    def name(self, number: int, total: int = 0) -> bytes:
        """Return the name of a file, without its suffix."""
        return template(self, total) % {b"number": number}

    def others(
        self, folder: bytes, suffix: bytes, is_own: Callable[[int, bytes], bool]
    ) -> Iterator[bytes]:
        """Yield the names in a folder that runs with other totals or counts may have given.

        Of those, `is_own` gets the number and the name, and returns whether this run gives it too.
        """
        fields = [field for _, field, _ in self.pieces if field]
        matcher = re.compile(self.pattern + re.escape(suffix))
        found: list[tuple[int, int, bytes]] = []
        for name in names_in(folder, self.pieces[0][0]):
            if match := matcher.fullmatch(name):
                texts = dict(zip(fields, match.groups()))
                digits = texts[self.fields[0]]
                number, of = int(digits), int(texts.get(self.fields[1], 0))
                # Without the total itself, the number's length is that of the total.
                own = self.name(number, of or 10 ** (len(digits) - 1)) + suffix
                if name == own and not is_own(number, name):
                    found.append((of, number, name))
        yield from (name for _, _, name in sorted(found))


@lru_cache(maxsize=64)
def template(names: NameFormat, total: int) -> bytes:
    """Return the names as a format of the operator `%`, with the number under the key `number`."""
    parts = []
    for literal, field, spec in names.pieces:
        width = spec.removesuffix("d").replace("*", str(len(str(total))))
        parts.append(literal.replace(b"%", b"%%"))
        if field == names.fields[0]:
            parts.append(b"%%(number)%bd" % width.encode())
        elif field:
            parts.append(format(total, width).encode())
    return b"".join(parts)
