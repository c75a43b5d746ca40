"""The command line of `--verify` and `--join-cards`: what they check, and what they print."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from imagine_common.cli.card import card_file, read_card
from imagine_common.cli.options import open_workers, refuse_others, was_given
from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import Entry, ManifestWriter
from imagine_common.text import counted, show

if TYPE_CHECKING:
    from imagine_common.parallel.ordered_map import Workers
    from imagine_gen.dataset.spec import DatasetSpec


def verify_files(args: argparse.Namespace) -> None:
    """Verify images by their stamps, without a description of the dataset."""
    refuse_others(args, "--verify FILE, which reads stamps only", "verify")
    from imagine_common.packers.checking import run_check
    from imagine_gen.verify import check_stamped

    args.files = [] if args.files == ["-"] else args.files
    args.expected_files = args.expected_records = args.index_path = args.index_only = None
    with open_workers(args, "imagine-gen") as workers:
        run_check(args, check_stamped, b"", workers, "image")


def verify_card(args: argparse.Namespace) -> None:
    """Compare images with the card that describes them."""
    own = "verify", "card", "path", "chunksize"
    refuse_others(args, "--verify --card, which describes the dataset", *own)
    if args.path is None:
        raise UsageError("argument --path: the folder of the images is required")
    from imagine_gen.dataset.cards import dataset_of

    card = read_card(args.card)
    spec = dataset_of(args.card, card, path=args.path, delimiter=args.delimiter)
    with open_workers(args, "imagine-gen", ("Pillow", "zlib-ng")) as workers:
        verify_dataset(args, spec, workers, card)


def join_parts(args: argparse.Namespace) -> None:
    """Join the cards of the parts of a dataset."""
    refuse_others(args, "--join-cards", "join_cards", "card")
    if args.card is None:
        raise UsageError("argument --join-cards: only with --card, the file to write")
    from imagine_gen.dataset.cards import join_cards

    joined = join_cards(args.join_cards)
    with card_file(args) as card:
        card.update(joined)


def verify_dataset(
    args: argparse.Namespace,
    spec: DatasetSpec,
    workers: Workers | None,
    card: dict[str, Any] | None = None,
) -> None:
    """Compare the images of a dataset with those that would be made, or all with their card."""
    from imagine_gen.dataset.cards import digest_text
    from imagine_gen.verify import MISSING, extra_files, verify_units

    manifest = ManifestWriter(args.delimiter)
    digest = missing = different = 0
    extra: list[bytes] = []
    units = verify_units(spec, workers, args.chunksize, only_read=card is not None)
    with Report(args.prog, args.quiet, spec.count) as report, closing(units):
        args.report = report
        for indexes, verdicts in units:
            good = {at: found.size for at, found in zip(indexes, verdicts) if not found.fault}
            for index, found in zip(indexes, verdicts):
                digest += found.digest
                if found.fault:
                    report.error(f"{show(spec.image_path(index))}: {found.fault}")
                    missing += found.fault == MISSING
                    different += found.fault != MISSING
            manifest.write(Entry(spec.image_path(index), spec.labels(index)) for index in good)
            report.add(len(good), len(good), sum(good.values()))
        # With --start or --part, other files may belong to other hosts.
        if args.part is None and not was_given(args, "--start") and not spec.whole_count:
            extra = [*extra_files(spec)]
        for path in extra:
            report.error(f"{show(path)}: extra")
        args.facts.update(missing=missing, different=different, extra=len(extra))
        wrong = missing or different or extra
        found_card = report.size, digest_text(digest)
        if card and not wrong and found_card != (card["bytes"], card["digest"]):
            raise ImagineError(
                f"{show(spec.path)}: not the images of {show(args.card)}; --verify with the options"
                " of the run instead of --card shows which differ"
            )
        words = "as the card describes them" if card else "as they would be made"
        report.summarize("image", more="" if wrong else f", {words}")
    if wrong:
        raise ImagineError(
            f"{show(spec.path)}: {report.images} of {counted(spec.count, 'image')} {words};"
            f" {missing} missing, {different} different, {len(extra)} extra"
        )
