"""The options that describe a dataset, each defined once, and the quantities in their arguments.

The command line, the checks of a `DatasetSpec` and the documentation of `create_images` use them.
Imports only light modules, because `imagine-gen --help` needs this one. All checks raise a
`UsageError` that names the option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

from imagine_common.cli.quantities import byte_count, whole_number
from imagine_common.errors import UsageError
from imagine_common.exchange.names import DLIO, FLAT
from imagine_common.text import did_you_mean

MAX_INDEX = 2**63 - 1
IMAGEFOLDER = "imagefolder"
NAME = "image_"
WIDTH, HEIGHT = 1920, 1080
_MAX_BYTES = 2**40
_RANGE = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)


class Option(NamedTuple):
    """An option that sets the field of the same name in a `DatasetSpec`.

    `parse` converts the text of the argument; `bool` is for an option without an argument.
    `default` is the field's default. Values outside `limits`, or not among `choices`, are refused.
    """

    field: str
    help: str
    metavar: str | None = None
    parse: Callable[[str], object] = whole_number
    default: object = None
    limits: tuple[int, int] | None = None
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Return the option as users type it."""
        return f"--{self.field.replace('_', '-')}"

    @property
    def description(self) -> str:
        """Return the help text with the default."""
        if self.default is None or self.default is False:
            return self.help
        text = os.fsdecode(self.default) if isinstance(self.default, bytes) else self.default
        return f"{self.help} (default: {text})"

    def check(self, value: object) -> None:
        """Check the value of the option, which may be None only where that is the default."""
        if value is None and self.default is None:
            return
        if self.choices and value not in self.choices:
            known = ", ".join(self.choices)
            meant = did_you_mean(value, self.choices)
            raise UsageError(f"argument {self.flag}: must be one of {known}, not {value!r}{meant}")
        if self.limits:
            check_range(self.flag, value, *self.limits)


def check_range(option: str, value: object, least: int, most: int) -> None:
    """Check that a value is a whole number in a range."""
    if not hasattr(value, "__index__"):
        raise UsageError(f"argument {option}: must be a whole number, not {value!r}")
    if not least <= value.__index__() <= most:
        raise UsageError(f"argument {option}: must be from {least} to {most}, not {value}")


def parse_range(option: str, text: str) -> tuple[int, int]:
    """Return the least and the greatest number of pixels in `400:600`, or `500` for both."""
    match = _RANGE.fullmatch(text)
    if not match:
        raise UsageError(f"argument {option}: expected pixels, N or LEAST:MOST, not {text!r}")
    least, most = int(match[1]), int(match[2] or match[1])
    if least > most:
        raise UsageError(f"argument {option}: the first number of {text} is greater")
    return least, most


# The options under each heading of the help.
GROUPS = {
    "output": (
        Option("name", "prefix of file names", "PREFIX", os.fsencode, NAME.encode()),
        Option(
            "name_format", "whole names, such as `img_{index:0*}_of_{count}`", "FORMAT", os.fsencode
        ),
        Option("extension", "extension of file names, such as jpeg or JPG", "EXT", str),
        Option("count", "number of images", default=1, limits=(1, MAX_INDEX)),
        Option("start", "index of the first image, to split a dataset over hosts", default=0),
    ),
    "image": (
        Option(
            "image_format",
            "jpg, png, bmp, webp, tiff, avif, jp2 or gif; in any case",
            "FORMAT",
            str,
            "jpg",
        ),
        Option(
            "mode",
            "RGB, RGBA or L (gray); not every format has all",
            parse=str.upper,
            default="RGB",
        ),
        Option(
            "quality", "quality of JPEG, WebP and AVIF, 1 to 100 (default: 75)", limits=(1, 100)
        ),
        Option(
            "target_size",
            "exact size of each JPEG file, such as 114660, 115KB or 2MiB; by quality and filler",
            "BYTES",
            byte_count,
            limits=(1, _MAX_BYTES),
        ),
        Option(
            "target_size_stdev",
            "standard deviation of the target size, to draw it from a normal distribution",
            "BYTES",
            byte_count,
            default=0,
            limits=(0, _MAX_BYTES),
        ),
        Option(
            "subsampling",
            "JPEG chroma: 4:4:4 keeps all, 4:2:2 half, 4:2:0 a quarter (default: 4:2:0)",
            "J:A:B",
            str,
            choices=("4:4:4", "4:2:2", "4:2:0"),
        ),
        Option(
            "stamp",
            "put dataset, index and CRC-32 into each image, which --verify FILE and --test check",
            parse=bool,
            default=False,
        ),
        Option(
            "compress_level",
            "PNG compression, 0 (none) to 9 (default: 0, as noise cannot shrink; photo: 6)",
            limits=(0, 9),
        ),
    ),
    "content": (
        Option(
            "content",
            "noise or photo; noise is the worst case, photo has the statistics of photographs",
            parse=str.lower,
            default="noise",
            choices=("noise", "photo"),
        ),
        Option(
            "seed",
            "seed below 2^64; datasets with different seeds share no image",
            default=0,
            limits=(0, 2**64 - 1),
        ),
        Option(
            "direct",
            "write JPEG without an encoder: at the speed of memory, and every byte fresh",
            parse=bool,
            default=False,
        ),
        Option(
            "pooled",
            "assemble PNG and BMP from strips that are made once, which storage finds again",
            parse=bool,
            default=False,
        ),
        Option(
            "pool_strips",
            "strips in the pool (default: 256, or as many as an image has, within 128 MiB)",
            limits=(1, 2**20),
        ),
        Option("dedupe_ratio", "images, divided by those that differ, such as 1.5", "R", str, 1),
        Option(
            "compress_ratio", "grow JPEG, PNG, TIFF R times by compressible filler", "R", str, 1
        ),
    ),
    "labels and folders": (
        Option("classes", "give image I the label I modulo N, after a tab", limits=(1, 10**9)),
        Option(
            "layout",
            "flat, imagefolder: one folder for each class, or dlio: images in DIR/train, and an"
            " empty DIR/valid",
            parse=str.lower,
            default=FLAT,
            choices=(FLAT, IMAGEFOLDER, DLIO),
        ),
        Option(
            "files_per_dir",
            "number of images in each numbered folder below DIR (default: no such folders)",
            limits=(1, MAX_INDEX),
        ),
        Option("subfolders", "put image I into the folder I modulo N", limits=(2, 10**9)),
    ),
    "shards": (
        Option(
            "shard_samples", "with --tar: write shards of N samples into DIR", limits=(1, MAX_INDEX)
        ),
        Option("index", "also write the index of each shard, as wds2idx does", None, bool, False),
    ),
}
OPTIONS = tuple(option for options in GROUPS.values() for option in options)
