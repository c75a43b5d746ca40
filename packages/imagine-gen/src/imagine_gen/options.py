"""The parser of imagine-gen's command line; `dataset.options` has the options of the dataset."""

from __future__ import annotations

import argparse
from typing import Any

from imagine_common.cli import options as shared
from imagine_common.cli.presets import add_preset_option
from imagine_common.cli.tool import Parser
from imagine_gen.dataset.options import GROUPS, Option

_EPILOG = """\
imagine-gen prints the path of each image once its file is complete, in order:
  set -o pipefail
  imagine-gen --path images --count 1000 | imagine-tfrecord --dest-path records

The pixels of image I depend only on content, seed, I, width, height and mode
(pooled: also on --pool-strips, format, quality and subsampling). A worker needs
60 MB (photo content 90), and per pixel 5 bytes for JPEG (4:4:4 6, L 2) or 8 for
compressed PNG (L 2). A target size needs 3 times its bytes, a pool its own.
Exit codes: 0 success, 1 failure, 2 wrong usage, 141 reader of stdout closed it,
129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM."""


def build_parser(prog: str = "imagine-gen") -> Parser:
    """Return the parser of the tool's options."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s --path DIR [options]\n       %(prog)s --tar [options] | ...",
        description="Generate reproducible images, noise or photo-like, in parallel.",
        epilog=_EPILOG,
    )
    for heading, options in GROUPS.items():
        group = parser.add_argument_group(heading)
        if heading == "output":
            text = "folder or URL for the images; created if missing"
            group.add_argument("--path", metavar="DIR", help=text)
            text = "write a tar stream of the images to stdout instead of files into DIR"
            group.add_argument("--tar", action="store_true", help=text)
        elif heading == "image":
            _add_dimensions(group)
        for option in options:
            _add_option(group, option)
    add_preset_option(parser, "gen")
    running = parser.add_argument_group("running")
    _add_running_options(running)
    parser.add_closing_options(running)
    return parser


def _add_option(group: argparse._ArgumentGroup, option: Option) -> None:
    kwargs: dict[str, Any] = {"action": "store_true"}
    if option.parse is not bool:
        metavar = option.metavar or ("N" if option.parse is int else None)
        kwargs = {"type": option.parse, "metavar": metavar, "default": option.default}
    group.add_argument(option.flag, help=option.description, **kwargs)


def _add_dimensions(group: argparse._ArgumentGroup) -> None:
    text = "pixels, or LEAST:MOST to draw a number for each image (default: %(default)s)"
    group.add_argument("--width", metavar="N", default="1920", help=text)
    group.add_argument("--height", metavar="N", default="1080", help=text)
    group.add_argument(
        "--size-list",
        metavar="FILE",
        help="draw width and height from FILE, with lines `width height [weight]`, or from the"
        " list `imagenet`",
    )
    shared.add_alias(group, "--image_format", "image_format")


def _add_running_options(group: argparse._ArgumentGroup) -> None:
    shared.add_workers_option(group, "makes images")
    group.add_argument(
        "--chunksize",
        type=int,
        metavar="N",
        help="images per unit of work (default: depends on their dimensions)",
    )
    shared.add_part_option(group, "one range of the images")
    flags = {
        "--resume": "keep images that already exist",
        "--verify": "write nothing, but compare the existing images with those that would be made",
        "--dry-run": "only estimate the bytes and the time, and whether the images fit on the disk",
        "--size": "report on stderr the size of the first image and of the folder, in bytes",
    }
    for flag, text in flags.items():
        group.add_argument(flag, action="store_true", help=text)
    shared.add_null_option(group, "stdout")
    shared.add_fsync_option(group)
    shared.add_message_options(group)
