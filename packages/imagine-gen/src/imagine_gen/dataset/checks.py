"""The checks of a dataset's arguments; all raise a `UsageError` that names the argument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NUL
from imagine_common.exchange.names import check_names
from imagine_common.files.stamps import PLACES
from imagine_common.text import did_you_mean, show
from imagine_gen.dataset.combinations import refuse_clashes
from imagine_gen.dataset.formats import EXTENSIONS, SPELLINGS, bmp_bytes, require_codec
from imagine_gen.dataset.options import MAX_INDEX, OPTIONS, check_range

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

_MAX_PNG_ROW_BYTES = 2**30
_MAX_TIFF_BYTES = 2**32 - 2**16  # of pixels; offsets have 32 bits, and the header needs some
_RATIO = re.compile(r"[1-9]\d{0,5}(?:\.\d{1,9})?", re.ASCII)
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


def exact_ratio(field: str, value: object) -> Fraction:
    """Return a ratio that is given as a number or as its decimal text."""
    if isinstance(value, Fraction) and value >= 1:
        return value
    if _RATIO.fullmatch(str(value)):
        return Fraction(str(value))
    option = f"--{field.replace('_', '-')}"
    raise UsageError(f"argument {option}: must be a number from 1 to 999999, not {value!r}")


def check_dataset(spec: DatasetSpec) -> None:
    """Check the arguments of a dataset. None is refused where it is not the default."""
    check_names(spec.path, spec.files.text, spec.delimiter, spec.files.option)
    if spec.shard_samples is not None:
        check_names(spec.path, spec.name, NUL)
        check_members(spec)
    for option in OPTIONS:
        option.check(getattr(spec, option.field))
    check_range("--start", spec.start, 0, MAX_INDEX - spec.count)
    _check_dimensions(spec)
    for error in _conflicts(spec):
        raise UsageError(error)
    refuse_clashes(_words(spec))
    require_codec(spec.format)


def check_members(spec: DatasetSpec) -> None:
    """Refuse names of images that readers of a tar archive, or of its index, misunderstand."""
    text = spec.names.text
    if b"." in text or (spec.index and not re.fullmatch(rb"[!-~]*", text)):
        raise UsageError(
            f"argument {spec.names.option}: {show(text)} contains a dot or, with --index, a space"
            " or a letter beyond ASCII, where readers of archives and indexes end a name"
        )


def _words(spec: DatasetSpec) -> set[str]:
    """Return the options that were given, and all options with their values."""
    values = {option: getattr(spec, option.field) for option in OPTIONS}
    given = {option.flag for option, value in values.items() if value != option.default}
    given |= {"--tar"} if spec.shard_samples else set()
    return given | {f"{option.flag}={value}" for option, value in values.items()}


def _check_dimensions(spec: DatasetSpec) -> None:
    most = spec.format.max_side
    sides = spec.sizes.sides if spec.sizes else ("--width", "--height")
    least = spec.sizes.least if spec.sizes else ()
    for side, pixels in zip(sides * 2, (*least, spec.width, spec.height)):
        check_range(side, pixels, 1, most)


def _conflicts(spec: DatasetSpec) -> Iterator[str]:
    """Yield an error for names, a mode or dimensions that the format cannot have."""
    is_piece = spec.start and spec.whole_count is None
    if is_piece and spec.files.needs_total:
        total = spec.files.fields[1]
        yield f"argument --start: not with {{{total}}} or :0* in --name-format; --part knows it"
    if is_piece and spec.shard_samples and spec.start % spec.shard_samples:
        yield f"argument --start: must be a multiple of the {spec.shard_samples} samples of a shard"
    name, modes = spec.image_format, spec.format.modes
    extensions = (name, *EXTENSIONS.get(name, ()))
    if spec.extension is not None and spec.extension.lower() not in extensions:
        yield f"argument --extension: must be {' or '.join(extensions)}, not {spec.extension!r}"
    if spec.mode not in modes:
        yield f"argument --mode: {name} has no mode {spec.mode!r}; it has {', '.join(modes)}"
    if name == "png" and spec.row_bytes >= _MAX_PNG_ROW_BYTES:
        yield (
            f"argument --width: a row of {spec.width} pixels would reach 1 GiB, the limit for PNG"
            " files"
        )
    if (name == "bmp" and bmp_bytes(spec) >= 2**32 - spec.stamp * PLACES[name].size) or (
        name == "tiff" and spec.row_bytes * spec.height > spec.content_size(_MAX_TIFF_BYTES)
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
