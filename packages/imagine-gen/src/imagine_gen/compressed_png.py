"""PNG through Pillow, which chooses filters row by row and compresses with zlib."""

from __future__ import annotations

import io

from PIL import Image

from imagine_gen.canvas import CanvasEncoder
from imagine_gen.spec import DatasetSpec


class Encoder(CanvasEncoder):
    """Encodes fresh images with a level of compression from 1 to 9."""

    def __init__(self, spec: DatasetSpec) -> None:
        def save(image: Image.Image) -> bytes:
            file = io.BytesIO()
            image.save(file, "PNG", compress_level=spec.compress_level)
            return file.getvalue()

        super().__init__(spec, save)
