"""What the packers' command lines do: pack, plan or check."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.cli.options import refuse_options, was_given
from imagine_common.cli.workers import open_workers, refuse_scheduler
from imagine_common.errors import ImagineError, UsageError
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.cli.report import Report
    from imagine_common.packers.checking import FileReport
    from imagine_common.packers.pack_spec import PackSpec
    from imagine_common.packers.records import RecordFormat, Shard
    from imagine_common.packers.sources.base import Source
    from imagine_common.packers.sources.folder import FolderSource
    from imagine_common.packers.sources.tar import TarSource
    from imagine_common.parallel.ordered_map import Workers

_WRITING = (
    "--source-path",
    "--dest-path",
    "--img-per-file",
    "--name",
    "--name-format",
    "--tar",
    "--recursive",
    "--labels-from-dirs",
    "--label-offset",
    "--writer",
    "--skip-invalid",
    "--resume",
    "--fsync",
    "--part",
    "--dry-run",
)


class Packer(NamedTuple):
    """A packer, with its own options already given to it.

    Attributes
    ----------
    pack : callable
        Packs a source with as many workers, and calls a function with each shard that is written.
    form : callable
        Returns what there is to know of the format.
    checker : callable
        Returns the function that checks one file, for workers that find relative paths elsewhere.
    suffix : bytes
        What a file's name ends with.
    package : str
        The packer's own.
    writing : sequence of str
        The tool's own options that only writing has a use for.
    """

    pack: Callable[[Source, PackSpec, Workers | None, Callable[[Shard], None]], Generator[Shard]]
    form: Callable[[PackSpec], RecordFormat]
    checker: Callable[[bytes], Callable[[bytes], FileReport]]
    suffix: bytes
    package: str
    writing: Sequence[str] = ()


def run_packer(args: argparse.Namespace, packer: Packer, source: Source | None = None) -> None:
    """Pack or check what the arguments ask for, from a source of the tool's own if it has one."""
    if args.test:
        from imagine_common.packers.checking import run_check
        from imagine_common.parallel.ordered_map import base_of

        refuse_options(args, (*_WRITING, *packer.writing), "--test")
        with open_workers(args, packer.package) as workers:
            run_check(args, packer.checker(base_of(workers)), workers)
    elif args.files:
        raise UsageError(f"unrecognized arguments: {' '.join(args.files)} (only with --test)")
    else:
        _run_pack(args, packer, source)


def _run_pack(args: argparse.Namespace, packer: Packer, own_source: Source | None) -> None:
    from imagine_common.cli.report import Report
    from imagine_common.exchange.parts import WHOLE, parse_part
    from imagine_common.files.urls import refuse_store
    from imagine_common.packers.pack_spec import PackSpec

    if args.name_format is not None and was_given(args, "--name"):
        raise UsageError("argument --name: not with --name-format, which is the whole name")
    spec = PackSpec(
        dest_path=os.fsencode(args.dest_path),
        name=os.fsencode(args.name),
        img_per_file=args.img_per_file,
        delimiter=args.delimiter,
        resume=args.resume,
        skip_invalid=args.skip_invalid,
        fsync=args.fsync,
        label_offset=args.label_offset,
        name_format=None if args.name_format is None else os.fsencode(args.name_format),
        part=WHOLE if args.part is None else parse_part(args.part),
    )
    other = _tar(args) if args.tar else _folder(args)
    source = own_source or other or _manifest(args)
    if args.dry_run:
        refuse_scheduler(args, "--dry-run", "which only reads")
        with Report(args.prog, args.quiet) as report:
            _plan(packer, source, spec, report)
        return
    if args.tar:
        refuse_scheduler(args, "--tar", "which one process packs")
    if args.scheduler is not None:  # Else found out only once the cluster answers.
        refuse_store("--scheduler", spec.dest_path)
    with open_workers(args, packer.package) as workers, Report(args.prog, args.quiet) as report:
        _pack(args, packer, source, spec, workers, report)


def _folder(args: argparse.Namespace) -> FolderSource | None:
    if args.source_path is None:
        for option in ("--recursive", "--labels-from-dirs"):
            if getattr(args, option[2:].replace("-", "_")):
                raise UsageError(f"argument {option}: only with --source-path")
        return None
    from imagine_common.packers.sources.folder import FolderSource

    path = os.fsencode(args.source_path)
    return FolderSource(path, args.skip_invalid, args.recursive, args.labels_from_dirs)


def _manifest(args: argparse.Namespace) -> Source:
    from imagine_common.packers.sources.manifest import ManifestSource

    if os.isatty(0):
        raise UsageError(
            "no input: pipe a manifest of image paths in, or name a folder with --source-path"
        )
    return ManifestSource(args.delimiter)


def _tar(args: argparse.Namespace) -> TarSource:
    from imagine_common.packers.sources.tar import TarSource

    for option in ("--source-path", "--recursive", "--labels-from-dirs"):
        if getattr(args, option[2:].replace("-", "_")):
            raise UsageError(f"argument {option}: not with --tar, which reads standard input")
    if args.resume:
        raise UsageError(
            "argument --resume: not with --tar: a stream has to be read from its beginning anyway"
        )
    if os.isatty(0):
        raise UsageError("no input: pipe a tar stream in")
    return TarSource()


def _pack(
    args: argparse.Namespace,
    packer: Packer,
    source: Source,
    spec: PackSpec,
    workers: Workers | None,
    report: Report,
) -> None:
    from imagine_common.exchange.manifest import Entry, ManifestWriter
    from imagine_common.text import counted

    manifest = ManifestWriter(args.delimiter)
    shards = skipped = 0

    def count(shard: Shard) -> None:
        nonlocal shards, skipped
        # Names that have the total in them leave no gap for a shard without images.
        shards += not spec.names.needs_total or shard.records > 0
        skipped += len(shard.skipped)
        for reason in shard.skipped:
            report.warn(f"{reason}; skipped")
        if shard.records:
            report.add(1, shard.records, shard.size, shard.kept)

    with closing(packer.pack(source, spec, workers, count)) as packed:
        for shard in packed:
            if shard.records:
                manifest.write([Entry(shard.path)])
    for warning in source.warnings():
        report.warn(warning)
    # Whether other files of these names are other parts' can't be told.
    stale = args.part is None and spec.names.left_over(spec.dest_path, packer.suffix, shards)
    if stale:
        report.warn(
            f"{show(spec.dest_path)}: left {counted(len(stale), 'file')} of this"
            f" {'prefix' if spec.name_format is None else 'format'} that another run wrote"
            f" ({show(stale[0])}{' to ' + show(stale[-1]) if len(stale) > 1 else ''})"
        )
    report.summarize("file", more=f", {counted(skipped, 'image')} skipped" if skipped else "")


def _plan(packer: Packer, source: Source, spec: PackSpec, report: Report) -> None:
    from imagine_common.exchange.parts import WHOLE
    from imagine_common.files.free_space import describe_space, require_space
    from imagine_common.packers.planning import plan_packing
    from imagine_common.text import counted, human_bytes

    form = packer.form(spec)
    plan = plan_packing(source, spec, form)
    for reason in plan.skipped:
        report.warn(f"{reason}; would be skipped")
    for warning in source.warnings():
        report.warn(warning)
    if not plan.images and spec.part == WHOLE:
        raise ImagineError("all images would be skipped: there is nothing to pack")
    report.info(
        f"would write {counted(plan.files, 'file')}, {counted(plan.images, 'image')},"
        f" {human_bytes(plan.bytes)} ({plan.bytes} bytes)"
    )
    report.info(describe_space(spec.dest_path))
    require_space(spec.dest_path, plan.bytes, plan.written)
    # Indexes are small, but their folder may be one that can't be written to.
    folder, *others = map(os.path.dirname, form.files(spec.shard_path(0)))
    for other in others:
        if other != folder:
            report.info(describe_space(other))
