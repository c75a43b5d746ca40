"""JPEG (ITU-T T.81) through Pillow, whose encoder is libjpeg-turbo."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from imagine_common.atomic import Buffer
from imagine_gen.pixels import PixelStream
from imagine_gen.spec import DatasetSpec


def encode(spec: DatasetSpec, index: int) -> Iterator[Buffer]:
    """Yield the file of an image: baseline, chroma subsampled 4:2:0, standard Huffman tables."""
    pixels = PixelStream(spec.seed, index).read(0, spec.row_bytes * spec.height)
    size = (spec.width, spec.height)
    image = Image.frombuffer(spec.mode, size, pixels, "raw", spec.mode, 0, 1)
    file = io.BytesIO()
    # All that decides about bytes is said here, not left to the defaults of a Pillow version.
    image.save(
        file, "JPEG", quality=spec.quality, subsampling="4:2:0", optimize=False, progressive=False
    )
    yield file.getvalue()  # not a copy: BytesIO shares its buffer
