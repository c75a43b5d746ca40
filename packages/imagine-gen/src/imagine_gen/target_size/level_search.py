"""The search for the level of quantization at which an image has about so many bytes.

Only encoding an image shows how many bytes it has at a level, but the images of a dataset have much
in common. So a sample predicts the bytes at each rung of a ladder of levels, and the search for
each image begins at the rung with the right prediction. The result depends on the image and the
sample alone, never on earlier images, so the number of workers changes no file. All arithmetic is
in integers, so that all hosts agree.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

_LEVELS_BETWEEN = 16
_FEW_STEPS = 6
_MANTISSA_BITS = 32
_LOG_BITS = 12
_LEAST_SEGMENT = 4  # bytes of the shortest comment
# In thousandths of the room: the distance of a ladder's rungs; what the search leaves at first, so
# that an image that is slightly larger than expected fits at once; and what it leaves at most.
_STEP, _MARGIN, _TOLERANCE = 2, 2, 5


def interpolated(measure: Callable[[int], int], count: int) -> Callable[[int], int]:
    """Return a function like `measure`, which it calls at every sixteenth of `count` levels."""
    measured = lru_cache(maxsize=None)(measure)

    def about(level: int) -> int:
        below = level - level % _LEVELS_BETWEEN
        above = min(below + _LEVELS_BETWEEN, count - 1)
        size = measured(below)
        if level == below:
            return size
        return size + (measured(above) - size) * (level - below) // (above - below)

    return about


class Ladder:
    """A series of bytes, each slightly more than the last, and the levels that probably give them.

    `expect` returns the expected bytes of entropy-coded data of an image at each of `count` levels.
    One of the rungs is as near as possible to the usual `room` in bytes, less the margin.
    """

    def __init__(self, expect: Callable[[int], int], count: int, room: int) -> None:
        self._expect = expect
        self._count = count
        self._levels: dict[int, int] = {}
        least, most = expect(0), expect(count - 1)
        anchor = max(least, min(_aim(room), most))
        below, above = [anchor], [anchor]
        while below[-1] > least:
            below.append(max(least, below[-1] - max(1, below[-1] * _STEP // 1000)))
        while above[-1] < most:
            above.append(min(most, above[-1] + max(1, above[-1] * _STEP // 1000)))
        self._rungs = [*below[:0:-1], *above]

    def search(self, room: int, measure: Callable[[int, int | None], int]) -> int | None:
        """Return a level at which an image about fills a room, or None if no level is low enough.

        `room` is in bytes. `measure` gets a level and the best level so far, and returns the bytes
        of entropy-coded data that the image has at the level.
        """
        aim = _aim(room)
        good: int | None = None
        tight: int | None = None  # leaves room, but too little for a segment
        sizes: dict[int, int] = {}
        logs: dict[int, int] = {}  # of the image's bytes, by rung
        low, high = -1, len(self._rungs)
        rung = max(0, bisect_right(self._rungs, aim) - 1)
        while high - low > 1:
            if rung not in self._levels:
                found = level_of(self._rungs[rung], self._expect, self._count)
                self._levels[rung] = found if rung else 0
            level = self._levels[rung]
            if level not in sizes:
                sizes[level] = measure(level, tight if good is None else good)
            left = room - sizes[level]
            if left == 0 or left >= _LEAST_SEGMENT:
                low, good = rung, level
                if left * 1000 <= room * _TOLERANCE:
                    break
            else:
                high = rung
                tight = level if left > 0 else tight
            logs[rung] = log2(sizes[level])
            if len(logs) == 1:
                # The image probably differs from the expectation by the same factor elsewhere.
                rung = bisect_right(self._rungs, self._rungs[rung] * aim // sizes[level]) - 1
            elif len(logs) < _FEW_STEPS:
                rung = _on_a_line(logs, log2(aim), (low, high))
            else:
                rung = (low + high) // 2
            rung = max(low + 1, min(rung, high - 1))
        return tight if good is None else good


def _aim(room: int) -> int:
    return room - room * _MARGIN // 1000


def level_of(size: int, expect: Callable[[int], int], count: int) -> int:
    """Return the finest of `count` levels with at most `size` expected bytes, or the first."""
    return max(0, bisect_right(range(count), size, key=expect) - 1)


def _on_a_line(logs: dict[int, int], log: int, rungs: tuple[int, int]) -> int:
    """Return the rung at which a line through two of the logarithms of bytes has another one.

    Rungs are a logarithm too, so a line is a power law. It goes through the points at the two given
    rungs if both were tried, and otherwise through the last two points.
    """
    ends = [rung for rung in logs if rung in rungs]
    first, second = ends if len(ends) == len(rungs) else list(logs)[-2:]
    rise = logs[second] - logs[first]
    return second + (log - logs[second]) * (second - first) // (rise or 1)


def log2(number: int) -> int:
    """Return the binary logarithm of a positive integer in 4,096ths, rounded down."""
    result = number.bit_length() - 1
    mantissa = number << _MANTISSA_BITS >> result
    for _ in range(_LOG_BITS):
        mantissa = mantissa * mantissa >> _MANTISSA_BITS
        carry = mantissa >> _MANTISSA_BITS + 1
        mantissa >>= carry
        result = 2 * result + carry
    return result
