"""The encoder of JPEG files of a target size.

A sample predicts the bytes of fresh images at each level.
"""

from __future__ import annotations

from functools import partial

from PIL import Image

from imagine_common.errors import ImagineError
from imagine_common.text import show
from imagine_gen.content.choose import content_of
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.dataset.target_sizes import Reach, TargetSizes
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.formats.jpeg import encode, levels, scan_begin, with_filler
from imagine_gen.formats.pillow import Canvas
from imagine_gen.target_size.level_search import Ladder, interpolated, level_of

_SAMPLE_SIDE = 256  # a multiple of all MCUs
_SAMPLE_IMAGES = 4  # encoded to find the least size that all images can have
_END_OF_IMAGE_BYTES = 2
# A file is at most twice as large as at the finest level: with more filler it is hardly an image.
_MOST_FILLED = 2
# Some images need more bytes than those of the sample: a sixteenth is more than noise of the
# smallest dimensions differs.
_MARGIN = 16


class Sample:
    """A prediction of the bytes of a dataset's images at each level, from the middle of one image.

    Large images take long to encode, so the whole image is encoded at few levels: at one that
    corrects the figures of the middle, and at the coarsest and the finest, which are the limits.
    The dataset has a target size and fixed dimensions.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        canvas, content = Canvas(spec), content_of(spec)
        tables = levels(spec.mode)
        whole = canvas.paint(content.image(0))
        width, height = (min(side, _SAMPLE_SIDE) for side in whole.size)
        left, top = (whole.width - width) // 2, (whole.height - height) // 2
        middle = whole.crop((left, top, left + width, top + height))
        head_bytes = scan_begin(encode(middle, tables[0], spec))
        self.overhead = head_bytes + _END_OF_IMAGE_BYTES

        def data_bytes(image: Image.Image, level: int) -> int:
            return len(encode(image, tables[level], spec)) - self.overhead

        self._middle_bytes = interpolated(partial(data_bytes, middle), len(tables))
        self._pixels = spec.width * spec.height
        room = spec.content_size(spec.target_size or 0) - self.overhead
        share = room * width * height // self._pixels
        level = level_of(share, self._middle_bytes, len(tables))
        self._share = self._middle_bytes(level)
        found = (data_bytes(whole, at) for at in (level, 0, len(tables) - 1))
        self._whole, self._least, self._most = found
        for index in range(1, _SAMPLE_IMAGES):
            self._least = max(self._least, data_bytes(canvas.paint(content.image(index)), 0))

    def reach(self, pixels: int) -> Reach:
        """Return about the least and the most bytes that files of so many pixels can have."""
        ends = (end * pixels // self._pixels for end in (self._least, self._most))
        return reach_of(*(self.overhead + end for end in ends))

    def expect(self, level: int, pixels: int) -> int:
        """Return about how many bytes of entropy-coded data so many pixels have at a level."""
        return self._middle_bytes(level) * self._whole * pixels // (self._share * self._pixels)


def reach_of(least: int, most: int) -> Reach:
    """Return the sizes that files can have, from those at the coarsest and at the finest level."""
    return Reach(
        least + least // _MARGIN,
        most * _MOST_FILLED,
        least + least // 2,
        f" (filler from {most} on)",
    )


class TargetSizeEncoder(ImageEncoder):
    """Encodes images of one width and height as files of their target sizes."""

    def __init__(self, spec: DatasetSpec, sample: Sample) -> None:
        self._spec = spec
        self._overhead = sample.overhead
        self._levels = levels(spec.mode)
        pixels = spec.width * spec.height
        room = spec.content_size(spec.target_size or 0) - self._overhead
        expect = partial(sample.expect, pixels=pixels)
        self._ladder = Ladder(expect, len(self._levels), room)
        self._sizes = TargetSizes(spec, sample.reach(pixels))
        self._content = content_of(spec)
        self._canvas = Canvas(spec)

    def wanted_size(self, index: int) -> int:
        """Return the size in bytes that an image's file must have."""
        return self._sizes(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image, or raise an `ImagineError` if it exceeds its target size."""
        image = self._canvas.paint(self._content.image(index))
        size = self._sizes(index)
        room = size - self._overhead
        files: dict[int, bytes] = {}
        filler: dict[int, int] = {}

        def measure(level: int, best: int | None) -> int:
            for other in files.keys() - {best}:
                del files[other]
            files[level] = encode(image, self._levels[level], self._spec)
            filler[level] = size - len(files[level])
            return room - filler[level]

        level = self._ladder.search(room, measure)
        if level is None:
            raise ImagineError(
                f"{show(self._spec.image_path(index))}: does not fit in {size} bytes, even at the"
                " lowest quality; raise --target-size"
            )
        file = files[level]
        begin = scan_begin(file)
        head = with_filler(file[:begin], filler[level])
        return EncodedImage([head, memoryview(file)[begin:]], filler[level])
