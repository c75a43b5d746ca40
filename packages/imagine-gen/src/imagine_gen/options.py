"""The parser of imagine-gen's command line; `dataset.options` has the options of the dataset."""

from __future__ import annotations

import argparse
import os
from typing import Any

from imagine_common.cli import options as shared
from imagine_common.cli.parser import Parser
from imagine_common.cli.presets import add_preset_option
from imagine_common.cli.quantities import byte_count, whole_number
from imagine_gen.dataset.options import GROUPS, HEIGHT, WIDTH, Option

_EXAMPLES = (
    "imagine-gen --path images --count 1000 --width 500 --height 375",
    "imagine-gen --path images --count 1000 | imagine-tfrecord --dest-path records",
    "imagine-gen --preset imagenet --path imagenet --dry-run",
)
_COMMON = (
    "--path --count --width --height --image-format --content --target-size --preset --resume"
    " --workers"
)
_CODECS = {  # by Pillow's names
    "libjpeg_turbo": "libjpeg-turbo",
    "zlib_ng": "zlib-ng",
    "zlib": "zlib",
    "webp": "libwebp",
    "libtiff": "libtiff",
    "avif": "libavif",
    "jpg_2000": "OpenJPEG",
}
# Errors about these arguments get a hint at what was meant.
_HINTS = {
    r"(?<!\S)'?(\d+)x(\d+)": r"for dimensions: --width \1 --height \2",
    r"^unrecognized arguments: (?![-\d])(\S+)": r"for the folder: --path \1",
}
_EPILOG = """\
The path of each image is printed once its file is complete, in order. Begin
scripts with `set -o pipefail`.

The pixels of image I depend only on content, seed, I, width, height and mode
(direct: also on subsampling and target size; pooled: on --pool-strips). Each
worker needs 60 MB (photo content 90), and per pixel 5 bytes for JPEG that is
encoded (4:4:4 6, L 2) or 8 for compressed PNG (L 2). A target size needs 3
times its bytes, a pool its own.
Exit codes: 0 success, 1 failure, 2 wrong usage, 141 reader of stdout closed it,
129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM."""


def build_parser(prog: str = "imagine-gen") -> Parser:
    """Return the parser of the tool's options."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s --path DIR [options]\n       %(prog)s --tar [options] | ...\n"
        "       %(prog)s --verify FILE ...",
        description="Generate reproducible images, noise or photo-like, in parallel.",
        epilog=_EPILOG,
        examples=_EXAMPLES,
        common=_COMMON,
        hints=_HINTS,
    )
    for heading, options in GROUPS.items():
        group = parser.add_argument_group(heading)
        if heading == "output":
            text = "folder or URL for the images; created if missing"
            shared.add_option(group, "--path", text, "DIR")
            text = "write a tar stream of the images to stdout instead of files into DIR, or shards"
            shared.add_option(group, "--tar", text)
            shared.add_others_options(group)
        elif heading == "image":
            _add_dimensions(group)
        for option in options:
            _add_option(group, option)
        if heading == "shards":
            text = "with --tar: write shards of up to BYTES; if all images have one known size"
            shared.add_option(group, "--shard-bytes", text, "BYTES", None, byte_count)
    add_preset_option(parser, "gen")
    running = parser.add_argument_group("running")
    _add_running_options(running)
    parser.add_closing_options(running)
    parser.libraries = _libraries
    return parser


def _libraries() -> list[str]:
    """Return the names and versions of the libraries that the bytes of images depend on."""
    from importlib.metadata import version

    from PIL import features

    found = [(name, features.version(feature)) for feature, name in _CODECS.items()]
    codecs = ", ".join(f"{name} {number}" for name, number in found if number)
    return [f"Pillow {version('Pillow')} ({codecs})", f"zlib-ng {version('zlib-ng')}"]


def _add_option(group: argparse._ArgumentGroup, option: Option) -> None:
    kwargs: dict[str, Any] = {"action": "store_true"}
    if option.parse is not bool:
        metavar = option.metavar or ("N" if option.parse is whole_number else None)
        kwargs = {"type": option.parse, "metavar": metavar, "default": option.default}
    group.add_argument(option.flag, help=option.description, **kwargs)


def _add_dimensions(group: argparse._ArgumentGroup) -> None:
    text = "pixels, or LEAST:MOST to draw a number for each image"
    shared.add_option(group, "--width", text, "N", str(WIDTH))
    shared.add_option(group, "--height", text, "N", str(HEIGHT))
    text = (
        "draw width and height from FILE, with lines `width height [weight]`, or from the list"
        " `imagenet`"
    )
    shared.add_option(group, "--size-list", text, "FILE")
    shared.add_alias(group, "--image_format", "image_format")


def _add_running_options(group: argparse._ArgumentGroup) -> None:
    shared.add_workers_option(group, "makes images")
    text = "images per unit of work (default: depends on their dimensions)"
    shared.add_option(group, "--chunksize", text, "N", None, whole_number)
    shared.add_part_option(group, "one range of the images")
    flags = {
        "--resume": "keep images that already exist; makes a few of them again to compare",
        "--dry-run": "only estimate the bytes and the time, and whether the images fit on the disk;"
        " measures an existing DIR by writing up to 32 MiB into it and removing them",
        "--size": "report on stderr the size of the first image and of the folder, in bytes",
    }
    for flag, text in flags.items():
        shared.add_option(group, flag, text)
    text = (
        "write nothing, but compare the existing images with those that would be made; with FILE,"
        " or - for a manifest on stdin, only check images that have stamps"
    )
    group.add_argument("--verify", metavar="FILE", nargs="*", help=text)
    text = (
        "describe the dataset in FILE, as JSON, when it is complete; with --verify, compare it with"
        " that card, without further options"
    )
    shared.add_option(group, "--card", text, "FILE", None, os.fsencode)
    text = "only join the cards of all parts of a dataset into that of --card"
    group.add_argument("--join-cards", metavar="FILE", nargs="+", type=os.fsencode, help=text)
    shared.add_null_option(group, "stdout")
    shared.add_fsync_option(group)
    shared.add_message_options(group)
