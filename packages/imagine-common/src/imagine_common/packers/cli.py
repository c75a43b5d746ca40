"""Run a packer's command line: pack, plan or check."""

from __future__ import annotations

import argparse
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from imagine_common.cli.card import card_file, read_card
from imagine_common.cli.options import (
    keep_others_of_parts,
    open_workers,
    refuse_others,
    was_given,
)
from imagine_common.errors import ImagineError, UsageError
from imagine_common.text import counted, human_bytes

if TYPE_CHECKING:
    from imagine_common.cli.report import Report
    from imagine_common.packers.checking import FileReport
    from imagine_common.packers.pack_spec import PackSpec
    from imagine_common.packers.records import Indexes, RecordFile
    from imagine_common.packers.shards.files import ShardFiles
    from imagine_common.packers.shards.record_format import RecordFormat
    from imagine_common.packers.sources.base import Source
    from imagine_common.parallel.ordered_map import Workers

_FOLDER_OPTIONS = ("--recursive", "--labels-from-dirs", "--exclude", "--skip-empty-classes")
_TAR_OPTIONS = ("--key-by", "--image-extension")
# All others only have a use for packing.
_CHECK_OPTIONS = ("files", "expected_files", "expected_records", "preset")
_CARD_OPTIONS = (
    *("img_per_file", "name", "name_format", "subfolders", "label_offset"),
    *("schema", "index", "merged_index"),
)


class Packer(ABC):
    """A packer, with its arguments."""

    package: str
    suffix = b""  # of a file of records
    check_options: frozenset[str]  # its own, for existing files, as attributes of `args`

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args

    def source(self) -> Source | None:
        """Return the source of the tool's own options, if they name one."""
        return None

    @abstractmethod
    def record_format(self, spec: PackSpec) -> RecordFormat:
        """Return the record format."""

    @abstractmethod
    def checker(self, indexes: Indexes) -> Callable[[bytes], FileReport]:
        """Return the function that checks a file, and compares or writes its index."""


def run_packer(packer: Packer) -> None:
    """Pack, plan or check as the arguments ask."""
    args = packer.args
    if args.test or args.index_only:
        from imagine_common.files.urls import rooted
        from imagine_common.packers.checking import run_check
        from imagine_common.packers.records import Indexes
        from imagine_common.parallel.ordered_map import base_of

        mode, own = "--test, which writes nothing", {"test"}
        if args.index_only:
            mode, own = "--index-only, which writes indexes alone", {"index_only", "fsync"}
        refuse_others(args, mode, *_CHECK_OPTIONS, *packer.check_options, *own)
        with open_workers(args, packer.package) as workers:
            folder = args.index_path and rooted(args.index_path, base_of(workers))
            check = packer.checker(Indexes(folder, args.index_only, args.fsync))
            run_check(args, check, packer.suffix, workers)
        return
    if args.files and not args.tar:
        raise UsageError(_stray(args.files))
    for noun in ("files", "records"):
        if getattr(args, f"expected_{noun}") is not None:
            raise UsageError(f"argument --{noun}: only with --test or --index-only")
    from imagine_common.cli.report import Report
    from imagine_common.files.urls import refuse_store
    from imagine_common.packers.shards.files import ShardFiles

    source = _source(args, packer.source())
    about = _card_fields(args)
    spec = _spec(args)
    # Imports that take long: not the summary's time.
    files = ShardFiles(spec, packer.record_format(spec))
    if args.dry_run:
        _refuse(args, ("--scheduler", "--card"), "not with --dry-run, which only reads")
        with Report(args.prog, args.quiet) as report:
            _plan(source, files, report, args.facts)
        return
    if args.tar:
        _refuse(args, ("--scheduler",), "not with --tar, which uses one process")
    if args.scheduler is not None:  # Otherwise the error would come after connecting.
        refuse_store("--scheduler", spec.dest_path)
    # With the total in names, files have none before the run's end.
    item = "" if spec.waits_for_total else "file"
    total = args.expect if args.part is None else None
    args.report = Report(args.prog, args.quiet, total, item=item, resumable=not args.tar)
    with card_file(args) as card:
        with open_workers(args, packer.package) as workers, args.report as report:
            _pack(source, files, workers, report, args.facts)
        card.update(files=report.files, images=report.images, bytes=report.size, **about)


def _card_fields(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments that describe files, and the card of `--input-card`, to be expected."""
    if args.part is not None:
        _refuse(args, ("--card",), "not with --part: it describes all files")
    found = {}
    for name in _CARD_OPTIONS:
        if value := getattr(args, name, None):
            found[name] = os.fsdecode(value) if isinstance(value, bytes) else value
    if args.input_card is None:
        return {"arguments": found}
    card = read_card(args.input_card)
    if args.expect not in (None, card["images"]):
        raise UsageError(f"argument --expect: the card of --input-card has {card['images']} images")
    args.expect = card["images"]
    return {"arguments": found, "input": card}


def _stray(files: Sequence[str]) -> str:
    """Return the error about files that packing does not take, with what was probably meant."""
    hint = "files are only for --tar, --test and --index-only"
    if os.path.isdir(files[0]):
        hint = f"to pack a folder: --source-path {files[0]}"
    elif files[0].endswith(".tar"):
        hint = f"to pack an archive: --tar {files[0]}"
    return f"unrecognized arguments: {' '.join(files)}; {hint}"


def _spec(args: argparse.Namespace) -> PackSpec:
    from imagine_common.exchange.names import WHOLE, parse_part
    from imagine_common.packers.pack_spec import PackSpec

    if args.name_format is not None and was_given(args, "--name"):
        raise UsageError("argument --name: not with --name-format, which gives the whole name")
    keep_others_of_parts(args, "--part")
    values = {field: getattr(args, field) for field in PackSpec.__annotations__}
    values["part"] = WHOLE if args.part is None else parse_part(args.part)
    values["skip_invalid"] |= getattr(args, "only_warns", False)
    return PackSpec(**values)


def _source(args: argparse.Namespace, own: Source | None) -> Source:
    """Return a tar stream, a folder, the tool's own source or a manifest."""
    if args.tar:
        reason = "not with --tar, which reads archives"
        _refuse(args, ("--source-path", *_FOLDER_OPTIONS), reason)
        _refuse(args, ("--resume",), "not with --tar: a tar stream is always read from its start")
        if not args.files and os.isatty(0):
            raise UsageError("no input: pipe a tar stream in, or name archives")
        from imagine_common.packers.sources.tar import TarSource

        paths = [os.fsencode(path) for path in args.files]
        return TarSource(0, args.key_by or "first-dot", args.image_extension, paths)
    _refuse(args, _TAR_OPTIONS, "only with --tar")
    if args.source_path is not None:
        from imagine_common.packers.sources.folder import FolderSource

        options = args.recursive, args.labels_from_dirs, args.exclude or (), args.skip_empty_classes
        return FolderSource(args.source_path, *options, getattr(args, "only_warns", False))
    _refuse(args, _FOLDER_OPTIONS, "only with --source-path")
    if own is not None:
        return own
    if os.isatty(0):
        raise UsageError(
            "no input: pipe a manifest of image paths in, or name a folder with --source-path"
        )
    from imagine_common.packers.sources.manifest import ManifestSource

    return ManifestSource(args.delimiter)


def _refuse(args: argparse.Namespace, options: Sequence[str], reason: str) -> None:
    for option in options:
        if getattr(args, option[2:].replace("-", "_")) not in (None, False, ()):
            raise UsageError(f"argument {option}: {reason}")


def _pack(
    source: Source,
    files: ShardFiles,
    workers: Workers | None,
    report: Report,
    facts: dict[str, Any],
) -> None:
    from imagine_common.exchange.manifest import Entry, ManifestWriter
    from imagine_common.packers.packing import pack

    manifest = ManifestWriter(files.spec.delimiter)
    facts["skipped"] = 0

    def count(shard: RecordFile) -> None:
        facts["skipped"] += len(shard.skipped)
        for reason in shard.skipped:
            report.warn(f"{reason}; skipped")
        if shard.records:
            report.add(1, shard.records, shard.size, shard.kept)

    with closing(pack(source, files, workers, count, report.warn)) as packed:
        for shard in packed:
            if shard.records:
                manifest.write([Entry(os.fsencode(shard.path))])
    for warning in source.warnings():
        report.warn(warning)
    more = f", {counted(facts['skipped'], 'image')} skipped" if facts["skipped"] else ""
    report.summarize("file", more=more)


def _plan(source: Source, files: ShardFiles, report: Report, facts: dict[str, object]) -> None:
    from imagine_common.exchange.names import WHOLE
    from imagine_common.files.folders import describe_space, require_space
    from imagine_common.packers.packing import plan_packing

    spec = files.spec
    plan = plan_packing(source, files)
    facts.update(files=plan.files, images=plan.images, bytes=plan.bytes, skipped=len(plan.skipped))
    for reason in plan.skipped:
        report.warn(f"{reason}; would be skipped")
    for warning in source.warnings():
        report.warn(warning)
    if not plan.images and spec.part == WHOLE:
        raise ImagineError("all images would be skipped: there is nothing to pack")
    skipped = f", {counted(len(plan.skipped), 'image')} skipped" * (len(plan.skipped) > 0)
    report.info(
        f"would write {counted(plan.files, 'file')}, {counted(plan.images, 'image')},"
        f" {human_bytes(plan.bytes)} ({plan.bytes} bytes){skipped}"
    )
    spec.check_skipped(len(plan.skipped))
    files.others_to_remove(plan.total, report.warn)
    report.info(describe_space(spec.dest_path))
    require_space(spec.dest_path, plan.bytes, plan.written)
    # Indexes are small, but their folder may not be writable.
    folder, *others = map(os.path.dirname, files.record_format.files(spec.shard_path(0)))
    for other in others:
        if other != folder:
            report.info(describe_space(other))
