"""Check record files, and write their indexes: what does not depend on the format."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from math import inf

from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import Entry, ManifestWriter, line_of_manifest, parse_line
from imagine_common.files.folders import clear_leftovers, create_folder
from imagine_common.files.reading import InputFile
from imagine_common.files.storage import open_input
from imagine_common.files.urls import check_url, rooted
from imagine_common.packers.records import index_of
from imagine_common.packers.sources.manifest import ManifestSource
from imagine_common.packers.stamped_records import StampedFiles, StampedRecords
from imagine_common.parallel.ordered_map import Workers, base_of, choose_workers, ordered_map
from imagine_common.text import counted, show

_MAX_FINDINGS = 10  # per file; a damaged one could have millions


class FileReport:
    """The result of checking a record file; it grows while the records are read in order.

    `records` is the number of records so far, `size` the size in bytes of the file without its
    index, and `schemas` the names of the schemas of its records, if the format has schemas. If
    `is_index`, the file has no records itself.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.size = self.records = 0
        self.schemas: set[str] = set()
        self.stamps = StampedRecords()
        self.is_index = False
        self._lowest = inf
        self._highest = -inf
        self._findings: list[str] = []
        self._more = 0
        self._remarks: dict[str, tuple[int, str]] = {}  # with their numbers and first records

    @property
    def labels(self) -> tuple[float, ...]:
        """The lowest and the highest label; empty if the records have none."""
        return (self._lowest, self._highest) if self._lowest <= self._highest else ()

    @property
    def findings(self) -> tuple[str, ...]:
        """Errors; a good file has none."""
        more = [f"{show(self.path)}: {self._more} more findings"] if self._more else []
        return (*self._findings, *more)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Properties that are unusual, but allowed."""
        return tuple(
            f"{show(self.path)}: {counted(count, 'record')} {remark} (first {first})"
            for remark, (count, first) in self._remarks.items()
        )

    def error(self, reason: str, offset: int) -> ImagineError:
        """Return an error at an offset in bytes in the current record."""
        return ImagineError(f"{show(self.path)}: record {self.records} at byte {offset}: {reason}")

    def found(self, reason: str, offset: int) -> None:
        """Add a finding at an offset in bytes in the current record."""
        self.add(str(self.error(reason, offset)))

    def add(self, finding: str) -> None:
        """Add a finding, which begins with the name of a file."""
        if len(self._findings) < _MAX_FINDINGS:
            self._findings.append(finding)
        else:
            self._more += 1

    def remark(
        self, remark: str, detail: str = "", count: int = 1, first: int | None = None
    ) -> None:
        """Add a remark about `count` records; the first one is `first`, or the current record."""
        number = self.records if first is None else first
        before, shown = self._remarks.get(remark, (0, f"record {number}{detail}"))
        self._remarks[remark] = before + count, shown

    def add_labels(self, labels: Iterable[float]) -> None:
        """Extend the range of labels."""
        for label in labels:
            if label < self._lowest:
                self._lowest = label
            if label > self._highest:
                self._highest = label


def check_file(
    path: bytes, expected: str, check: Callable[[FileReport, InputFile], None]
) -> FileReport:
    """Check a record file, which messages call `expected`; errors of `check` become findings.

    `check` reads the file to its end. It is not called for an empty file.
    """
    report = FileReport(path)
    try:
        with open_input(path, expected) as file:
            report.size = file.size
            if file.size:
                check(report, file)
                report.stamps.finish(report)
            else:
                report.found("the file is empty", 0)
    except ImagineError as error:
        report.add(str(error))
    return report


def run_check(
    args: argparse.Namespace,
    check: Callable[[bytes], FileReport],
    suffix: bytes,
    workers: Workers | None,
    item: str = "record",
) -> None:
    """Check the files given as arguments or in a manifest; raise an error if any file is bad.

    `check` compares a file, whose name may have the suffix, with its index, or writes the index.
    If the `item`s are images, they must differ.
    """
    indexes: set[bytes] = set()
    place = partial(index_of, folder=args.index_path, suffix=suffix)
    paths = _without_indexes(_given(args), place, indexes, are_unique=args.index_only)
    tidy = partial(_tidy, indexes if args.index_only else ())
    if args.index_only and args.index_path is not None:
        create_folder(args.index_path, args.fsync)
    workers = choose_workers(workers)
    if len(args.files) == 1 and isinstance(workers, int):
        workers = 1
    check_rooted = partial(_check_rooted, check, base_of(workers))
    manifest = ManifestWriter(args.delimiter)
    bad = 0
    total = FileReport(b"")
    stamped = StampedFiles()
    with (
        Report(args.prog, args.quiet) as report,
        closing(ordered_map(check_rooted, paths, workers, tidy)) as checked,
    ):
        args.report = report
        for path, file in checked:
            for finding in file.findings:
                report.error(finding)
            for remark in (*file.remarks, *stamped.add(path, file.stamps)):
                report.warn(remark)
            if file.findings:
                bad += 1
                args.facts["bad"] = bad
            elif not file.is_index:
                manifest.write([Entry(place(path) if args.index_only else path)])
                report.add(1, file.records, file.size)
                total.add_labels(file.labels)
                total.schemas |= file.schemas
        for fault in stamped.faults(_MAX_FINDINGS):
            report.warn(fault)
        more = f", schema {' and '.join(sorted(total.schemas))}" if total.schemas else ""
        more += f", labels {' to '.join(map(_decimal, total.labels))}" if total.labels else ""
        report.summarize("index file" if args.index_only else "good file", item, more)
    tidy()  # after killed runs
    if bad:
        all_files = counted(bad + report.files, "file")
        raise ImagineError(f"{bad} of {all_files} {'is' if bad == 1 else 'are'} bad")
    if item == "image":
        stamped.require_unique()
    _require(args.expected_files, report.files, "good file")
    _require(args.expected_records, report.images, "record")


def _tidy(indexes: Iterable[bytes]) -> None:
    clear_leftovers(*{os.path.dirname(index) or b"." for index in indexes})


def _require(expected: int | None, found: int, noun: str) -> None:
    if expected not in (None, found):
        raise ImagineError(f"expected {counted(expected, noun)}, found {found}")


def _check_rooted(
    check: Callable[[bytes], FileReport], base: bytes, path: bytes
) -> tuple[bytes, FileReport]:
    """Return the path as the user wrote it, and the report on the file."""
    return path, check(rooted(path, base))


def _without_indexes(
    paths: Iterable[bytes | None],
    place: Callable[[bytes], bytes],
    indexes: set[bytes],
    are_unique: bool,
) -> Iterator[bytes | None]:
    """Yield the paths except those of indexes whose file is given too, before or after them.

    Add the index of each file to `indexes`; if they `are_unique`, that of two files is an error.
    """
    waiting: dict[bytes, None] = {}
    for path in paths:
        if path is None:
            yield None
        elif path.endswith(b".idx"):
            waiting[path] = None
        else:
            index = place(path)
            if are_unique and index in indexes:
                raise ImagineError(f"{show(index)}: would be the index of two of the files")
            indexes.add(index)
            yield path
    yield from (path for path in waiting if path not in indexes)


def _given(args: argparse.Namespace) -> Iterable[bytes | None]:
    """Return the paths in the arguments or in a manifest."""
    if not args.files and os.isatty(0):
        raise UsageError("no input: name the files, or pipe a manifest of their paths in")
    for name in args.files:
        check_url(os.fsencode(name))
    return map(os.fsencode, args.files) if args.files else _paths(ManifestSource(args.delimiter))


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
