"""The command line of imagine-recordio."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.cli.presets import add_preset_option, parse_with_preset
from imagine_common.cli.tool import Parser, run_tool
from imagine_common.errors import UsageError
from imagine_common.packers.cli import Packer, run_packer
from imagine_common.packers.options import PACKER_EPILOG, add_packer_options
from imagine_recordio import WRITERS

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport
    from imagine_recordio.lst import ListSource


def build_parser(prog: str = "imagine-recordio") -> Parser:
    """Return the parser of the tool's options."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options] < manifest\n       %(prog)s --source-path DIR [options]\n"
        "       %(prog)s --tar [options] < archive\n"
        "       %(prog)s --test [FILE ...]",
        description="Pack images into MXNet RecordIO files, each with its index.",
        epilog=PACKER_EPILOG.format(prog=prog, suffix=".rec"),
    )
    groups = add_packer_options(
        parser,
        name="recordio_",
        files="PREFIX0.rec and PREFIX0.idx, ...",
        records="labels, records, indexes",
        writers=WRITERS,
    )
    groups.input.add_argument(
        "--lst",
        metavar="FILE",
        help="pack the images of im2rec's list, with its indexes and labels, instead of stdin's",
    )
    groups.input.add_argument(
        "--root", metavar="DIR", help="where the list's paths begin (default: .)"
    )
    groups.records.add_argument(
        "--merged-index",
        action="store_true",
        help="write one more index, of all files together, for DALI: PREFIXmerged.idx",
    )
    add_preset_option(parser, "recordio")
    return parser


def run(args: argparse.Namespace) -> None:
    """Pack or check what the arguments ask for."""
    from imagine_recordio.pack import pack_recordio, record_format

    def checker(_base: bytes) -> Callable[[bytes], FileReport]:
        from imagine_recordio.check import check_recordio

        return check_recordio

    packer = Packer(
        pack=lambda source, spec, workers, written: pack_recordio(
            source, spec, args.writer, workers, merged_index=args.merged_index, written=written
        ),
        form=lambda spec: record_format(spec, args.writer, args.merged_index),
        checker=checker,
        suffix=b".rec",
        package="imagine-recordio",
        writing=("--lst", "--root", "--merged-index"),
    )
    run_packer(args, packer, None if args.test else _list(args))


def _list(args: argparse.Namespace) -> ListSource | None:
    if args.lst is None:
        if args.root is not None:
            raise UsageError("argument --root: only with --lst")
        return None
    for option, given in (("--source-path", args.source_path is not None), ("--tar", args.tar)):
        if given:
            raise UsageError(f"argument --lst: not with {option}: one of them names the images")
    from imagine_common.files.urls import refuse_store
    from imagine_recordio.lst import ListSource

    refuse_store("--lst", os.fsencode(args.lst))
    return ListSource(os.fsencode(args.lst), os.fsencode("." if args.root is None else args.root))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = build_parser()
    return run_tool(parser, run, argv, partial(parse_with_preset, parser))
