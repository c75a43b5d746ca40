"""The command line of imagine-gen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from imagine_common.cli.card import card_file
from imagine_common.cli.options import keep_others_of_parts, open_workers
from imagine_common.cli.report import Report
from imagine_common.cli.tool import run_tool
from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NUL, Entry, ManifestWriter, write_stdout
from imagine_common.files.others import Others
from imagine_common.text import counted, human_bytes, human_seconds, show
from imagine_gen.cli_verify import join_parts, verify_card, verify_dataset, verify_files
from imagine_gen.dataset.combinations import refuse_clashes
from imagine_gen.dataset.options import OPTIONS, parse_range
from imagine_gen.options import build_parser

if TYPE_CHECKING:
    from imagine_common.parallel.ordered_map import Workers
    from imagine_gen.dataset.dimensions import Sizes
    from imagine_gen.dataset.spec import DatasetSpec
    from imagine_gen.work.files import FinishedFile

_MUCH_FILLER = 5  # percent


def run(args: argparse.Namespace) -> None:
    """Make, verify or estimate the dataset that the arguments describe."""
    # NumPy's linear algebra is not used, but would start a thread for each core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    args.files, args.verify = args.verify, args.verify is not None
    if args.files:
        verify_files(args)
    elif args.join_cards:
        join_parts(args)
    elif args.verify and args.card is not None:
        verify_card(args)
    else:
        with card_file(args) as card:
            whole, first = _run(args)
            if args.card is not None:
                from imagine_gen.dataset.cards import fields_of

                card.update(fields_of(whole, first, args.report, args.digest))


def _run(args: argparse.Namespace) -> tuple[DatasetSpec, int]:
    """Make, verify or estimate a dataset or a part; return the whole, and the first index."""
    from dataclasses import replace

    from imagine_common.exchange.names import parse_part
    from imagine_gen.dataset.checks import check_members

    _check_outputs(args)
    whole = spec = _dataset(args)
    args.digest = 0
    if args.tar:
        check_members(spec)
    keep_others_of_parts(args, "--start", "--part")
    if args.part is not None:
        unit = spec.shard_samples or 1
        first, units = parse_part(args.part).span(-(-spec.count // unit))
        if not units:
            _make_nothing(args)
            return whole, whole.start + first * unit
        count = min(units * unit, spec.count - first * unit)
        spec = replace(spec, start=spec.start + first * unit, count=count, whole_count=spec.count)
    if args.dry_run:
        _estimate(args, spec)
    elif args.tar:
        _stream(args, spec)
    else:
        # Compressed formats have the same bytes only with the same encoder.
        with open_workers(args, "imagine-gen", ("Pillow", "zlib-ng")) as workers:
            (verify_dataset if args.verify else _generate)(args, spec, workers)
    return whole, spec.start


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse options that contradict the kind of output."""
    words = {f"--{name.replace('_', '-')}" for name in args.given}
    if not (args.verify or args.dry_run):  # A preset may have options for writing.
        words |= args.preset_options.keys()
    words |= {"--path"} if args.path is not None else set()
    words |= {"--null"} if args.delimiter == NUL else set()
    words |= {"--shard-samples"} if "--shard-bytes" in words else set()
    refuse_clashes(words)
    args.tar = args.tar and args.shard_samples is args.shard_bytes is None
    if not args.tar and args.path is None:
        raise UsageError(
            "argument --path: a folder for the images is required (or --tar, for a stream)"
        )
    if args.tar and os.isatty(1) and not args.dry_run:
        raise UsageError(
            "argument --tar: standard output is a terminal; redirect it to a pipe or a file"
        )


def _dataset(args: argparse.Namespace) -> DatasetSpec:
    from imagine_gen.dataset.dimensions import SizeRange, load_size_list
    from imagine_gen.dataset.spec import DatasetSpec

    widths = parse_range("--width", args.width)
    heights = parse_range("--height", args.height)
    sizes: Sizes | None = None
    if args.size_list is not None:
        sizes = load_size_list(args.size_list)
    elif widths[0] < widths[1] or heights[0] < heights[1]:
        sizes = SizeRange(widths, heights)
    values = {option.field: getattr(args, option.field) for option in OPTIONS}
    if args.shard_bytes is not None:
        values["shard_samples"] = 1
    spec = DatasetSpec(
        path=b"." if args.path is None else os.fsencode(args.path),
        width=widths[1],
        height=heights[1],
        sizes=sizes,
        # The name of a member of a tar stream may contain newlines.
        delimiter=NUL if args.tar else args.delimiter,
        **values,
    )
    if args.shard_bytes is not None:
        from imagine_gen.tar import limited_shards

        spec = limited_shards(spec, args.shard_bytes, args.shard_samples)
    return spec


def _make_nothing(args: argparse.Namespace) -> None:
    """Complete a part without images, if there are more parts than images."""
    from imagine_common.exchange.tar import archive_end

    with Report(args.prog, args.quiet) as report:
        args.report = report
        if args.tar and not args.dry_run:
            write_stdout(archive_end(0))
        report.summarize("image")


def _estimate(args: argparse.Namespace, spec: DatasetSpec) -> None:
    from imagine_common.files.folders import describe_space, require_space
    from imagine_gen.estimate import estimate, measure_target

    report = Report(args.prog, args.quiet)
    if not args.tar:
        from imagine_gen.create import other_images

        other_images(spec, Others(args.clean, args.keep_others, report.warn))
    found = estimate(spec, args.workers, args.chunksize)
    files = -(-spec.count // (spec.shard_samples or 1))
    args.facts.update(files=files, images=spec.count, bytes=found.bytes)
    images = f"{spec.count:,} image{'s' * (spec.count > 1)}, about {human_bytes(found.bytes)}"
    report.info(
        f"would make {images}, in about {human_seconds(found.seconds)} with"
        f" {counted(found.workers, 'worker')}, not counting the time to write"
        f" (estimated from {counted(found.tried, 'image')})"
    )
    if not args.tar:
        report.info(describe_space(spec.path))
        require_space(spec.path, found.bytes, files)
        target = measure_target(spec.path, found.bytes)
        if target is not None:
            seconds = found.bytes / target.bytes + files / target.files
            report.info(
                f"{show(spec.path)}: takes {human_bytes(target.bytes)} or {target.files:,.0f} files"
                f" a second, so writing takes about {human_seconds(seconds)}, some of it while"
                " images are made"
            )


def _stream(args: argparse.Namespace, spec: DatasetSpec) -> None:
    from imagine_gen.tar import stream_tar

    report = Report(args.prog, args.quiet, spec.count)
    units = stream_tar(spec, 1, args.workers, args.chunksize, args.card is not None)
    _make(args, spec, report, units, None)


def _generate(args: argparse.Namespace, spec: DatasetSpec, workers: Workers | None) -> None:
    from imagine_gen.create import generate_units

    if args.resume and spec.image_format == "tiff":
        from imagine_gen.work.files import silence_pillow

        silence_pillow()
    manifest = ManifestWriter(args.delimiter)
    noun = "shard" if spec.shard_samples else "image"
    report = Report(args.prog, args.quiet, spec.count, item=noun, resumable=True)
    others = Others(args.clean, args.keep_others, report.warn)
    units = generate_units(
        spec, workers, args.chunksize, args.resume, args.fsync, others, args.card is not None
    )
    _make(args, spec, report, units, manifest)


def _make(
    args: argparse.Namespace,
    spec: DatasetSpec,
    report: Report,
    units: Generator[tuple[range, list[FinishedFile]]],
    manifest: ManifestWriter | None,
) -> None:
    """Make the images of units, and report them and the share of filler in the bytes made."""
    first_bytes = None
    filler = made = 0
    with report, closing(units):
        args.report = report
        for indexes, files in units:
            if manifest:
                entries = (Entry(spec.image_path(at), spec.labels(at)) for at in indexes)
                manifest.write([Entry(next(entries).path)] if spec.shard_samples else entries)
            size = sum(file.size for file in files)
            kept = [file.size for file in files if file.kept]
            report.add(len(files), len(indexes), size, len(kept))
            first_bytes = first_bytes or files[0].size
            filler += sum(file.filler for file in files)
            args.digest += sum(file.digest for file in files)
            made += size - sum(kept)
        if args.size:
            from imagine_gen.create import dataset_bytes

            folder = show(spec.path)
            report.info(f"First image size from {folder}, in bytes: {first_bytes}")
            report.info(f"Directory {folder} size, in bytes: {dataset_bytes(spec)}")
        share = 100 * filler / max(1, made)
        noun = "shard" if spec.shard_samples else "image"
        report.summarize(noun, more=f", filler {share:.2f}%" if spec.target_size else "")
        if share > _MUCH_FILLER:
            report.warn(
                f"{share:.1f}% of the bytes fill files up to --target-size, and decoders skip them;"
                " use larger images or a smaller target"
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    return run_tool(build_parser(), run, argv)
