"""Fresh JPEG files of a target size, and the sample that predicts their bytes at each level."""

from __future__ import annotations

from functools import partial

from PIL import Image

from imagine_common.files.output import Buffer
from imagine_gen.content.base import content_of
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.jpeg import encode, levels, scan_begin
from imagine_gen.formats.pillow import Canvas
from imagine_gen.target_size.encoder import TargetSizeEncoder
from imagine_gen.target_size.level_search import Fineness, interpolated, level_of

_FINENESS = Fineness(step=2, margin=2, tolerance=5)
_SAMPLE_SIDE = 256  # a multiple of all MCUs
_SAMPLE_IMAGES = 4  # encoded to find the least size that all images can have
_END_OF_IMAGE_BYTES = 2


class Sample:
    """A prediction of the bytes of a dataset's images at each level, from the middle of one image.

    Large images take long to encode, so the whole image is encoded at few levels: at one that
    corrects the figures of the middle, and at the coarsest and the finest, which are the limits.
    The dataset has a target size and fixed dimensions.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        self._subsampling = spec.subsampling
        self._levels = levels(spec.mode)
        canvas, content = Canvas(spec), content_of(spec)
        whole = canvas.paint(content.image(0))
        width, height = (min(side, _SAMPLE_SIDE) for side in whole.size)
        left, top = (whole.width - width) // 2, (whole.height - height) // 2
        self._middle = whole.crop((left, top, left + width, top + height))
        self._middle_bytes = interpolated(self._measure, len(self._levels))
        self.overhead = scan_begin(self._file(self._middle, 0)) + _END_OF_IMAGE_BYTES
        self._pixels = spec.width * spec.height
        room = (spec.target_size or 0) - self.overhead
        share = room * width * height // self._pixels
        level = level_of(share, self._middle_bytes, len(self._levels))
        self._share = self._middle_bytes(level)
        self._whole, self._least, self._most = (
            len(self._file(whole, at)) - self.overhead for at in (level, 0, len(self._levels) - 1)
        )
        for index in range(1, _SAMPLE_IMAGES):
            smallest = self._file(canvas.paint(content.image(index)), 0)
            self._least = max(self._least, len(smallest) - self.overhead)

    def reach(self, pixels: int) -> tuple[int, int]:
        """Return about the least and the most bytes that files of so many pixels can have."""
        least, most = (end * pixels // self._pixels for end in (self._least, self._most))
        return self.overhead + least, self.overhead + most

    def expect(self, level: int, pixels: int) -> int:
        """Return about how many bytes of entropy-coded data so many pixels have at a level."""
        return self._middle_bytes(level) * self._whole * pixels // (self._share * self._pixels)

    def _measure(self, level: int) -> int:
        return len(self._file(self._middle, level)) - self.overhead

    def _file(self, image: Image.Image, level: int) -> bytes:
        return encode(image, self._levels[level], self._subsampling)


class FreshTargetEncoder(TargetSizeEncoder[Image.Image]):
    """Encodes fresh images as files of their target sizes."""

    def __init__(self, spec: DatasetSpec, sample: Sample) -> None:
        pixels = spec.width * spec.height
        expect = partial(sample.expect, pixels=pixels)
        super().__init__(spec, sample.overhead, sample.reach(pixels), expect, _FINENESS)
        self._levels = levels(spec.mode)
        self._content = content_of(spec)
        self._canvas = Canvas(spec)

    def _source(self, index: int) -> Image.Image:
        return self._canvas.paint(self._content.image(index))

    def _encode(self, source: Image.Image, level: int) -> list[Buffer]:
        file = encode(source, self._levels[level], self._spec.subsampling)
        begin = scan_begin(file)
        return [file[:begin], memoryview(file)[begin:]]
