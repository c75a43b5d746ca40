"""Manifests: lists of files with labels, which the tools pass to each other.

A line is `path` or `path<TAB>label[,label…]`. Paths are bytes, so that any file name works. Lines
end with a newline, or with NUL (`-0`) for names with newlines. Nothing else is special: a carriage
return or a byte-order mark is part of the name.
"""

from __future__ import annotations

import os
import re
import select
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imagine_common.errors import ImagineError, StdoutClosed
from imagine_common.files.output import write_all
from imagine_common.files.storage import exists
from imagine_common.text import show

NEWLINE = b"\n"
NUL = b"\0"

_LABELS = re.compile(rb"(?s)(.*)\t([0-9]+(?:,[0-9]+)*)")
_MAX_LINE = 1 << 20
_MAX_SHOWN = 200
_CHUNK = 1 << 16
_TICK_SECONDS = 0.2
_TAR_MAGIC = slice(257, 262)  # of a tar stream's first block
INT64_MAX = 2**63 - 1


class Entry(NamedTuple):
    """An image's path and labels: whole numbers in manifests, maybe fractions in other sources."""

    path: bytes
    labels: tuple[float, ...] = ()


def parse_line(line: bytes) -> Entry:
    """Return the entry of a line, which is given without its end, or raise an `ImagineError`."""
    match = _match_labels(line)
    path, labels = match.groups() if match else (line, b"")
    if not path:
        raise ImagineError("the path is empty")
    if not labels:
        return Entry(path)
    digits = [label.lstrip(b"0") for label in labels.split(b",")]
    if max(map(len, digits)) > 20:  # int() of many digits is slow.
        raise ImagineError(f"{show(path)}: a label is over {INT64_MAX}")
    numbers = tuple(int(label or b"0") for label in digits)
    if max(numbers) > INT64_MAX:
        raise ImagineError(f"{show(path)}: label {max(numbers)} is over {INT64_MAX}")
    return Entry(path, numbers)


def format_line(entry: Entry) -> bytes:
    """Return the line of an entry, without its end.

    A path that looks like a path with a label gets the label 0, so that `parse_line` returns it.
    """
    if entry.labels:
        return entry.path + b"\t" + b",".join(b"%d" % label for label in entry.labels)
    if _match_labels(entry.path):
        return entry.path + b"\t0"
    return entry.path


def line_of_manifest(position: int) -> str:
    """Return the end of a message about the entry at a position, counted from 0."""
    return f" (line {position + 1} of the manifest)"


def _is_there(path: bytes) -> bool:
    try:
        return exists(path)
    except ImagineError:  # The store fails, or the URL is invalid.
        return False


def _match_labels(line: bytes) -> re.Match[bytes] | None:
    return _LABELS.fullmatch(line) if b"\t" in line else None  # Most lines have no tab.


def read_lines(fd: int, delimiter: bytes) -> Iterator[list[bytes] | None]:
    """Yield the lines of a manifest as they arrive, in lists, without their ends.

    Yield None every 0.2 s without a line, so callers can do other work. Raise an `ImagineError` for
    a line over 1 MiB, a NUL among lines that end with newlines, or a last line without an end: it
    may be cut off, unless it is an existing path without a label.
    """
    rest = b""
    count = 0
    while True:
        try:
            chunk = os.read(fd, _CHUNK) if select.select([fd], [], [], _TICK_SECONDS)[0] else None
        except BlockingIOError:  # Another reader was faster.
            chunk = None
        except OSError as error:
            raise ImagineError(f"standard input: {error.strerror}") from error
        if chunk is None:
            yield None
            continue
        if not chunk:
            break
        if delimiter == NEWLINE and NUL in chunk:
            hint = "does it need -0 (--null)?"
            if chunk[_TAR_MAGIC] == b"ustar":
                hint = "is it a tar stream? that needs --tar"
            raise ImagineError(f"standard input: a NUL byte in the manifest; {hint}")
        *lines, rest = (rest + chunk).split(delimiter)
        if len(rest) > _MAX_LINE:
            raise ImagineError(
                f"standard input: line {count + len(lines) + 1} of the manifest is over 1 MiB;"
                " expected one path a line"
            )
        count += len(lines)
        yield lines or None
    if rest:
        if _match_labels(rest) or not _is_there(rest):
            end = "NUL" if delimiter == NUL else "newline"
            hint = "; its lines end with newlines: leave out -0 (--null)" if NEWLINE in rest else ""
            raise ImagineError(
                f"standard input: the last line of the manifest, line {count + 1}"
                f" ({show(rest[:_MAX_SHOWN])}), has no {end} at its end and may be cut off{hint}"
            )
        yield [rest]


class ManifestWriter:
    """Writes lines to stdout without delay, so that a reader can start on them."""

    def __init__(self, delimiter: bytes = NEWLINE, fd: int = 1) -> None:
        self._delimiter = delimiter
        self._fd = fd
        # On a terminal, progress and a summary are shown instead.
        self._silent = os.isatty(fd)

    def write(self, entries: Iterable[Entry]) -> None:
        """Write the lines of entries with `write_stdout`, unless stdout is a terminal."""
        if not self._silent:
            write_stdout(b"".join([format_line(e) + self._delimiter for e in entries]), self._fd)


def write_stdout(data: bytes, fd: int = 1) -> None:
    """Write bytes to stdout, or to another descriptor that replaces it, without delay."""
    try:
        if data:
            write_all(fd, [data], len(data))
    except BrokenPipeError:
        raise StdoutClosed("standard output: its reader went away") from None
    except OSError as error:
        raise ImagineError(f"standard output: {error.strerror}") from error
