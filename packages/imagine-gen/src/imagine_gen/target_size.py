"""JPEG files of a size that is given: how large each is to be, and how that is come near.

How many bytes an image takes at a level of quantization is known only after encoding it, but images
of a dataset have much in common. So a ladder of levels is made from a sample, which tells how many
bytes each rung will about give, and for every image the search begins where these are right. What
it finds depends on the image and the sample alone, never on images that were made before: else the
number of workers would change files. All arithmetic is of whole numbers, so that hosts agree.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from imagine_common.errors import UsageError
from imagine_gen.spec import DatasetSpec
from imagine_gen.streams import Draw, RandomStream

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
_LEVELS_BETWEEN = 16
_FEW_STEPS = 6
# Fewer bytes can't be a comment segment, but for none.
_LEAST_SEGMENT = 4


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
        most *= _MOST_FILLED
        reach = f"JPEG files of {spec.width}x{spec.height} can have {least} to {most} bytes"
        if not least <= self.mean <= most:
            raise UsageError(f"argument --target-size: {reach} here, not {self.mean}")
        # Images differ, and not all can be as small as the sample.
        room = min(self.mean - (least + least // 2), most - self.mean)
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


class Fineness(NamedTuple):
    """How near a search comes, in thousandths of the bytes there is room for.

    `step` is between the rungs of a ladder. `margin` is what is left over at first, so that an
    image that is a bit larger than expected fits at once. `tolerance` is good enough.
    """

    step: int
    margin: int
    tolerance: int


class Interpolated:
    """What a sample takes at each level, measured at every sixteenth of them when it is asked for.

    Parameters
    ----------
    measure : callable
        Returns the bytes of entropy-coded data that a sample has at a level.
    count : int
        How many levels there are.
    """

    def __init__(self, measure: Callable[[int], int], count: int) -> None:
        self._measure = lru_cache(maxsize=None)(measure)
        self._last = count - 1

    def __call__(self, level: int) -> int:
        """Return about how many bytes the sample has at a level."""
        below = level - level % _LEVELS_BETWEEN
        above = min(below + _LEVELS_BETWEEN, self._last)
        size = self._measure(below)
        if level == below:
            return size
        return size + (self._measure(above) - size) * (level - below) // (above - below)


class Ladder:
    """Levels of quantization, by the bytes they are expected to give, each a bit larger.

    Parameters
    ----------
    expect : callable
        Returns the bytes of entropy-coded data that an image is expected to have at a level.
    count : int
        How many levels there are.
    room : int
        Bytes that one of the rungs comes as near as it can, when the margin is left over.
    fineness : Fineness
    """

    def __init__(
        self, expect: Callable[[int], int], count: int, room: int, fineness: Fineness
    ) -> None:
        self._expect = expect
        self._count = count
        self._fineness = fineness
        self._levels: dict[int, int] = {}
        self._rungs = self._geometric(self._aim(room))

    def _geometric(self, anchor: int) -> list[int]:
        """Return the sizes of the rungs: in equal steps down and up from one of them."""
        step = self._fineness.step
        least, most = self._expect(0), self._expect(self._count - 1)
        anchor = max(least, min(anchor, most))
        below, above = [anchor], [anchor]
        while below[-1] > least:
            below.append(max(least, below[-1] - max(1, below[-1] * step // 1000)))
        while above[-1] < most:
            above.append(min(most, above[-1] + max(1, above[-1] * step // 1000)))
        return [*below[:0:-1], *above]

    def _aim(self, room: int) -> int:
        return room - room * self._fineness.margin // 1000

    def _rung(self, size: int) -> int:
        """Return the highest rung of at most a size, or the lowest one."""
        return max(0, bisect_right(self._rungs, size) - 1)

    def _level(self, rung: int) -> int:
        if rung not in self._levels:
            size = self._rungs[rung]
            found = bisect_right(range(self._count), size, key=self._expect) - 1
            self._levels[rung] = found if rung else 0
        return self._levels[rung]

    def first_level(self, room: int) -> int:
        """Return the level at which a search begins."""
        return self._level(self._rung(self._aim(room)))

    def search(self, room: int, measure: Callable[[int, int | None], int]) -> int | None:
        """Return a level at which an image about fills a room, or None where none is low enough.

        Parameters
        ----------
        room : int
            Bytes for the image's entropy-coded data.
        measure : callable
            Returns how many the image has at a level. It gets the level, and the one before that
            is the best so far.
        """
        good: int | None = None
        tight: int | None = None  # leaves room, but not enough for a segment
        sizes: dict[int, int] = {}
        low, high = -1, len(self._rungs)
        rung = self._rung(self._aim(room))
        steps = 0
        while high - low > 1:
            level = self._level(rung)
            if level not in sizes:
                sizes[level] = measure(level, tight if good is None else good)
            left = room - sizes[level]
            if left == 0 or left >= _LEAST_SEGMENT:
                low, good = rung, level
                if left * 1000 <= room * self._fineness.tolerance:
                    break
            else:
                high = rung
                tight = level if left > 0 else tight
            steps += 1
            if steps < _FEW_STEPS:
                # As much larger or smaller than expected as the image was here, it is there.
                rung = self._rung(self._aim(room) * self._rungs[rung] // sizes[level])
                rung = max(low + 1, min(rung, high - 1))
            else:
                rung = (low + high) // 2
        return tight if good is None else good
