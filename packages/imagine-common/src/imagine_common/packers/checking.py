"""Checking record files: all that the packers' `--test` has in common but the format itself."""

from __future__ import annotations

import argparse
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from types import TracebackType
from typing import BinaryIO, NamedTuple

from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import Entry, ManifestWriter, line_of_manifest, parse_line
from imagine_common.files.reading import InputFile
from imagine_common.files.storage import open_input
from imagine_common.files.urls import check_url, rooted
from imagine_common.packers.sources.manifest import ManifestSource
from imagine_common.parallel.ordered_map import (
    Workers,
    base_of,
    choose_workers,
    ordered_map,
)
from imagine_common.text import counted, show

_MAX_FINDINGS = 10  # in a file; a broken one could have millions


class FileReport(NamedTuple):
    """What a record file was found to be.

    `size` is in bytes, its index not included; `labels` are the least and the greatest. A good file
    has no findings; remarks tell what is odd in it.
    """

    path: bytes
    records: int
    size: int
    labels: tuple[float, float] | None
    findings: tuple[str, ...]
    remarks: tuple[str, ...]


class Inspection:
    """Collects what is found in one file; errors in its `with` block are findings too.

    `file` is the file, once it has been opened.
    """

    file: InputFile

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.records = 0
        self.size = 0
        self._is_open = False
        self._labels: tuple[float, float] | None = None
        self._findings: list[str] = []
        self._more = 0
        self._remarks: dict[str, tuple[int, str]] = {}

    def __enter__(self) -> Inspection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._is_open:
            self.file.close()
        if isinstance(error, UsageError):
            return False
        if isinstance(error, OSError):
            self._add(f"{show(self.path)}: {error.strerror or error}")
        elif isinstance(error, ImagineError):
            self._add(str(error))
        return isinstance(error, (ImagineError, OSError))

    def open(self, expected: str) -> BinaryIO:
        """Open the file, which should be what is `expected`, and note its size; none is too small.

        Raises
        ------
        ImagineError
            As `open_input` does.
        """
        self.file = open_input(self.path, expected)
        self._is_open = True
        self.size = self.file.size
        if not self.size:
            self.found("the file is empty", 0)
        return self.file.stream()

    def found(self, what: str, offset: int) -> None:
        """Note something wrong at an offset in bytes, in the record that is being read."""
        self._add(f"{show(self.path)}: record {self.records} at byte {offset}: {what}")

    def found_in_index(self, index: bytes, what: str) -> None:
        """Note something wrong in an index."""
        self._add(f"{show(index)}: {what}")

    def remark(self, what: str, detail: str = "") -> None:
        """Note something odd about the record that is being read."""
        count, first = self._remarks.get(what, (0, f"record {self.records}{detail}"))
        self._remarks[what] = count + 1, first

    def add_labels(self, labels: Iterable[float]) -> None:
        """Widen the range of labels."""
        low, high = self._labels or (float("inf"), float("-inf"))
        for label in labels:
            low, high = min(low, label), max(high, label)
        if low <= high:
            self._labels = low, high

    def report(self) -> FileReport:
        """Return what was found."""
        findings = list(self._findings)
        if self._more:
            findings.append(f"{show(self.path)}: {self._more} more findings")
        remarks = tuple(
            f"{show(self.path)}: {counted(count, 'record')} {what} (first {first})"
            for what, (count, first) in self._remarks.items()
        )
        return FileReport(
            self.path, self.records, self.size, self._labels, tuple(findings), remarks
        )

    def _add(self, finding: str) -> None:
        if len(self._findings) < _MAX_FINDINGS:
            self._findings.append(finding)
        else:
            self._more += 1


def run_check(
    args: argparse.Namespace,
    check: Callable[[bytes], FileReport],
    workers: Workers | None,
) -> None:
    """Check the files that the arguments, or a manifest on stdin, name.

    Raises
    ------
    ImagineError
        Where a file is bad, once all have been checked.
    """
    if not args.files and os.isatty(0):
        raise UsageError("no input: name the files to test, or pipe a manifest of their paths in")
    for name in args.files:
        check_url(os.fsencode(name))
    paths = _named(args.files) if args.files else _listed(ManifestSource(args.delimiter))
    workers = choose_workers(workers)
    base = base_of(workers)
    asked: deque[bytes] = deque()

    def units() -> Iterator[bytes | None]:
        for path in paths:
            if path is not None:
                asked.append(path)
            yield path and rooted(path, base)

    if len(args.files) == 1 and isinstance(workers, int):
        workers = 1
    manifest = ManifestWriter(args.delimiter)
    bad = 0
    labels: list[float] = []
    with (
        Report(args.prog, args.quiet) as report,
        closing(ordered_map(check, units(), workers)) as checked,
    ):
        for file in checked:
            path = asked.popleft()  # A worker may know it by another.
            for finding in file.findings:
                report.error(finding)
            for remark in file.remarks:
                report.warn(remark)
            if file.findings:
                bad += 1
                continue
            manifest.write([Entry(path)])
            report.add(1, file.records, file.size)
            if file.labels:
                labels = [min([*labels, file.labels[0]]), max([*labels, file.labels[1]])]
        more = f", labels {' to '.join(map(_plain, labels))}" if labels else ""
        report.summarize("good file", "record", more)
    if bad:
        raise ImagineError(f"{bad} of {counted(bad + report.files, 'file')} {_are(bad)} bad")


def _named(files: list[str]) -> Iterator[bytes | None]:
    yield from map(os.fsencode, files)


def _listed(source: ManifestSource) -> Iterator[bytes | None]:
    position = 0
    for lines in source.lines():
        for line in lines or ():
            try:
                yield parse_line(line).path
            except ImagineError as error:
                raise ImagineError(f"{error}{line_of_manifest(position)}") from None
            position += 1
        yield None


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:.7g}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
