"""The command line of imagine-recordio."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from imagine_common.cli import Parser, run_tool
from imagine_common.packers.cli import PACKER_EPILOG, add_packer_options, run_packer
from imagine_recordio import WRITERS


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
    files = "PREFIX0.rec and PREFIX0.idx, ..."
    add_packer_options(parser, name="recordio_", files=files, writers=WRITERS)
    return parser


def run(args: argparse.Namespace) -> None:
    """Pack or check what the arguments ask for."""
    from imagine_recordio.check import check_recordio
    from imagine_recordio.pack import pack_recordio

    run_packer(args, pack_recordio, check_recordio, suffix=b".rec")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = build_parser()
    return run_tool(parser, run, argv, parser.parse_intermixed_args)
