"""The command line of imagine-tfrecord."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imagine_common.cli.options import add_option, was_given
from imagine_common.cli.tool import run_tool
from imagine_common.errors import UsageError
from imagine_common.packers.cli import Packer, run_packer
from imagine_common.packers.options import PackerParser
from imagine_tfrecord.names import WRITERS

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport
    from imagine_common.packers.pack_spec import PackSpec
    from imagine_common.packers.records import Indexes
    from imagine_tfrecord.shards import TFRecordFormat


def build_parser(prog: str = "imagine-tfrecord") -> PackerParser:
    """Return the parser of the tool's options."""
    parser = PackerParser(
        prog,
        format_name="tfrecord",
        description="Pack images into TFRecord files of tf.train.Example records.",
        files="PREFIX0, PREFIX1, ...",
        suffix="",
        writers=WRITERS,
    )
    text = (
        "features of a record: basic (image and label), imagenet (TensorFlow's, for one label, JPEG"
        " and PNG), dlio (DLIO's and MLPerf Storage's); with --test, fail unless all records have"
        " them"
    )
    add_option(parser.records, "--schema", text, "NAME", "basic", str.lower)
    add_option(parser.records, "--index", "write an index for DALI beside each file: FILE.idx")
    text = "write the indexes into DIR instead; with --test, expect them there"
    add_option(parser.records, "--index-path", text, "DIR", None, os.fsencode)
    parser.libraries = _libraries
    return parser


def _libraries() -> list[str]:
    from importlib.metadata import version

    return [f"google-crc32c {version('google-crc32c')}"]


class TFRecordPacker(Packer):
    """The packer of this tool."""

    package = "imagine-tfrecord"
    check_options = frozenset({"index_path", "schema"})

    def __init__(self, args: argparse.Namespace) -> None:
        if args.schema == "dlio" and was_given(args, "--label-offset"):
            raise UsageError("argument --label-offset: not with --schema dlio, which has no label")
        super().__init__(args)

    def record_format(self, spec: PackSpec) -> TFRecordFormat:
        """Return the record format."""
        from imagine_tfrecord.pack import record_format

        args = self.args
        return record_format(spec, args.writer, args.schema, args.index, args.index_path)

    def checker(self, indexes: Indexes) -> Callable[[bytes], FileReport]:
        """Return the function that checks a file, and compares or writes its index."""
        from imagine_tfrecord.check import check_tfrecord
        from imagine_tfrecord.schemas import find_schema

        schema = self.args.schema if was_given(self.args, "--schema") else None
        if schema is not None:
            find_schema(schema)
        return partial(check_tfrecord, schema=schema, indexes=indexes)


def run(args: argparse.Namespace) -> None:
    """Pack, plan or check as the arguments ask."""
    run_packer(TFRecordPacker(args))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    return run_tool(build_parser(), run, argv)
