"""How large files are to be whose size is given: all alike, or drawn from a normal distribution."""

from __future__ import annotations

import numpy as np

from imagine_common.errors import UsageError
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.random_streams import Draw, RandomStream

_WORDS = 48
_WORD_BITS = 32
_DRAW_BYTES = _WORDS * _WORD_BITS // 8
_IMAGES_IN_BLOCK = 4096
_DEVIATION_BITS = _WORD_BITS + 1  # The variance of each is 2**64 / 12.
_CENTER = _WORDS * ((1 << _WORD_BITS) - 1) // 2
_MAX_DEVIATIONS = 3
_LEAST_DEVIATIONS = 2
# As many bytes as the finest quantization gives may be filler: more is hardly an image.
_MOST_FILLED = 2
# Images differ, and not all can be as small as those of the sample: a sixteenth is more than noise
# of the smallest dimensions differs.
_MARGIN = 16


class TargetSizes:
    """The sizes in bytes that the files of a dataset are to have.

    With a standard deviation, sizes are normally distributed: the sum of 48 random numbers of
    32 bits (Irwin and Hall's distribution) is, nearly, and takes no logarithm that hosts might
    round differently. They end at three deviations, or where images can't be as small or large,
    as far below the mean as above, so that it stays.

    Parameters
    ----------
    spec : DatasetSpec
        With a target size.
    least, most : int
        The sizes in bytes of an image at the coarsest and the finest level.

    Raises
    ------
    UsageError
        From the constructor, where the target is out of reach, or sizes of two deviations are.
    """

    def __init__(self, spec: DatasetSpec, least: int, most: int) -> None:
        self.mean = spec.target_size or 0
        self._stdev = spec.target_size_stdev
        self._seed = spec.seed
        self._block = -1
        bare, least = least, least + least // _MARGIN
        reach = (
            f"JPEG files of {spec.width}x{spec.height} can have {least} to {most * _MOST_FILLED}"
            f" bytes (filler from {most} on)"
        )
        most *= _MOST_FILLED
        if not least <= self.mean <= most:
            raise UsageError(f"argument --target-size: {reach} here, not {self.mean}")
        # Images differ, and not all can be as small as the sample.
        room = min(self.mean - (bare + bare // 2), most - self.mean)
        if self._stdev and room < _LEAST_DEVIATIONS * self._stdev:
            raise UsageError(
                f"argument --target-size-stdev: {reach}, so that around {self.mean} it can be at"
                f" most {max(0, room) // _LEAST_DEVIATIONS}, not {self._stdev}"
            )
        self._most_off = min(room, _MAX_DEVIATIONS * self._stdev)

    def __call__(self, index: int) -> int:
        """Return the size that the file of an image is to have."""
        if not self._stdev:
            return self.mean
        # To seed a stream takes longer than to draw, so images share one.
        block, image = divmod(index, _IMAGES_IN_BLOCK)
        if block != self._block:
            self._block = block
            self._stream = RandomStream(self._seed, Draw.TARGET_SIZE, block)
        words = self._stream.read(_DRAW_BYTES * image, _DRAW_BYTES).view("<u4")
        off = (int(words.sum(dtype=np.uint64)) - _CENTER) * self._stdev
        off = off + (1 << _DEVIATION_BITS - 1) >> _DEVIATION_BITS
        return self.mean + max(-self._most_off, min(off, self._most_off))
