"""The options that describe a dataset, each defined once.

The command line, the construction of a `DatasetSpec`, its checks and the documentation of
`create_images` use this table. Only light modules are imported: `imagine-gen --help` reads it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from imagine_common.errors import UsageError
from imagine_gen.dataset.quantities import parse_bytes

OUTPUT, IMAGE, CONTENT, LABELS = "output", "image", "content", "labels and folders"

MAX_INDEX = 2**63 - 1
_MAX_TARGET_SIZE = 2**40


class Option(NamedTuple):
    """An option that sets the field of the same name in a `DatasetSpec`.

    `group` is a heading of the help. `parse` converts the text of the argument; `bool` is for an
    option without an argument. `default` is the field's default. Values outside `limits`, or not
    among `choices`, are refused.
    """

    field: str
    group: str
    help: str
    metavar: str | None = "N"
    parse: Callable[[str], object] = int
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
        """Check a value of the field; None is none.

        Raises
        ------
        UsageError
            If the value is outside the limits or not among the choices.
        """
        if value is None:
            return
        if self.choices and value not in self.choices:
            known = ", ".join(self.choices)
            raise UsageError(f"argument {self.flag}: must be one of {known}, not {value!r}")
        if self.limits:
            check_range(self.flag, value, *self.limits)


OPTIONS = (
    Option("name", OUTPUT, "prefix of file names", "PREFIX", os.fsencode, b"image_"),
    Option("count", OUTPUT, "number of images", default=1, limits=(1, MAX_INDEX)),
    Option(
        "start",
        OUTPUT,
        "index of the first image, to split a dataset over hosts",
        default=0,
    ),
    Option(
        "image_format",
        IMAGE,
        "jpg, png, bmp, webp, tiff, avif, jp2 or gif, in any case",
        "FORMAT",
        str,
        "jpg",
    ),
    Option("mode", IMAGE, "RGB, RGBA or L (gray); not every format has all", None, str, "RGB"),
    Option(
        "quality",
        IMAGE,
        "quality of JPEG, WebP and AVIF, 1 to 100 (default: 75)",
        limits=(1, 100),
    ),
    Option(
        "target_size",
        IMAGE,
        "exact size of each JPEG file, reached by quality and filler, such as 114660, 110K or 2MiB",
        "BYTES",
        partial(parse_bytes, "--target-size"),
        limits=(1, _MAX_TARGET_SIZE),
    ),
    Option(
        "target_size_stdev",
        IMAGE,
        "standard deviation of the target size, to draw it from a normal distribution",
        "BYTES",
        partial(parse_bytes, "--target-size-stdev"),
        0,
        (0, _MAX_TARGET_SIZE),
    ),
    Option(
        "subsampling",
        IMAGE,
        "JPEG chroma: 4:4:4 keeps all, 4:2:2 half, 4:2:0 a quarter (default: 4:2:0)",
        "J:A:B",
        str,
        choices=("4:4:4", "4:2:2", "4:2:0"),
    ),
    Option(
        "compress_level",
        IMAGE,
        "PNG compression, 0 (none) to 9 (default: 0, because noise cannot shrink; photo: 6)",
        limits=(0, 9),
    ),
    Option(
        "content",
        CONTENT,
        "noise, the worst case, or photo, with the statistics of photographs",
        None,
        str,
        "noise",
        choices=("noise", "photo"),
    ),
    Option(
        "seed",
        CONTENT,
        "seed of the dataset, below 2^64; different seeds share no image",
        default=0,
        limits=(0, 2**64 - 1),
    ),
    Option(
        "pooled",
        CONTENT,
        "assemble images from strips that are encoded once: all images differ, but strips recur",
        parse=bool,
        default=False,
    ),
    Option(
        "pool_strips",
        CONTENT,
        "number of strips in the pool (default: 256, or as many as an image has, within 128 MiB)",
        limits=(1, 2**20),
    ),
    Option(
        "classes",
        LABELS,
        "number of classes: image I gets the label I modulo N, printed after a tab",
        limits=(1, 10**9),
    ),
    Option(
        "layout",
        LABELS,
        "flat, or imagefolder: one folder for each class",
        None,
        str,
        "flat",
        choices=("flat", "imagefolder"),
    ),
    Option(
        "files_per_dir",
        LABELS,
        "number of images in each numbered folder below DIR (default: all in DIR)",
        limits=(1, MAX_INDEX),
    ),
)


def check_range(option: str, value: object, least: int, most: int) -> None:
    """Check a whole number.

    Raises
    ------
    UsageError
        If the value is not a whole number from `least` to `most`; the error names the option.
    """
    if not hasattr(value, "__index__"):
        raise UsageError(f"argument {option}: must be a whole number, not {value!r}")
    if not least <= value.__index__() <= most:
        raise UsageError(f"argument {option}: must be from {least} to {most}, not {value}")
