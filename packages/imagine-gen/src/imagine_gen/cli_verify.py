"""The command line of `--verify`: what it checks, and what it prints."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING

from imagine_common.cli.options import open_workers, was_given
from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import Entry, ManifestWriter
from imagine_common.text import counted, show

if TYPE_CHECKING:
    from imagine_common.parallel.ordered_map import Workers
    from imagine_gen.dataset.spec import DatasetSpec

_FILE_OPTIONS = {
    *("files", "verify", "workers", "scheduler", "delimiter", "quiet", "verbose", "summary_json")
}


def verify_files(args: argparse.Namespace) -> None:
    """Verify images by their stamps, without a description of the dataset."""
    for name in sorted(args.given - _FILE_OPTIONS):
        option = f"--{name.replace('_', '-')}"
        raise UsageError(f"argument {option}: not with --verify FILE, which reads stamps only")
    from imagine_common.packers.checking import run_check
    from imagine_gen.verify import check_stamped

    args.files = [] if args.files == ["-"] else args.files
    args.expected_files = args.expected_records = args.index_path = args.index_only = None
    with open_workers(args, "imagine-gen") as workers:
        run_check(args, check_stamped, b"", workers, "image")


def verify_dataset(args: argparse.Namespace, spec: DatasetSpec, workers: Workers | None) -> None:
    """Compare the images of a dataset with those that would be made."""
    from imagine_gen.verify import MISSING, extra_files, verify_units

    manifest = ManifestWriter(args.delimiter)
    missing = different = 0
    extra: list[bytes] = []
    units = verify_units(spec, workers, args.chunksize)
    with Report(args.prog, args.quiet, spec.count) as report, closing(units):
        args.report = report
        for indexes, verdicts in units:
            good = {at: size for at, (size, fault) in zip(indexes, verdicts) if not fault}
            for index, (_, fault) in zip(indexes, verdicts):
                if fault:
                    report.error(f"{show(spec.image_path(index))}: {fault}")
                    missing += fault == MISSING
                    different += fault != MISSING
            manifest.write(Entry(spec.image_path(index), spec.labels(index)) for index in good)
            report.add(len(good), len(good), sum(good.values()))
        # With --start or --part, other files may belong to other hosts.
        if args.part is None and not was_given(args, "--start"):
            extra = [*extra_files(spec)]
        for path in extra:
            report.error(f"{show(path)}: extra")
        args.facts.update(missing=missing, different=different, extra=len(extra))
        wrong = missing or different or extra
        report.summarize("image", more="" if wrong else ", as they would be made")
    if wrong:
        raise ImagineError(
            f"{show(spec.path)}: {report.images} of {counted(spec.count, 'image')} as they would be"
            f" made; {missing} missing, {different} different, {len(extra)} extra"
        )
