"""Names of numbered files, and the parts of a run for independent processes: `--part I/N`.

Each process gets its number and the total, for example from variables of a job scheduler. All parts
together make the same files, byte for byte, as one run.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from imagine_common.errors import UsageError
from imagine_common.files.urls import check_url
from imagine_common.text import show

FLAT, DLIO = "flat", "dlio"  # layouts
TRAIN, VALID = b"train", b"valid"  # the folders of DLIO
_PART = re.compile(r"(\d{1,18})/(\d{1,18})", re.ASCII)
_DIGITS = re.compile(rb"0*([0-9]+)")


def check_names(folder: bytes, prefix: bytes, delimiter: bytes, option: str = "--name") -> None:
    """Refuse, before anything is written, names that files or lines on stdout can't have.

    A `UsageError` names `option` for a wrong prefix. `delimiter` ends a manifest's lines.
    """
    path = show(os.path.join(folder, prefix))
    if not folder:
        raise UsageError("the folder's name is empty")
    if b"/" in prefix:
        raise UsageError(
            f"argument {option}: {show(prefix)} has a slash; the folder has an option of its own"
        )
    if b"\0" in folder + prefix:
        raise UsageError(f"{path}: a name must not contain a NUL byte")
    if delimiter in folder + prefix:
        raise UsageError(f"{path}: a name with a newline needs -0 (--null)")
    check_url(folder)


def natural_key(name: bytes) -> tuple[bytes, bytes]:
    """Return a key that sorts numbers within names by value: `_2` before `_10`."""
    # A run of digits becomes a digit (its place among other characters), its length, itself.
    return _DIGITS.sub(lambda run: b"0%b%b" % (len(run[1]).to_bytes(4, "big"), run[1]), name), name


def fixed_folders(folder: bytes, layout: str) -> tuple[bytes, ...]:
    """Return the folders that a dataset has even without files; files go into the first."""
    names = (TRAIN, VALID) if layout == DLIO else (b"",)
    return tuple(os.path.join(folder, name) if name else folder for name in names)


def dealt_folder(number: int, folders: int | None) -> bytes:
    """Return the name of the folder that a file is dealt to, as DLIO names it; empty if none."""
    return b"" if folders is None else b"%0*d" % (len(str(folders)), number % folders)


class Part(NamedTuple):
    """Part `number`, counted from 0, of `total` parts."""

    number: int
    total: int

    def span(self, count: int) -> tuple[int, int]:
        """Return the first item and the number of items of this part of `count` items in a row."""
        first = count * self.number // self.total
        return first, count * (self.number + 1) // self.total - first

    def has(self, number: int) -> bool:
        """Return whether an item is in this part, for items dealt to the parts in turn."""
        return number % self.total == self.number

    def nth(self, place: int) -> int:
        """Return the number of this part's `place`th item, for items dealt to the parts in turn."""
        return self.number + place * self.total


WHOLE = Part(0, 1)


def parse_part(text: str) -> Part:
    """Return the part that `I/N` denotes, or raise a `UsageError`."""
    match = _PART.fullmatch(text)
    if not match:
        raise UsageError(f"argument --part: expected I/N, such as 0/8 for the first, not {text!r}")
    part = Part(int(match[1]), int(match[2]))
    if part.number >= part.total:
        last = f"; the last of {part.total} is {part.total - 1}/{part.total}" * (part.total > 0)
        raise UsageError(f"argument --part: there is no part {text}{last}")
    return part
