"""The command line of imagine-tfrecord."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.cli.options import was_given
from imagine_common.cli.presets import add_preset_option, parse_with_preset
from imagine_common.cli.tool import Parser, run_tool
from imagine_common.errors import UsageError
from imagine_common.packers.cli import Packer, run_packer
from imagine_common.packers.options import PACKER_EPILOG, add_packer_options
from imagine_tfrecord import WRITERS

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport


def build_parser(prog: str = "imagine-tfrecord") -> Parser:
    """Return the parser of the tool's options."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options] < manifest\n       %(prog)s --source-path DIR [options]\n"
        "       %(prog)s --tar [options] < archive\n"
        "       %(prog)s --test [FILE ...]",
        description="Pack images into TFRecord files of tf.train.Example records.",
        epilog=PACKER_EPILOG.format(prog=prog, suffix=""),
    )
    groups = add_packer_options(
        parser,
        name="tfrecord_",
        files="PREFIX0, PREFIX1, ...",
        records="labels, records, indexes",
        writers=WRITERS,
    )
    groups.records.add_argument(
        "--schema",
        metavar="NAME",
        default="basic",
        help="features of a record: basic (image and label), imagenet (TensorFlow's, for one label,"
        " JPEG and PNG), dlio (DLIO's and MLPerf Storage's) (default: %(default)s)",
    )
    groups.records.add_argument(
        "--index", action="store_true", help="write DALI's index of each file beside it: FILE.idx"
    )
    groups.records.add_argument(
        "--index-path",
        metavar="DIR",
        help="write the indexes into DIR instead; with --test, look for them there",
    )
    add_preset_option(parser, "tfrecord")
    return parser


def run(args: argparse.Namespace) -> None:
    """Pack or check what the arguments ask for."""
    from imagine_tfrecord.pack import pack_tfrecords, record_format

    index_path = None if args.index_path is None else os.fsencode(args.index_path)
    options = {"schema": args.schema, "index": args.index, "index_path": index_path}

    def checker(base: bytes) -> Callable[[bytes], FileReport]:
        from imagine_common.files.urls import rooted
        from imagine_tfrecord.check import check_tfrecord

        folder = None if index_path is None else rooted(index_path, base)
        return partial(check_tfrecord, index_path=folder)

    if args.schema == "dlio" and was_given(args, "--label-offset"):
        raise UsageError("argument --label-offset: not with --schema dlio, which has no label")
    packer = Packer(
        pack=lambda source, spec, workers, written: pack_tfrecords(
            source, spec, args.writer, workers, **options, written=written
        ),
        form=lambda _: record_format(args.writer, **options),
        checker=checker,
        suffix=b"",
        package="imagine-tfrecord",
        writing=("--index", "--schema"),
    )
    run_packer(args, packer)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = build_parser()
    return run_tool(parser, run, argv, partial(parse_with_preset, parser))
