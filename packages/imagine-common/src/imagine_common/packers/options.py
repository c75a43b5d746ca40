"""The options that the packers have in common, in groups that a packer adds its own to."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from imagine_common.cli.options import (
    add_alias,
    add_fsync_option,
    add_message_options,
    add_null_option,
    add_part_option,
    add_workers_option,
)
from imagine_common.cli.tool import Parser

PACKER_EPILOG = """\
The manifest on stdin has one image path a line, and may have a label, a number,
after a tab. The path of each file goes to stdout once it is complete, in order:
  set -o pipefail
  imagine-gen --path images --count 1000 | {prog} --dest-path records
  imagine-gen --tar --count 1000 | {prog} --tar --dest-path records
  find photos -name '*.jpg' -print0 | {prog} -0 --img-per-file 500
  {prog} --test records/*{suffix}

A worker needs 25 MB and the memory of two images. Exit: 0 done, 1 failed,
2 wrong usage, 141 reader of stdout gone, 129, 130, 143 hung up, interrupted,
terminated."""


class Groups(NamedTuple):
    """The groups of a packer's options, as help shows them."""

    output: argparse._ArgumentGroup
    input: argparse._ArgumentGroup
    records: argparse._ArgumentGroup
    running: argparse._ArgumentGroup
    testing: argparse._ArgumentGroup


def add_packer_options(
    parser: Parser, name: str, files: str, records: str, writers: Sequence[str]
) -> Groups:
    """Add all arguments that the packers share, and return their groups.

    `name` is the default prefix, `files` what the files are called, `records` the title of the
    group for what is in them, and `writers` which libraries can write them.
    """
    groups = Groups(
        *map(parser.add_argument_group, ("output", "input", records, "running", "testing"))
    )
    _add_output_options(groups.output, name, files)
    _add_input_options(groups.input)
    groups.records.add_argument(
        "--label-offset",
        type=int,
        metavar="N",
        default=0,
        help="add N to every label; an image without one has 0 (default: %(default)s)",
    )
    _add_running_options(groups.running, writers)
    groups.testing.add_argument(
        "--test",
        action="store_true",
        help="check files instead of writing them, and list the good ones",
    )
    groups.testing.add_argument(
        "files", metavar="FILE", nargs="*", help="what to check, instead of stdin's files"
    )
    parser.add_closing_options(groups.running)
    return groups


def _add_output_options(group: argparse._ArgumentGroup, name: str, files: str) -> None:
    group.add_argument(
        "--dest-path",
        metavar="DIR",
        default=".",
        help="folder or URL for the files; created if missing (default: %(default)s)",
    )
    add_alias(group, "--dest_path", "dest_path")
    group.add_argument(
        "--img-per-file",
        type=int,
        metavar="N",
        default=1000,
        help="images in a file; the last has the rest (default: %(default)s)",
    )
    add_alias(group, "--img_per_file", "img_per_file", type=int)
    group.add_argument(
        "--name",
        metavar="PREFIX",
        default=name,
        help=f"files are {files} (default: %(default)s)",
    )
    group.add_argument(
        "--name-format",
        metavar="FORMAT",
        help="name files by FORMAT instead, such as 'train-{shard:05d}-of-{total:05d}'; with"
        " {total} they get their names at the end",
    )


def _add_input_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--source-path",
        metavar="DIR",
        help="pack the images in DIR, a folder or URL (not below it), in natural order, instead of"
        " stdin's",
    )
    add_alias(group, "--source_path", "source_path")
    group.add_argument("--recursive", action="store_true", help="pack those below DIR too")
    group.add_argument(
        "--labels-from-dirs",
        action="store_true",
        help="label images by their folder in DIR: 0, 1, ... in the order of the folders' names",
    )
    group.add_argument(
        "--tar",
        action="store_true",
        help="pack the images of a tar stream on stdin, as WebDataset groups them, with .cls for"
        " labels; by one process",
    )
    group.add_argument(
        "--skip-invalid",
        action="store_true",
        help="name images that can't be packed and leave them out, instead of stopping",
    )


def _add_running_options(group: argparse._ArgumentGroup, writers: Sequence[str]) -> None:
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="write nothing; tell what would be, and fail where it does not fit",
    )
    group.add_argument(
        "--resume", action="store_true", help="keep finished files that are there already"
    )
    add_part_option(group, "files I, I+N, I+2N, ...")
    add_workers_option(group, "writes one file at a time")
    group.add_argument(
        "--writer",
        metavar="NAME",
        default="native",
        help=f"{' or '.join(writers)}; both write the same bytes (default: %(default)s)",
    )
    add_null_option(group, "stdin and stdout")
    add_fsync_option(group)
    add_message_options(group)
