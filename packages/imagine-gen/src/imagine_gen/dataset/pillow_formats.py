"""The formats that are left to Pillow: whether the installed one has them, and what they take.

Pillow comes built with different codecs, so having a format is asked of the one that is there. It
is imported only for that, since this module is read for every dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import UsageError

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

_MAX_TIFF_BYTES = 2**32 - 2**16  # of pixels; offsets have 32 bits, and the header needs some
_MAX_AVIF_PIXELS = 2**28  # Unless told, libavif decodes no more.


class PillowFormat(NamedTuple):
    """A format of Pillow's.

    `kind` is Pillow's name of the format, `codec` that of what it may be built without. `since`
    tells which of Pillow's own wheels have it. `pixel_bytes` is the memory that encoding takes in
    each mode, in bytes a pixel on top of the image itself: what was measured with noise, at
    quality 100 where a format has quality, rounded up.
    """

    kind: str
    codec: str | None
    since: str
    pixel_bytes: Mapping[str, int]


PILLOW_FORMATS = {
    "webp": PillowFormat("WEBP", "webp", "all", {"RGB": 32, "RGBA": 45}),
    "tiff": PillowFormat("TIFF", None, "all", {"RGB": 4, "RGBA": 5, "L": 2}),
    "avif": PillowFormat("AVIF", "avif", "those from 11.3 on", {"RGB": 29, "RGBA": 51}),
    "jp2": PillowFormat("JPEG2000", "jpg_2000", "all", {"RGB": 46, "RGBA": 61, "L": 18}),
    "gif": PillowFormat("GIF", None, "all", {"RGB": 8, "L": 2}),
}


def check_pillow_format(spec: DatasetSpec) -> None:
    """Refuse what a format of Pillow's can't hold, and the format where Pillow lacks it.

    Raises
    ------
    UsageError
    """
    name = spec.image_format
    if spec.pooled:
        raise UsageError(
            f"argument --pooled: {name} has no strips to put images together from; jpg, png and"
            " bmp have"
        )
    if name == "tiff" and spec.row_bytes * spec.height > _MAX_TIFF_BYTES:
        raise UsageError(
            f"arguments --width, --height: a TIFF file of {spec.width}x{spec.height} would reach"
            " 4 GiB, the format's limit; use png"
        )
    if name == "avif" and spec.width * spec.height > _MAX_AVIF_PIXELS:
        raise UsageError(
            f"arguments --width, --height: {spec.width}x{spec.height} are over {_MAX_AVIF_PIXELS}"
            " pixels, beyond which AVIF decoders refuse an image"
        )
    require_available(name)


def require_available(image_format: str) -> None:
    """Find out whether the installed Pillow writes a format.

    Raises
    ------
    UsageError
        Where it was built without.
    """
    form = PILLOW_FORMATS[image_format]
    import PIL
    from PIL import features

    # One that is older than the format doesn't know the codec's name, and warns when asked.
    known = form.codec in {*features.modules, *features.codecs}
    if form.codec and not (known and features.check(form.codec)):
        raise UsageError(
            f"argument --image-format: Pillow {PIL.__version__}, which is installed, has no"
            f" {form.kind}; of its own wheels, {form.since} have it"
        )
