"""The options of imagine-gen, in groups: what most runs need comes first."""

from __future__ import annotations

import argparse

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

WIDTH, HEIGHT = "1920", "1080"

_EPILOG = """\
The path of each image goes to stdout once the file is complete, in order, so:
  set -o pipefail
  imagine-gen --path images --count 1000 | imagine-tfrecord --dest-path records

The pixels of image I depend on content, seed, I, width, height and mode alone
(pooled: and --pool-strips, format, quality, subsampling). A worker needs 60 MB
(photo content 90), and for JPEG 5 bytes a pixel (4:4:4 6, L 2), for compressed
PNG 8 (L 2), and 3 times a target size; a pool comes on top.
Exit: 0 done, 1 failed, 2 wrong usage, 141 reader of stdout gone, 129, 130, 143
hung up, interrupted, terminated."""


def build_parser(prog: str = "imagine-gen") -> Parser:
    """Return the parser of the tool's options."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s --path DIR [options]\n       %(prog)s --tar [options] | ...",
        description="Generate images, noise or photo-like, exactly reproducible, in parallel.",
        epilog=_EPILOG,
    )
    _add_output_options(parser.add_argument_group("output"))
    _add_image_options(parser.add_argument_group("image"))
    _add_content_options(parser.add_argument_group("content"))
    _add_label_options(parser.add_argument_group("labels and folders"))
    add_preset_option(parser, "gen")
    running = parser.add_argument_group("running")
    _add_running_options(running)
    parser.add_closing_options(running)
    return parser


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--path", metavar="DIR", help="folder or URL for the images; created if missing"
    )
    group.add_argument(
        "--tar",
        action="store_true",
        help="write a tar stream of the images to stdout, instead of files into DIR",
    )
    group.add_argument(
        "--name",
        metavar="PREFIX",
        default="image_",
        help="files are PREFIX, index, extension (default: %(default)s)",
    )
    group.add_argument(
        "--count", type=int, metavar="N", default=1, help="how many images (default: %(default)s)"
    )
    group.add_argument(
        "--start",
        type=int,
        metavar="N",
        help="the first index, so that hosts can split a dataset (default: 0)",
    )


def _add_image_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--width",
        metavar="N",
        help=f"pixels, or LEAST:MOST to draw it for each image (default: {WIDTH})",
    )
    group.add_argument("--height", metavar="N", help=f"the same (default: {HEIGHT})")
    group.add_argument(
        "--size-list",
        metavar="FILE",
        help="draw width and height from FILE's lines, `width height [weight]`, or from the list"
        " `imagenet`",
    )
    group.add_argument(
        "--image-format",
        metavar="FORMAT",
        default="jpg",
        help="jpg, png, bmp, webp, tiff, avif, jp2 or gif, in any case (default: %(default)s)",
    )
    add_alias(group, "--image_format", "image_format")
    group.add_argument(
        "--mode",
        default="RGB",
        help="RGB, RGBA or L (gray), where the format has it (default: %(default)s)",
    )
    group.add_argument(
        "--quality",
        type=int,
        metavar="N",
        help="of JPEG, WebP and AVIF, 1 to 100 (default: 75)",
    )
    group.add_argument(
        "--target-size",
        metavar="BYTES",
        help="make each JPEG file of exactly so many bytes, by quality and filler; also 110K, 2MiB",
    )
    group.add_argument(
        "--target-size-stdev",
        metavar="BYTES",
        help="draw that from a normal distribution with this standard deviation",
    )
    group.add_argument(
        "--subsampling",
        metavar="J:A:B",
        help="of JPEG's chroma: 4:4:4 keeps all, 4:2:2 half, 4:2:0 a quarter (default: 4:2:0)",
    )
    group.add_argument(
        "--compress-level",
        type=int,
        metavar="N",
        help="PNG compression, 1 to 9; 0 stores (default: 0, as noise can't shrink; photos: 6)",
    )


def _add_content_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--content",
        default="noise",
        help="noise, the worst case, or photo, with a photograph's statistics"
        " (default: %(default)s)",
    )
    group.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=0,
        help="the dataset's seed, below 2^64; no two share an image (default: %(default)s)",
    )
    group.add_argument(
        "--pooled",
        action="store_true",
        help="put images together from strips encoded once: no two are equal, strips recur",
    )
    group.add_argument(
        "--pool-strips",
        type=int,
        metavar="N",
        help="strips in the pool (default: 256, or as many as an image has, within 128 MiB)",
    )


def _add_label_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--classes",
        type=int,
        metavar="N",
        help="give image I the label I modulo N, after a tab on stdout",
    )
    group.add_argument(
        "--layout",
        default="flat",
        help="flat, or imagefolder: a folder for each class (default: %(default)s)",
    )
    group.add_argument(
        "--files-per-dir",
        type=int,
        metavar="N",
        help="put so many images into each of numbered folders below DIR",
    )


def _add_running_options(group: argparse._ArgumentGroup) -> None:
    add_workers_option(group, "makes images")
    group.add_argument(
        "--chunksize",
        type=int,
        metavar="N",
        help="images per unit of work (default: by their size)",
    )
    add_part_option(group, "one range of the images")
    group.add_argument("--resume", action="store_true", help="keep images that are there already")
    group.add_argument(
        "--verify",
        action="store_true",
        help="write nothing, but compare what is there with what would be made",
    )
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="only tell how much would be made, in what time, and whether it fits",
    )
    group.add_argument(
        "--size",
        action="store_true",
        help="report on stderr the first image's size and the folder's, in bytes",
    )
    add_null_option(group, "stdout")
    add_fsync_option(group)
    add_message_options(group)
