"""The command line of imagine-recordio."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.cli.options import add_option
from imagine_common.cli.tool import run_tool
from imagine_common.errors import UsageError
from imagine_common.packers.cli import Packer, run_packer
from imagine_common.packers.options import PackerParser
from imagine_recordio.names import WRITERS

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport
    from imagine_common.packers.pack_spec import PackSpec
    from imagine_common.packers.records import Indexes
    from imagine_recordio.lst import ListSource
    from imagine_recordio.shards import RecordIOFormat


def build_parser(prog: str = "imagine-recordio") -> PackerParser:
    """Return the parser of the tool's options."""
    parser = PackerParser(
        prog,
        format_name="recordio",
        description="Pack images into MXNet RecordIO files, each with its index.",
        files="PREFIX0.rec and PREFIX0.idx, ...",
        suffix=".rec",
        writers=WRITERS,
    )
    text = (
        "pack the images of a list for im2rec, with its indexes and labels, instead of those on"
        " stdin"
    )
    add_option(parser.input, "--lst", text, "FILE", None, os.fsencode)
    text = "folder that the list's paths begin in (default: .)"
    add_option(parser.input, "--root", text, "DIR", None, os.fsencode)
    text = "write one more index, of all files together, for DALI: PREFIXmerged.idx"
    add_option(parser.records, "--merged-index", text)
    text = "with --index-only, write the indexes into DIR; with --test, expect them there"
    add_option(parser.records, "--index-path", text, "DIR", None, os.fsencode)
    text = (
        "with --index-only, the keys: each record's position, from 0, as MXNet's rec2idx writes, or"
        " the id in its header (default: position)"
    )
    choices = ("position", "id")
    parser.records.add_argument("--index-key", choices=choices, type=str.lower, help=text)
    return parser


class RecordIOPacker(Packer):
    """The packer of this tool."""

    package = "imagine-recordio"
    suffix = b".rec"
    check_options = frozenset({"index_path", "index_key"})

    def __init__(self, args: argparse.Namespace) -> None:
        if args.index_key is not None and not args.index_only:
            raise UsageError("argument --index-key: only with --index-only")
        if args.index_path is not None and not (args.index_only or args.test):
            raise UsageError("argument --index-path: only with --index-only or --test")
        super().__init__(args)

    def source(self) -> ListSource | None:
        """Return the list of `--lst`, if it was given."""
        args = self.args
        if args.lst is None:
            if args.root is not None:
                raise UsageError("argument --root: only with --lst")
            return None
        for option, given in (("--source-path", args.source_path is not None), ("--tar", args.tar)):
            if given:
                raise UsageError(f"argument --lst: not with {option}; the list names the images")
        from imagine_common.files.urls import refuse_store
        from imagine_recordio.lst import ListSource

        refuse_store("--lst", args.lst)
        return ListSource(args.lst, b"." if args.root is None else args.root)

    def record_format(self, spec: PackSpec) -> RecordIOFormat:
        """Return the record format."""
        from imagine_recordio.pack import record_format

        return record_format(spec, self.args.writer, self.args.merged_index)

    def checker(self, indexes: Indexes) -> Callable[[bytes], FileReport]:
        """Return the function that checks a file, and compares or writes its index."""
        from imagine_recordio.check import check_recordio

        return partial(check_recordio, by_id=self.args.index_key == "id", indexes=indexes)


def run(args: argparse.Namespace) -> None:
    """Pack, plan or check as the arguments ask."""
    run_packer(RecordIOPacker(args))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    return run_tool(build_parser(), run, argv)
