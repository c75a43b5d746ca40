"""The parser that the packers share. Each tool adds its own options to the groups."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from imagine_common.cli import options as shared
from imagine_common.cli.options import add_alias, add_option
from imagine_common.cli.parser import Parser
from imagine_common.cli.presets import add_preset_option
from imagine_common.cli.quantities import whole_number

_USAGE = """\
%(prog)s [options] < manifest
       %(prog)s --source-path DIR [options]
       %(prog)s --tar [FILE ...] [options]
       %(prog)s (--test | --index-only) [FILE ...]"""

_EXAMPLES = """\
imagine-gen --path images --count 1000 | {prog} --dest-path records
{prog} --source-path photos --labels-from-dirs --dest-path records
{prog} --test records/*{suffix}
imagine-gen --tar --count 1000 | {prog} --tar --dest-path records
find photos -name '*.jpg' -print0 | {prog} -0 --img-per-file 500"""
_COMMON = (
    "--dest-path --img-per-file --preset --source-path --labels-from-dirs --tar --skip-invalid"
    " --resume --workers --test"
)
_EPILOG = """\
The manifest on stdin has one image path a line, optionally followed by a tab
and a label, a number. Each file's path goes to stdout, in order, once the file
is complete. Begin scripts with `set -o pipefail`.

Each worker needs 25 MB and memory for two images. Exit codes: 0 success,
1 failure, 2 wrong usage, 141 closed stdout, 129 hangup, 130 interrupt,
143 termination."""


class PackerParser(Parser):
    """The parser of a packer's command line, with the groups for the tool's own options.

    `format_name` is the record format in the names of presets and files, `suffix` that of a file
    with records, `files` the files' names for the help, and `writers` the libraries that can write
    them.
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
        examples = _EXAMPLES.format(prog=prog, suffix=suffix).splitlines()
        super().__init__(prog, _USAGE, description, _EPILOG, examples, _COMMON)
        output = self.add_argument_group("output")
        self.input = self.add_argument_group("input")
        self.records = self.add_argument_group("labels, records, indexes")
        running = self.add_argument_group("running")
        testing = self.add_argument_group("existing files")
        _add_output_options(output, f"{format_name}_", files)
        _add_input_options(self.input)
        text = "add N to every label; an image without a label has 0"
        add_option(self.records, "--label-offset", text, "N", 0, whole_number)
        _add_running_options(running, writers)
        add_option(testing, "--test", "check files instead of writing them; list the good ones")
        text = "write the indexes of existing files that are good, of any program; list the indexes"
        add_option(testing, "--index-only", text)
        text = "with these two, fail unless N files are good"
        add_option(testing, "--files", text, "N", None, whole_number, dest="expected_files")
        text = "with these two, fail unless the good files have N records"
        add_option(testing, "--records", text, "N", None, whole_number, dest="expected_records")
        text = "files to read for that, or archives for --tar, instead of those on stdin"
        testing.add_argument("files", metavar="FILE", nargs="*", help=text)
        self.add_closing_options(running)
        add_preset_option(self, format_name)


def _add_output_options(group: argparse._ArgumentGroup, name: str, files: str) -> None:
    text = "folder or URL for the files; created if missing"
    add_option(group, "--dest-path", text, "DIR", ".", os.fsencode)
    add_alias(group, "--dest_path", "dest_path", type=os.fsencode)
    text = "images in a file; the last file has the rest"
    add_option(group, "--img-per-file", text, "N", 1000, whole_number)
    add_alias(group, "--img_per_file", "img_per_file", type=whole_number)
    add_option(group, "--name", f"name the files {files}", "PREFIX", name, os.fsencode)
    text = (
        "name the files by FORMAT instead, such as 'train-{shard:05d}-of-{total:05d}'; with"
        " {total} and without --expect, files get their names at the end"
    )
    add_option(group, "--name-format", text, "FORMAT", None, os.fsencode)
    text = "flat, or dlio: files in DIR/train, and an empty DIR/valid"
    add_option(group, "--layout", text, "LAYOUT", "flat", str.lower)
    text = "put file I into the folder I modulo N, as DLIO's num_subfolders_train does"
    add_option(group, "--subfolders", text, "N", None, whole_number)
    shared.add_others_options(group)


def _add_input_options(group: argparse._ArgumentGroup) -> None:
    text = "fail unless there are N images, with none skipped; with --part, N is that of all parts"
    add_option(group, "--expect", text, "N", None, whole_number)
    text = (
        "pack the images in DIR, a folder or URL; in natural order, instead of those on stdin, and"
        " not those in folders below it"
    )
    add_option(group, "--source-path", text, "DIR", None, os.fsencode)
    add_alias(group, "--source_path", "source_path", type=os.fsencode)
    add_option(group, "--recursive", "also pack the images in folders below DIR")
    text = "label images by their folder in DIR (0, 1, ... in the order of the folders' names)"
    add_option(group, "--labels-from-dirs", text)
    text = (
        "leave out names in DIR that match PATTERN, such as '*.txt'; with a slash, paths below DIR;"
        " may be repeated"
    )
    add_option(group, "--exclude", text, "PATTERN", None, os.fsencode, action="append")
    text = "with --labels-from-dirs, give folders without images no label; instead of stopping"
    add_option(group, "--skip-empty-classes", text)
    text = (
        "pack the images of a tar stream on stdin, or of archives; grouped as in WebDataset, with"
        " labels from .cls members; uses one process"
    )
    add_option(group, "--tar", text)
    text = (
        "with --tar: members whose names are the same up to the first dot, as in WebDataset, or up"
        " to the last form a sample (default: first-dot)"
    )
    group.add_argument("--key-by", choices=("first-dot", "last-dot"), type=str.lower, help=text)
    text = (
        "with --tar: pack only images with this extension, such as jpg or input.jpg, or with one of"
        " several, separated by commas; for samples of several images"
    )
    add_option(group, "--image-extension", text, "EXT", (), _extensions)
    text = "report and leave out images that can't be packed (default: stop)"
    add_option(group, "--skip-invalid", text)


def _extensions(text: str) -> tuple[bytes, ...]:
    return tuple(os.fsencode(text).split(b","))


def _add_running_options(group: argparse._ArgumentGroup, writers: Sequence[str]) -> None:
    text = "write nothing; show what would be written, and fail if it does not fit"
    add_option(group, "--dry-run", text)
    add_option(group, "--resume", "keep finished files of an earlier run")
    shared.add_part_option(group, "files I, I+N, I+2N, ...")
    text = "describe the files in FILE, as JSON, when they are complete"
    add_option(group, "--card", text, "FILE", None, os.fsencode)
    text = "expect as many images as the card of imagine-gen in FILE has, and put it into --card"
    add_option(group, "--input-card", text, "FILE", None, os.fsencode)
    shared.add_workers_option(group, "writes one file at a time")
    text = f"{' or '.join(writers)}; both write the same bytes"
    add_option(group, "--writer", text, "NAME", writers[0], str.lower)
    shared.add_null_option(group, "stdin and stdout")
    shared.add_fsync_option(group)
    shared.add_message_options(group)
