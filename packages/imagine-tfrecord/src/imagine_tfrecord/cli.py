"""The command line of imagine-tfrecord."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from imagine_common.cli import Parser, run_tool
from imagine_common.packers.cli import PACKER_EPILOG, add_packer_options, run_packer
from imagine_tfrecord import WRITERS


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
    add_packer_options(parser, name="tfrecord_", files="PREFIX0, PREFIX1, ...", writers=WRITERS)
    return parser


def run(args: argparse.Namespace) -> None:
    """Pack or check what the arguments ask for."""
    from imagine_tfrecord.check import check_tfrecord
    from imagine_tfrecord.pack import pack_tfrecords

    run_packer(args, pack_tfrecords, check_tfrecord, suffix=b"")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = build_parser()
    return run_tool(parser, run, argv, parser.parse_intermixed_args)
