"""Check record files: the parts of the packers' `--test` that do not depend on the format."""

from __future__ import annotations

import argparse
import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from math import inf
from typing import BinaryIO, NamedTuple

from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError, file_errors
from imagine_common.exchange.manifest import Entry, ManifestWriter, line_of_manifest, parse_line
from imagine_common.files.reading import InputFile
from imagine_common.files.storage import exists, open_input
from imagine_common.files.urls import check_url, rooted
from imagine_common.packers.sources.manifest import ManifestSource
from imagine_common.parallel.ordered_map import Workers, base_of, choose_workers, ordered_map
from imagine_common.text import counted, show

_MAX_FINDINGS = 10  # per file; a damaged one could have millions


class FileReport(NamedTuple):
    """The result of checking a record file.

    Attributes
    ----------
    path : bytes
    records : int
    size : int
        Bytes in the file, its index not included.
    labels : tuple of float
        The lowest and the highest; empty if the records have none.
    findings : tuple of str
        Errors; a good file has none.
    remarks : tuple of str
        Properties that are unusual, but allowed.
    """

    path: bytes
    records: int
    size: int
    labels: tuple[float, ...]
    findings: tuple[str, ...]
    remarks: tuple[str, ...]


class Inspection:
    """Collects the findings about a file while its records are read one after the other.

    `records` is the number of records so far, `size` the file's size in bytes.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.size = 0
        self.records = 0
        self._lowest = inf
        self._highest = -inf
        self._findings: list[str] = []
        self._more = 0
        self._remarks: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def found(self, reason: str, offset: int) -> None:
        """Add a finding at an offset in bytes in the current record."""
        self.add(f"{show(self.path)}: record {self.records} at byte {offset}: {reason}")

    def add(self, finding: str) -> None:
        """Add a finding, which begins with the name of a file."""
        if len(self._findings) < _MAX_FINDINGS:
            self._findings.append(finding)
        else:
            self._more += 1

    def remark(self, remark: str, detail: str = "") -> None:
        """Add a remark about the current record."""
        self._first.setdefault(remark, f"record {self.records}{detail}")
        self._remarks[remark] += 1

    def add_labels(self, labels: Iterable[float]) -> None:
        """Extend the range of labels."""
        for label in labels:
            self._lowest = min(self._lowest, label)
            self._highest = max(self._highest, label)

    def report(self) -> FileReport:
        """Return the result."""
        findings = list(self._findings)
        if self._more:
            findings.append(f"{show(self.path)}: {self._more} more findings")
        remarks = [
            f"{show(self.path)}: {counted(count, 'record')} {remark} (first {self._first[remark]})"
            for remark, count in self._remarks.items()
        ]
        labels = (self._lowest, self._highest) if self._lowest <= self._highest else ()
        return FileReport(
            self.path, self.records, self.size, labels, tuple(findings), tuple(remarks)
        )


class IndexInspection:
    """An index that is compared with the records of its file, up to the first difference."""

    def __init__(self, path: bytes, inspection: Inspection) -> None:
        self.path = path
        self.agrees = True
        self.inspection = inspection

    def differs(self, reason: str) -> None:
        """Add the difference as a finding, and end the comparison."""
        self.agrees = False
        self.inspection.add(f"{show(self.path)}: {reason}")


def check_file(
    path: bytes, expected: str, check: Callable[[Inspection, InputFile], None]
) -> FileReport:
    """Check a record file; errors become findings.

    Parameters
    ----------
    path : bytes
    expected : str
        The kind of file, with an article, for messages about other kinds.
    check : callable
        Reads the file to its end. It is not called for an empty file.
    """
    inspection = Inspection(path)
    try:
        with open_input(path, expected) as file, file_errors(path):
            inspection.size = file.size
            if file.size:
                check(inspection, file)
            else:
                inspection.found("the file is empty", 0)
    except UsageError:
        raise
    except ImagineError as error:
        inspection.add(str(error))
    return inspection.report()


@contextmanager
def open_index(path: bytes, required: bool = False) -> Generator[BinaryIO | None]:
    """Open the index of a record file for reading; yield None if it is missing and not required.

    Raises
    ------
    ImagineError
        If it can't be opened.
    """
    if required or exists(path):
        with open_input(path, "an index") as file, file.stream() as stream:
            yield stream
    else:
        yield None


def run_check(
    args: argparse.Namespace, check: Callable[[bytes], FileReport], workers: Workers | None
) -> None:
    """Check the files given as arguments, or in a manifest on stdin.

    Raises
    ------
    UsageError
        If there are neither arguments nor a manifest.
    ImagineError
        If a file is bad, after all have been checked.
    """
    if not args.files and os.isatty(0):
        raise UsageError("no input: name the files to test, or pipe a manifest of their paths in")
    for name in args.files:
        check_url(os.fsencode(name))
    paths = map(os.fsencode, args.files) if args.files else _paths(ManifestSource(args.delimiter))
    workers = choose_workers(workers)
    if len(args.files) == 1 and isinstance(workers, int):
        workers = 1
    manifest = ManifestWriter(args.delimiter)
    bad = 0
    labels: list[float] = []
    with (
        Report(args.prog, args.quiet) as report,
        closing(_check_files(paths, check, workers)) as checked,
    ):
        for file in checked:
            for finding in file.findings:
                report.error(finding)
            for remark in file.remarks:
                report.warn(remark)
            if file.findings:
                bad += 1
            else:
                manifest.write([Entry(file.path)])
                report.add(1, file.records, file.size)
                labels += file.labels
                labels = [min(labels), max(labels)] if labels else []
        more = f", labels {' to '.join(map(_decimal, labels))}" if labels else ""
        report.summarize("good file", "record", more)
    if bad:
        total = counted(bad + report.files, "file")
        raise ImagineError(f"{bad} of {total} {'is' if bad == 1 else 'are'} bad")


def _check_files(
    paths: Iterator[bytes | None], check: Callable[[bytes], FileReport], workers: Workers
) -> Generator[FileReport]:
    base = base_of(workers)
    pending: deque[bytes] = deque()

    def units() -> Iterator[bytes | None]:
        for path in paths:
            if path is not None:
                pending.append(path)
            yield path and rooted(path, base)

    with closing(ordered_map(check, units(), workers)) as reports:
        for report in reports:
            yield report._replace(path=pending.popleft())


def _paths(source: ManifestSource) -> Iterator[bytes | None]:
    position = 0
    for lines in source.lines():
        for line in lines or ():
            try:
                yield parse_line(line).path
            except ImagineError as error:
                raise ImagineError(f"{error}{line_of_manifest(position)}") from None
            position += 1
        yield None


def _decimal(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:.7g}"
