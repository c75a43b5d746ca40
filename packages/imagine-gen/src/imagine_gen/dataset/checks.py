"""The checks of a dataset's arguments; all raise a `UsageError` that names the argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.exchange.names import check_names
from imagine_common.text import did_you_mean
from imagine_gen.dataset.formats import FORMATS, SPELLINGS, bmp_bytes, require_codec
from imagine_gen.dataset.options import IMAGEFOLDER, MAX_INDEX, OPTIONS, check_range

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

_MAX_PNG_ROW_BYTES = 2**30
_MAX_TIFF_BYTES = 2**32 - 2**16  # of pixels; offsets have 32 bits, and the header needs some
_MAX_AVIF_PIXELS = 2**28  # libavif's default limit for decoding


def format_name(spelling: str) -> str:
    """Return the name of the file format that a user means."""
    name = SPELLINGS.get(str(spelling).lower())
    if name is None:
        raise UsageError(
            f"argument --image-format: unknown format {spelling!r}; known are"
            f" {', '.join(SPELLINGS)}{did_you_mean(spelling, SPELLINGS)}"
        )
    return name


def check_dataset(spec: DatasetSpec) -> None:
    """Check the arguments of a dataset. None is refused where it is not the default."""
    check_names(spec.path, spec.name, spec.delimiter)
    for option in OPTIONS:
        option.check(getattr(spec, option.field))
    check_range("--start", spec.start, 0, MAX_INDEX - spec.count)
    _check_dimensions(spec)
    for error in _conflicts(spec):
        raise UsageError(error)
    require_codec(spec.format)


def _check_dimensions(spec: DatasetSpec) -> None:
    most = spec.format.max_side
    sides = spec.sizes.sides if spec.sizes else ("--width", "--height")
    if spec.sizes:
        for side, least in zip(sides, spec.sizes.least):
            check_range(side, least, 1, most)
    for side, greatest in zip(sides, (spec.width, spec.height)):
        check_range(side, greatest, 1, most)


def _conflicts(spec: DatasetSpec) -> Iterator[str]:
    """Yield an error for each argument that does not go with the others."""
    name, modes = spec.image_format, spec.format.modes
    if spec.mode not in modes:
        yield f"argument --mode: {name} has no mode {spec.mode!r}; it has {', '.join(modes)}"
    if spec.target_size is not None and name != "jpg":
        yield "argument --target-size: only jpg has it"
    if spec.target_size is not None and spec.quality is not None:
        yield "argument --quality: not with --target-size, which determines it"
    if spec.target_size is None and spec.target_size_stdev:
        yield "argument --target-size-stdev: only with --target-size"
    if spec.compress_level and name != "png":
        yield "argument --compress-level: only png has it"
    if spec.subsampling is not None and (name, spec.mode) != ("jpg", "RGB"):
        yield "argument --subsampling: only jpg of mode RGB has it"
    if spec.layout == IMAGEFOLDER and spec.classes is None:
        yield "argument --layout: imagefolder needs --classes, for one folder each"
    if spec.layout == IMAGEFOLDER and spec.files_per_dir is not None:
        yield "argument --files-per-dir: not with --layout imagefolder"
    if spec.direct and name != "jpg":
        yield f"argument --direct: only jpg has it, not {name}"
    if spec.direct and spec.quality is not None:
        yield "argument --quality: not with --direct, which has quantization tables of its own"
    if spec.direct and spec.pooled:
        yield "argument --pooled: not with --direct, which is as fast and has no strips"
    if spec.pool_strips is not None and not spec.pooled:
        yield "argument --pool-strips: only with --pooled"
    if spec.pooled and spec.format.pillow:
        pooled = ", ".join(name for name, found in FORMATS.items() if not found.pillow)
        yield f"argument --pooled: {name} cannot be pooled; {pooled} can"
    if name == "png" and spec.row_bytes >= _MAX_PNG_ROW_BYTES:
        yield (
            f"argument --width: a row of {spec.width} pixels would reach 1 GiB, the limit for PNG"
            " files"
        )
    if (name == "bmp" and bmp_bytes(spec) >= 2**32) or (
        name == "tiff" and spec.row_bytes * spec.height > _MAX_TIFF_BYTES
    ):
        yield (
            f"arguments --width, --height: a {name.upper()} file of {spec.width}x{spec.height}"
            " would reach 4 GiB, the format's limit; use png"
        )
    if name == "avif" and spec.width * spec.height > _MAX_AVIF_PIXELS:
        yield (
            f"arguments --width, --height: {spec.width}x{spec.height} are over {_MAX_AVIF_PIXELS}"
            " pixels, the limit of AVIF decoders"
        )
