"""The target sizes of a dataset's files, in bytes, drawn for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imagine_common.errors import UsageError
from imagine_gen.random_streams import BlockStream, Draw

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

_NUMBERS = 48
_NUMBER_BITS = 32
_STREAM_WORDS = _NUMBERS * _NUMBER_BITS // 64
_DEVIATION_BITS = _NUMBER_BITS + 1  # The variance of each number is 2**64 / 12.
_CENTER = _NUMBERS * ((1 << _NUMBER_BITS) - 1) // 2
_MAX_DEVIATIONS = 3
_LEAST_DEVIATIONS = 2


class Reach(NamedTuple):
    """The sizes in bytes that JPEG files of one width and height can have.

    Sizes that are drawn are at least `least_drawn`. `remark` ends the sentence about them in an
    error.
    """

    least: int
    most: int
    least_drawn: int
    remark: str = ""


class TargetSizes:
    """The target sizes of a dataset's files, in bytes.

    With a standard deviation, sizes are normally distributed. The sum of 48 random numbers of 32
    bits (Irwin and Hall's distribution) nearly is, and needs no logarithm, which hosts could round
    differently. Sizes are cut at three deviations, or earlier at the limit of what images can have,
    as far below the mean as above, so that the mean stays. A target size out of reach, or sizes two
    deviations from it, are a `UsageError`.
    """

    def __init__(self, spec: DatasetSpec, reach: Reach) -> None:
        self.mean = spec.content_size(spec.target_size or 0)
        self._stdev = spec.content_size(spec.target_size_stdev)
        self._stream = BlockStream(spec.seed, Draw.TARGET_SIZE, _STREAM_WORDS)
        text = (
            f"JPEG files of {spec.width}x{spec.height} can have {reach.least} to {reach.most}"
            f" bytes{reach.remark}"
        )
        besides = " besides --stamp and --compress-ratio" * (spec.stamp or spec.compress_ratio > 1)
        if not reach.least <= self.mean <= reach.most:
            raise UsageError(f"argument --target-size: {text} here, not {self.mean}{besides}")
        room = min(self.mean - reach.least_drawn, reach.most - self.mean)
        if self._stdev and room < _LEAST_DEVIATIONS * self._stdev:
            raise UsageError(
                f"argument --target-size-stdev: {text}, so around {self.mean} it can be at most"
                f" {max(0, room) // _LEAST_DEVIATIONS}, not {self._stdev}{besides}"
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
