"""The base of the encoders of JPEG files of a target size, and the sizes that files must have."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.output import Buffer
from imagine_common.text import show
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.formats.jpeg import levels, with_filler
from imagine_gen.random_streams import BlockStream, Draw
from imagine_gen.target_size.level_search import Fineness, Ladder

_NUMBERS = 48
_NUMBER_BITS = 32
_STREAM_WORDS = _NUMBERS * _NUMBER_BITS // 64
_DEVIATION_BITS = _NUMBER_BITS + 1  # The variance of each number is 2**64 / 12.
_CENTER = _NUMBERS * ((1 << _NUMBER_BITS) - 1) // 2
_MAX_DEVIATIONS = 3
_LEAST_DEVIATIONS = 2
# A file is at most twice as large as at the finest level: with more filler it is hardly an image.
_MOST_FILLED = 2
# Some images need more bytes than those of the sample: a sixteenth is more than noise of the
# smallest dimensions differs.
_MARGIN = 16

Source = TypeVar("Source")


class TargetSizes:
    """The target sizes of a dataset's files, in bytes.

    With a standard deviation, sizes are normally distributed. The sum of 48 random numbers of 32
    bits (Irwin and Hall's distribution) nearly is, and needs no logarithm, which hosts could round
    differently. Sizes are cut at three deviations, or earlier at the limit of what images can have,
    as far below the mean as above, so that the mean stays. An image has `least` bytes at the
    coarsest level and `most` at the finest.
    A target size out of reach, or sizes two deviations from it, are a `UsageError`.
    """

    def __init__(self, spec: DatasetSpec, least: int, most: int) -> None:
        self.mean = spec.target_size or 0
        self._stdev = spec.target_size_stdev
        self._stream = BlockStream(spec.seed, Draw.TARGET_SIZE, _STREAM_WORDS)
        bare, least = least, least + least // _MARGIN
        reach = (
            f"JPEG files of {spec.width}x{spec.height} can have {least} to {most * _MOST_FILLED}"
            f" bytes (filler from {most} on)"
        )
        most *= _MOST_FILLED
        if not least <= self.mean <= most:
            raise UsageError(f"argument --target-size: {reach} here, not {self.mean}")
        room = min(self.mean - (bare + bare // 2), most - self.mean)
        if self._stdev and room < _LEAST_DEVIATIONS * self._stdev:
            raise UsageError(
                f"argument --target-size-stdev: {reach}, so around {self.mean} it can be at most"
                f" {max(0, room) // _LEAST_DEVIATIONS}, not {self._stdev}"
            )
        self._most_off = min(room, _MAX_DEVIATIONS * self._stdev)

    def __call__(self, index: int) -> int:
        """Return the size in bytes that the file of an image must have."""
        if not self._stdev:
            return self.mean
        numbers = self._stream.words(index).view("<u4")
        off = (int(numbers.sum(dtype=np.uint64)) - _CENTER) * self._stdev
        off = off + (1 << _DEVIATION_BITS - 1) >> _DEVIATION_BITS
        return self.mean + max(-self._most_off, min(off, self._most_off))


class TargetSizeEncoder(ImageEncoder, Generic[Source]):
    """Encodes images of one width and height as files of their target sizes.

    A file has `overhead` bytes that are not entropy-coded data. Files have about the bytes in
    `reach` at the coarsest and the finest level. `expect` returns about how many bytes of
    entropy-coded data an image has at a level.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        overhead: int,
        reach: tuple[int, int],
        expect: Callable[[int], int],
        fineness: Fineness,
    ) -> None:
        self._spec = spec
        self._overhead = overhead
        room = (spec.target_size or 0) - overhead
        self._ladder = Ladder(expect, len(levels(spec.mode)), room, fineness)
        self._sizes = TargetSizes(spec, *reach)

    @abstractmethod
    def _source(self, index: int) -> Source:
        """Return an image before it is encoded, valid until the next call."""

    @abstractmethod
    def _encode(self, source: Source, level: int) -> list[Buffer]:
        """Return the file of an image at a level: the segments before the scan, then the rest."""

    def wanted_size(self, index: int) -> int:
        """Return the size in bytes that an image's file must have."""
        return self._sizes(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image, or raise an `ImagineError` if it does not fit."""
        source = self._source(index)
        size = self._sizes(index)
        room = size - self._overhead
        files: dict[int, list[Buffer]] = {}
        filler: dict[int, int] = {}

        def measure(level: int, best: int | None) -> int:
            for other in files.keys() - {best}:
                del files[other]
            files[level] = self._encode(source, level)
            filler[level] = size - sum(map(len, files[level]))
            return room - filler[level]

        level = self._ladder.search(room, measure)
        if level is None:
            raise ImagineError(
                f"{show(self._spec.image_path(index))}: does not fit in {size} bytes, even at the"
                " lowest quality; raise --target-size"
            )
        file = files[level]
        file[0] = with_filler(bytes(file[0]), filler[level])
        return EncodedImage(file, filler[level])
