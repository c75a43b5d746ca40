"""The parser that the packers share. Each tool adds its own options to the groups."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from imagine_common.cli.options import (
    add_alias,
    add_fsync_option,
    add_message_options,
    add_null_option,
    add_part_option,
    add_workers_option,
)
from imagine_common.cli.presets import add_preset_option
from imagine_common.cli.tool import Parser

_USAGE = """\
%(prog)s [options] < manifest
       %(prog)s --source-path DIR [options]
       %(prog)s --tar [options] < archive
       %(prog)s --test [FILE ...]"""

_EPILOG = """\
The manifest on stdin has one image path a line, optionally followed by a tab
and a label, a number. Each file's path goes to stdout, in order, once the file
is complete:
  set -o pipefail
  imagine-gen --path images --count 1000 | {prog} --dest-path records
  imagine-gen --tar --count 1000 | {prog} --tar --dest-path records
  find photos -name '*.jpg' -print0 | {prog} -0 --img-per-file 500
  {prog} --test records/*{suffix}

Each worker needs 25 MB and memory for two images. Exit codes: 0 success,
1 failure, 2 wrong usage, 141 closed stdout, 129 hangup, 130 interrupt,
143 termination."""


class PackerParser(Parser):
    """The parser of a packer's command line, with the groups for the tool's own options.

    Parameters
    ----------
    prog : str
        The command that the help shows.
    format_name : str
        The record format in the names of presets and files: `tfrecord` or `recordio`.
    description : str
    files : str
        The files' names, for the help.
    suffix : str
        The suffix of a file with records.
    writers : sequence of str
        The libraries that can write the files.
    """

    def __init__(
        self,
        prog: str,
        format_name: str,
        description: str,
        files: str,
        suffix: str,
        writers: Sequence[str],
    ) -> None:
        super().__init__(prog, _USAGE, description, _EPILOG.format(prog=prog, suffix=suffix))
        output = self.add_argument_group("output")
        self.input = self.add_argument_group("input")
        self.records = self.add_argument_group("labels, records, indexes")
        running = self.add_argument_group("running")
        testing = self.add_argument_group("testing")
        _add_output_options(output, f"{format_name}_", files)
        _add_input_options(self.input)
        self.records.add_argument(
            "--label-offset",
            type=int,
            metavar="N",
            default=0,
            help="add N to every label; an image without a label has 0 (default: %(default)s)",
        )
        _add_running_options(running, writers)
        testing.add_argument(
            "--test",
            action="store_true",
            help="check files instead of writing them, and list the good ones",
        )
        testing.add_argument(
            "files", metavar="FILE", nargs="*", help="files to check, instead of those on stdin"
        )
        self.add_closing_options(running)
        add_preset_option(self, format_name)


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
        help="images in a file; the last file has the rest (default: %(default)s)",
    )
    add_alias(group, "--img_per_file", "img_per_file", type=int)
    group.add_argument(
        "--name",
        metavar="PREFIX",
        default=name,
        help=f"name the files {files} (default: %(default)s)",
    )
    group.add_argument(
        "--name-format",
        metavar="FORMAT",
        help="name the files by FORMAT instead, such as 'train-{shard:05d}-of-{total:05d}'; with"
        " {total}, files get their names at the end",
    )


def _add_input_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--source-path",
        metavar="DIR",
        help="pack the images in DIR, a folder or URL, in natural order, instead of those on stdin;"
        " not those in folders below it",
    )
    add_alias(group, "--source_path", "source_path")
    group.add_argument(
        "--recursive", action="store_true", help="also pack the images in folders below DIR"
    )
    group.add_argument(
        "--labels-from-dirs",
        action="store_true",
        help="label images by their folder in DIR: 0, 1, ... in the order of the folders' names",
    )
    group.add_argument(
        "--tar",
        action="store_true",
        help="pack the images of a tar stream on stdin, grouped as in WebDataset, with labels from"
        " .cls members; uses one process",
    )
    group.add_argument(
        "--skip-invalid",
        action="store_true",
        help="report images that can't be packed and leave them out, instead of stopping",
    )


def _add_running_options(group: argparse._ArgumentGroup, writers: Sequence[str]) -> None:
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="write nothing; show what would be written, and fail if it does not fit",
    )
    group.add_argument(
        "--resume", action="store_true", help="keep finished files of an earlier run"
    )
    add_part_option(group, "files I, I+N, I+2N, ...")
    add_workers_option(group, "writes one file at a time")
    group.add_argument(
        "--writer",
        metavar="NAME",
        default=writers[0],
        help=f"{' or '.join(writers)}; both write the same bytes (default: %(default)s)",
    )
    add_null_option(group, "stdin and stdout")
    add_fsync_option(group)
    add_message_options(group)
