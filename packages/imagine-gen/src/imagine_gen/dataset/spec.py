"""What a dataset is: the arguments that determine every byte of it, checked once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, TypedDict

from imagine_common.exchange.manifest import NUL
from imagine_common.exchange.name_format import NameFormat, template
from imagine_common.exchange.names import DLIO, FLAT, TRAIN, dealt_folder, fixed_folders
from imagine_common.files.folders import subfolders
from imagine_common.signatures import Encoded, PathLike, check_types, named_by_parameter
from imagine_gen.dataset.checks import check_dataset, exact_ratio, format_name
from imagine_gen.dataset.formats import CHANNELS, FORMATS, Format
from imagine_gen.dataset.options import HEIGHT, IMAGEFOLDER, NAME, WIDTH
from imagine_gen.random_streams import Draw, shared_stream

if TYPE_CHECKING:
    from imagine_gen.dataset.dimensions import SizeList, SizeRange

DEFAULT_QUALITY = 75
_PHOTO_COMPRESS_LEVEL = 6  # zlib's default, and Pillow's
_NUMBERED_DIGITS = 6
_FIELDS, _SHARD_FIELDS = ("index", "count"), ("shard", "total")  # of names
_SHARDS = b"shard-{shard:06d}"


class OptionalArguments(TypedDict, total=False):
    """The arguments of `create_images` that become fields of a `DatasetSpec` as they are."""

    start: int
    name_format: PathLike | None
    extension: str | None
    mode: str
    quality: int | None
    compress_level: int | None
    content: str
    sizes: SizeRange | SizeList | None
    classes: int | None
    layout: str
    files_per_dir: int | None
    subfolders: int | None
    shard_samples: int | None
    index: bool
    direct: bool
    pooled: bool
    pool_strips: int | None
    subsampling: str | None
    target_size: int | None
    target_size_stdev: int
    stamp: bool
    dedupe_ratio: Any  # a number, or its decimal text
    compress_ratio: Any


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset: the images to make, and where they go.

    A field with the name of an option has its meaning, which `imagine_gen.dataset.options`
    describes. Fields that were not given are completed with defaults that depend on others. `path`
    and `name` take `str` and path-like objects too. `width` and `height` are in pixels; if `sizes`
    is given, dimensions are drawn from it, and they are the greatest. `pool_height` is the least
    height of the images that share pools. `delimiter` is the byte that ends a path on stdout, which
    no path may contain. `whole_count` is the number of images of the dataset that this is a part
    of. A ratio is a number or its text.

    Raises
    ------
    UsageError
        From the constructor, if a value is out of range or conflicts with another.
    """

    path: Encoded = Encoded()
    name: Encoded = Encoded(NAME)
    width: int = WIDTH
    height: int = HEIGHT
    count: int = 1
    image_format: str = "jpg"
    start: int = 0
    mode: str = "RGB"
    quality: int | None = None
    compress_level: int | None = None
    direct: bool = False
    pooled: bool = False
    pool_strips: int | None = None
    seed: int = 0
    content: str = "noise"
    sizes: SizeRange | SizeList | None = None
    classes: int | None = None
    layout: str = FLAT
    files_per_dir: int | None = None
    pool_height: int | None = None
    delimiter: bytes = NUL
    subsampling: str | None = None
    target_size: int | None = None
    target_size_stdev: int = 0
    name_format: PathLike | None = None
    extension: str | None = None
    subfolders: int | None = None
    shard_samples: int | None = None
    index: bool = False
    whole_count: int | None = None
    dedupe_ratio: Fraction = Fraction(1)
    compress_ratio: Fraction = Fraction(1)
    stamp: bool = False

    @named_by_parameter()
    def __post_init__(self) -> None:
        for field in ("dedupe_ratio", "compress_ratio"):
            vars(self)[field] = exact_ratio(field, getattr(self, field))  # The class is frozen.
        check_types(vars(self), self.__annotations__)
        vars(self).update(image_format=format_name(self.image_format))
        if self.sizes:
            sizes = self.sizes.pooled() if self.pooled else self.sizes
            width, height = sizes.largest
            vars(self).update(sizes=sizes, width=width, height=height)
        check_dataset(self)
        options = self.format.options
        if self.compress_level is None and "--compress-level" in options:
            vars(self).update(
                compress_level=_PHOTO_COMPRESS_LEVEL if self.content == "photo" else 0
            )
        sized = self.direct or self.target_size is not None
        if self.quality is None and not sized and "--quality" in options:
            vars(self).update(quality=DEFAULT_QUALITY)
        if self.subsampling is None and "--subsampling" in options and self.mode == "RGB":
            vars(self).update(subsampling="4:2:0")

    @property
    def format(self) -> Format:
        """Return the format's description."""
        return FORMATS[self.image_format]

    @property
    def row_bytes(self) -> int:
        """Return the bytes of a row of pixels, without padding."""
        return self.width * CHANNELS[self.mode]

    def of_size(self, width: int, height: int) -> DatasetSpec:
        """Return the specification of those images that have a width and a height."""
        return _of_size(self, width, height)

    def of_image(self, index: int) -> DatasetSpec:
        """Return the specification of those images that are as large as one of them."""
        if self.sizes is None:
            return self
        words = shared_stream(self.seed, Draw.DIMENSIONS, 2).words(self.original(index))
        return self.of_size(*self.sizes.pick(*words.tolist()))

    def original(self, index: int) -> int:
        """Return the index of the image that an image repeats, which may be its own."""
        if self.dedupe_ratio == 1:
            return index
        originals = ceil(index / self.dedupe_ratio)  # below the index
        if ceil((index + 1) / self.dedupe_ratio) > originals:
            return index
        (word,) = shared_stream(self.seed, Draw.ORIGINAL, 1).words(index).tolist()
        return int((word * originals >> 64) * self.dedupe_ratio)

    def content_size(self, size: int) -> int:
        """Return the bytes of a file that are not filler of `--compress-ratio`."""
        return int(size / self.compress_ratio)

    def whole_size(self, size: int) -> int:
        """Return the bytes of a file that has `size` bytes besides filler of `--compress-ratio`."""
        target = self.target_size or 0  # exact, although its content's size was rounded
        return target + int((size - self.content_size(target)) * self.compress_ratio)

    def image_path(self, index: int) -> bytes:
        """Return the path of an image's file: its own or, with `shard_samples`, its shard."""
        if self.shard_samples is None:
            return os.path.join(self.path, self.image_name(index))
        total = -(-(self.whole_count or self.count) // self.shard_samples)
        name = self.files.name(index // self.shard_samples, total)
        return os.path.join(self.path, name + b".tar")

    def image_name(self, index: int) -> bytes:
        """Return the path of an image below the dataset's folder."""
        return os.path.join(self._subfolder(index), self._name % {b"number": index})

    @cached_property
    def names(self) -> NameFormat:
        """Return the names of images, without their extension."""
        if self.name_format is None or self.shard_samples is not None:
            return NameFormat.from_prefix(self.name, _FIELDS)
        return NameFormat.from_format(os.fsencode(self.name_format), _FIELDS)

    @cached_property
    def _name(self) -> bytes:
        names = template(self.names, self.whole_count or self.count)
        return b"%b.%b" % (names, (self.extension or self.image_format).encode())

    @cached_property
    def files(self) -> NameFormat:
        """Return the names of files, without their suffix: of images or of shards."""
        if self.shard_samples is None:
            return self.names
        return NameFormat.from_format(os.fsencode(self.name_format or _SHARDS), _SHARD_FIELDS)

    @property
    def has_subfolders(self) -> bool:
        """Return whether images go into folders below the dataset's folder."""
        return self.layout != FLAT or bool(self.files_per_dir or self.subfolders)

    @property
    def fixed_folders(self) -> tuple[bytes, ...]:
        """Return the folders that the dataset has even without images; they go into the first."""
        return fixed_folders(self.path, self.layout)

    def folders(self) -> Iterator[bytes]:
        """Yield the dataset's folder, and the existing folders in it with names of its layout."""
        yield from {self.path: None, self.fixed_folders[0]: None}
        least = 1 if self.subfolders or self.layout == DLIO else _NUMBERED_DIGITS
        for name in subfolders(self.fixed_folders[0]) if self.has_subfolders else ():
            if re.fullmatch(rb"class_[0-9]+|[0-9]{%d,}" % least, name):
                yield os.path.join(self.fixed_folders[0], name)

    def _subfolder(self, index: int) -> bytes:
        if self.layout == IMAGEFOLDER and self.classes is not None:
            # The numbers have one length: readers derive labels from the order of the names.
            return b"class_%0*d" % (len(str(self.classes - 1)), index % self.classes)
        if self.files_per_dir is not None:
            return b"%0*d" % (_NUMBERED_DIGITS, index // self.files_per_dir)
        folder = TRAIN if self.layout == DLIO else b""
        if self.subfolders is None:
            return folder
        return os.path.join(folder, dealt_folder(index, self.subfolders))

    def labels(self, index: int) -> tuple[int, ...]:
        """Return the labels of an image: one where there are classes, or none."""
        return () if self.classes is None else (index % self.classes,)


@lru_cache(maxsize=4096)
def _of_size(spec: DatasetSpec, width: int, height: int) -> DatasetSpec:
    low = spec.sizes.least[1] if spec.sizes else None
    # The constructor would repeat all checks for each image, though the largest has passed them.
    derived = object.__new__(DatasetSpec)
    derived.__dict__.update(spec.__dict__, width=width, height=height, sizes=None, pool_height=low)
    return derived
