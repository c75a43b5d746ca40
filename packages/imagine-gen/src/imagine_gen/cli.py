"""The command line of imagine-gen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.cli.options import refuse_options
from imagine_common.cli.presets import parse_with_preset
from imagine_common.cli.tool import run_tool
from imagine_common.cli.workers import open_workers, refuse_scheduler
from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import NUL
from imagine_common.text import show
from imagine_gen.options import HEIGHT, WIDTH, build_parser

if TYPE_CHECKING:
    from imagine_common.cli.report import Report
    from imagine_common.parallel.ordered_map import Workers
    from imagine_gen.dataset.dimensions import Sizes
    from imagine_gen.dataset.spec import DatasetSpec

_MUCH_FILLER = 5  # percent


def run(args: argparse.Namespace) -> None:
    """Generate or verify what the arguments ask for."""
    # NumPy's linear algebra, of which nothing is used, would start a thread for each core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dataclasses import replace

    from imagine_common.exchange.parts import parse_part
    from imagine_gen.dataset.spec import DatasetSpec

    if args.verify:
        refuse_options(args, ("--resume", "--fsync", "--size"), "--verify")
    if args.tar:
        _check_tar(args)
    elif args.path is None:
        raise UsageError(
            "argument --path: a folder for the images is required (or --tar, for a stream)"
        )
    sizes, width, height = _dimensions(args)
    target_size, target_size_stdev = _target_size(args)
    spec = DatasetSpec(
        path=b"." if args.path is None else os.fsencode(args.path),
        name=os.fsencode(args.name),
        width=width,
        height=height,
        count=args.count,
        image_format=args.image_format,
        start=args.start or 0,
        mode=args.mode,
        quality=args.quality,
        compress_level=args.compress_level,
        content=args.content,
        sizes=sizes,
        classes=args.classes,
        layout=args.layout,
        files_per_dir=args.files_per_dir,
        pooled=args.pooled,
        pool_strips=args.pool_strips,
        seed=args.seed,
        delimiter=NUL if args.tar else args.delimiter,  # A member's name may hold newlines.
        subsampling=args.subsampling,
        target_size=target_size,
        target_size_stdev=target_size_stdev,
    )
    if args.part is not None:
        first, count = parse_part(args.part).span(spec.count)
        if not count:
            _make_nothing(args)
            return
        spec = replace(spec, start=spec.start + first, count=count)
    if args.dry_run:
        refuse_scheduler(args, "--dry-run", "which tries what this machine can do")
        _estimate(args, spec)
    elif args.tar:
        refuse_scheduler(args, "--tar", "all bytes of which would have to come through here")
        _stream(args, spec)
    else:
        # JPEG and what else is compressed are the same bytes where the encoder is the same.
        with open_workers(args, "imagine-gen", ("Pillow", "zlib-ng")) as workers:
            (_verify if args.verify else _generate)(args, spec, workers)


def _dimensions(args: argparse.Namespace) -> tuple[Sizes | None, int, int]:
    """Return what dimensions are drawn from, if they are; and the greatest width and height."""
    from imagine_gen.dataset.dimensions import SizeRange, parse_range
    from imagine_gen.dataset.size_lists import load_size_list

    if args.size_list is not None:
        for option, value in (("--width", args.width), ("--height", args.height)):
            if value is not None:
                raise UsageError(f"argument --size-list: not with {option}, which it has as well")
        listed = load_size_list(args.size_list)
        return listed, *listed.largest
    widths = parse_range("--width", WIDTH if args.width is None else args.width)
    heights = parse_range("--height", HEIGHT if args.height is None else args.height)
    fixed = widths[0] == widths[1] and heights[0] == heights[1]
    return None if fixed else SizeRange(widths, heights), widths[1], heights[1]


def _check_tar(args: argparse.Namespace) -> None:
    """Refuse what a tar stream can't be written with.

    Raises
    ------
    UsageError
    """
    refused = {
        "--path": args.path is not None,
        "--resume": args.resume,
        "--fsync": args.fsync,
        "--verify": args.verify,
        "--size": args.size,
        "--null": args.delimiter == NUL,
    }
    for option, given in refused.items():
        if given:
            raise UsageError(f"argument {option}: not with --tar, which writes no files")
    if os.isatty(1) and not args.dry_run:
        raise UsageError(
            "argument --tar: standard output is a terminal; pipe it on, or into a file"
        )


def _make_nothing(args: argparse.Namespace) -> None:
    """Do a part without images, of which there are some where parts are more than images."""
    from imagine_common.cli.report import Report
    from imagine_common.exchange.manifest import write_stdout
    from imagine_common.exchange.tar import archive_end

    with Report(args.prog, args.quiet) as report:
        if args.tar and not args.dry_run:
            write_stdout(archive_end(0))
        report.summarize("image")


def _estimate(args: argparse.Namespace, spec: DatasetSpec) -> None:
    from imagine_common.cli.report import Report
    from imagine_common.files.free_space import describe_space, require_space
    from imagine_common.text import counted, human_bytes
    from imagine_gen.estimate import estimate

    refuse_options(args, ("--verify", "--resume", "--size"), "--dry-run")
    if args.tar:
        from imagine_gen.tar_stream import check_stream

        check_stream(spec)
    found = estimate(spec, args.workers, args.chunksize)
    report = Report(args.prog, args.quiet)
    seconds = f"{found.seconds:,.{0 if found.seconds >= 10 else 1}f} s"
    report.info(
        f"would make {counted(spec.count, 'image')}, about {human_bytes(found.bytes)}, in about"
        f" {seconds} with {counted(found.workers, 'worker')} and what writing takes"
        f" (estimated from {counted(found.tried, 'image')})"
    )
    if not args.tar:
        report.info(describe_space(spec.path))
        require_space(spec.path, found.bytes, spec.count)


def _stream(args: argparse.Namespace, spec: DatasetSpec) -> None:
    from imagine_common.cli.report import Report
    from imagine_gen.tar_stream import stream_tar

    parts = stream_tar(spec, 1, args.workers, args.chunksize)
    total = 0
    with Report(args.prog, args.quiet, total=spec.count) as report, closing(parts):
        for images, size, filler in parts:
            report.add(images, images, size)
            total += filler
        _summarize(report, spec, total, report.size)


def _target_size(args: argparse.Namespace) -> tuple[int | None, int]:
    """Return the bytes that a file has, if given, and their standard deviation."""
    from imagine_gen.dataset.byte_counts import parse_bytes

    size, stdev = args.target_size, args.target_size_stdev
    if stdev is not None and size is None:
        raise UsageError("argument --target-size-stdev: only with --target-size")
    return (
        None if size is None else parse_bytes("--target-size", size),
        0 if stdev is None else parse_bytes("--target-size-stdev", stdev),
    )


def _generate(args: argparse.Namespace, spec: DatasetSpec, workers: Workers | None) -> None:
    from imagine_common.cli.report import Report
    from imagine_common.exchange.manifest import Entry, ManifestWriter
    from imagine_gen.create import dataset_bytes, generate_units

    manifest = ManifestWriter(args.delimiter)
    first_bytes = None
    filler = filled = 0
    units = generate_units(spec, workers, args.chunksize, resume=args.resume, fsync=args.fsync)
    with Report(args.prog, args.quiet, total=spec.count) as report, closing(units):
        for images in units:
            manifest.write(Entry(image.path, image.labels) for image in images)
            size = sum(image.size for image in images)
            report.add(len(images), len(images), size, sum(image.kept for image in images))
            first_bytes = first_bytes or images[0].size
            filler += sum(image.filler for image in images)
            filled += sum(image.size for image in images if not image.kept)
        if args.size:
            folder = show(spec.path)
            report.info(f"First image size from {folder}, in bytes: {first_bytes}")
            report.info(f"Directory {folder} size, in bytes: {dataset_bytes(spec)}")
        _summarize(report, spec, filler, filled)


def _summarize(report: Report, spec: DatasetSpec, filler: int, filled: int) -> None:
    """Sum up a run that has made so many bytes, of which some are filler."""
    share = 100 * filler / max(1, filled)
    report.summarize("image", more=f", filler {share:.2f}%" if spec.target_size else "")
    if share > _MUCH_FILLER:
        report.warn(
            f"{share:.1f}% of the bytes fill files up to --target-size, and decoders pass over"
            " them; better are larger images, or a smaller target"
        )


def _verify(args: argparse.Namespace, spec: DatasetSpec, workers: Workers | None) -> None:
    from imagine_common.cli.report import Report
    from imagine_common.exchange.manifest import Entry, ManifestWriter
    from imagine_gen.verify import MISSING, extra_files, verify_units

    manifest = ManifestWriter(args.delimiter)
    missing = different = 0
    extra: list[bytes] = []
    units = verify_units(spec, workers, args.chunksize)
    with Report(args.prog, args.quiet, total=spec.count) as report, closing(units):
        for verdicts in units:
            good = [verdict for verdict in verdicts if not verdict.finding]
            bad = [verdict for verdict in verdicts if verdict.finding]
            for verdict in bad:
                report.error(f"{show(verdict.path)}: {verdict.finding}")
            missing += sum(verdict.finding == MISSING for verdict in bad)
            different += sum(verdict.finding != MISSING for verdict in bad)
            manifest.write(Entry(verdict.path, verdict.labels) for verdict in good)
            report.add(len(good), len(good), sum(verdict.size for verdict in good))
        # Otherwise the others may be another host's.
        if args.start is None and args.part is None:
            extra = extra_files(spec)
        for path in extra:
            report.error(f"{show(path)}: extra")
        report.summarize("image", more=", as they would be made")
    if missing or different or extra:
        raise ImagineError(
            f"{show(spec.path)}: {missing} missing, {different} different, {len(extra)} extra"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = build_parser()
    return run_tool(parser, run, argv, partial(parse_with_preset, parser))
