"""JPEG files of exactly the size that is asked for.

An image is encoded at the level of quantization at which it just fits, and comments fill what is
left. Which level that is, is found as level_search.py tells.
"""

from __future__ import annotations

from PIL import Image

from imagine_common.errors import ImagineError
from imagine_common.text import show
from imagine_gen.content.select import content_of
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.formats.canvas import Canvas
from imagine_gen.formats.jpeg import encode, scan_begin, with_filler
from imagine_gen.formats.jpeg_levels import levels
from imagine_gen.pooled.sized import SizedEncoder
from imagine_gen.target_size.level_search import Fineness, Interpolated, Ladder, level_of
from imagine_gen.target_size.sizes import TargetSizes

_FINENESS = Fineness(step=2, margin=2, tolerance=5)
_SAMPLE_SIDE = 256  # a multiple of all MCUs
_SAMPLE_IMAGES = 4  # that tell how small all can be
_END_OF_IMAGE_BYTES = 2


class Sample:
    """What images of a dataset take at each level, by the middle of one of them.

    The whole image is encoded at few levels only, as large images take long: at one by which the
    middle's figures are corrected, and at the coarsest and the finest, to tell what can be reached.

    Parameters
    ----------
    spec : DatasetSpec
        With a target size, and dimensions that don't vary.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        self._subsampling = spec.subsampling
        self._levels = levels(spec.mode)
        canvas, content = Canvas(spec), content_of(spec)
        whole = canvas.paint(content.image(0))
        self._middle = _middle(whole)
        self._middle_bytes = Interpolated(self._measure, len(self._levels))
        self.overhead = scan_begin(self._file(self._middle, 0)) + _END_OF_IMAGE_BYTES
        middle_pixels = self._middle.width * self._middle.height
        self._pixels = spec.width * spec.height
        room = (spec.target_size or 0) - self.overhead
        share = room * middle_pixels // self._pixels
        level = level_of(share, self._middle_bytes, len(self._levels))
        self._part = self._middle_bytes(level)
        self._whole, self._least, self._most = (
            len(self._file(whole, at)) - self.overhead for at in (level, 0, len(self._levels) - 1)
        )
        for index in range(1, _SAMPLE_IMAGES):
            smallest = self._file(canvas.paint(content.image(index)), 0)
            self._least = max(self._least, len(smallest) - self.overhead)

    def reach(self, pixels: int) -> tuple[int, int]:
        """Return about how many bytes the smallest and the largest file of so many pixels have."""
        least, most = (end * pixels // self._pixels for end in (self._least, self._most))
        return self.overhead + least, self.overhead + most

    def expect(self, level: int, pixels: int) -> int:
        """Return about how many bytes of entropy-coded data so many pixels take at a level."""
        return self._middle_bytes(level) * self._whole * pixels // (self._part * self._pixels)

    def _measure(self, level: int) -> int:
        return len(self._file(self._middle, level)) - self.overhead

    def _file(self, image: Image.Image, level: int) -> bytes:
        return encode(image, self._levels[level], self._subsampling)


class TargetEncoder(ImageEncoder):
    """Encodes fresh images.

    Parameters
    ----------
    spec : DatasetSpec
        With a target size, and dimensions that don't vary.
    sample : Sample

    Raises
    ------
    UsageError
        From the constructor, where the target can't be reached.
    """

    def __init__(self, spec: DatasetSpec, sample: Sample) -> None:
        self._spec = spec
        self._content = content_of(spec)
        self._levels = levels(spec.mode)
        self._overhead = sample.overhead
        pixels = spec.width * spec.height
        self._ladder = Ladder(
            lambda level: sample.expect(level, pixels),
            len(self._levels),
            (spec.target_size or 0) - self._overhead,
            _FINENESS,
        )
        self._sizes = TargetSizes(spec, *sample.reach(pixels))
        self._canvas = Canvas(spec)

    def wanted_size(self, index: int) -> int:
        """Return the size in bytes that an image's file has to have."""
        return self._sizes(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image.

        Raises
        ------
        ImagineError
            Where this image can't be as small.
        """
        image = self._canvas.paint(self._content.image(index))
        wanted = self._sizes(index)
        files: dict[int, bytes] = {}

        def measure(level: int, keep: int | None) -> int:
            for other in files.keys() - {keep}:
                del files[other]
            files[level] = encode(image, self._levels[level], self._spec.subsampling)
            return len(files[level]) - self._overhead

        level = self._ladder.search(wanted - self._overhead, measure)
        if level is None:
            raise too_large(self._spec, index, wanted)
        file = files[level]
        filler = wanted - len(file)
        begin = scan_begin(file)
        return EncodedImage([with_filler(file[:begin], filler), memoryview(file)[begin:]], filler)


def target_encoder(spec: DatasetSpec) -> ImageEncoder:
    """Return a new encoder of a dataset whose files have a target size.

    Raises
    ------
    UsageError
        Where the target can't be reached.
    """
    if spec.pooled:
        from imagine_gen.target_size.pooled import pooled_target_encoder

        return pooled_target_encoder(spec)
    sample = Sample(spec.of_size(spec.width, spec.height))
    if spec.sizes is None:
        return TargetEncoder(spec, sample)
    for ends in (spec.sizes.least, spec.sizes.largest):
        TargetEncoder(spec.of_size(*ends), sample)  # Say at once what can't be.
    return SizedEncoder(spec, lambda sized: TargetEncoder(sized, sample), keep=1)


def too_large(spec: DatasetSpec, index: int, wanted: int) -> ImagineError:
    """Return the error for an image whose file can't be as small as it is to be."""
    return ImagineError(
        f"{show(spec.image_path(index))}: takes more than the {wanted} bytes that it is to have,"
        " even at the lowest quality; raise --target-size"
    )


def _middle(image: Image.Image) -> Image.Image:
    """Return a copy of an image's middle."""
    width, height = (min(side, _SAMPLE_SIDE) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
