"""Direct JPEG of noise: a scan of random bytes, in which blocks begin at computed places."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from imagine_common.files.output import Buffer
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.direct.coding import (
    COEFFICIENTS,
    MOST_DIFFERENCE,
    Bytes,
    Coding,
    DirectEncoder,
    Symbol,
)

# Coefficients are at most 63. So the sum of 62 of them (432 levels) and of the four DC differences
# in an MCU (64 levels) stays within the 512 levels that all decoders clip in the same way.
CODING = Coding(Symbol(run, size) for run in range(2) for size in range(1, 7))
_WITHOUT_RUNS = CODING.valid_bytes(1)
_DIFFERENCE_BITS = np.uint8(MOST_DIFFERENCE)
_QUANTIZATION = bytes([1] * (1 + COEFFICIENTS))
# A block ends at coefficient 62 or before: with 63, it would have no end-of-block code (F.1.2.2).
MOST_SYMBOLS = COEFFICIENTS - 1
# The default number of AC symbols in a block, in hundredths: files then have the size of noise
# that is encoded with quality 75.
_USUAL_SYMBOLS = {None: 3360, "4:4:4": 2477, "4:2:2": 2342, "4:2:0": 2367}
_BAND_BYTES = 1 << 20  # made at once: fewer calls, and still in the cache of a core


class NoiseEncoder(DirectEncoder):
    """Writes JPEG files of noise of one width and height.

    The first blocks of an image may have one symbol more than the others.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__(spec, [_QUANTIZATION], CODING, MOST_SYMBOLS)
        usual = self._blocks.total * _USUAL_SYMBOLS[spec.subsampling] // 100
        self._usual = self._least + usual

    def wanted_size(self, index: int) -> int:
        """Return the size in bytes that an image's file must have."""
        return self._usual if self._sizes is None else self._sizes(index)

    def _scan(self, index: int) -> Iterator[Buffer]:
        symbols, longer = divmod(self.wanted_size(index) - self._least, self._blocks.total)
        step = 2 * self._blocks.in_mcu  # The DC differences of two neighbors cancel out.
        step *= max(1, _BAND_BYTES // (step * (symbols + 3)))
        offset = 0
        for first in range(0, self._blocks.total, step):
            count = min(step, self._blocks.total - first)
            longer_here = min(count, max(0, longer - first))
            size = count * (symbols + 2) + longer_here
            data = self._stream.read(offset, size)
            offset += size
            _make_blocks(data, self._blocks.in_mcu, symbols, longer_here)
            yield data.data


def _make_blocks(data: Bytes, in_mcu: int, symbols: int, longer: int) -> None:
    """Turn random bytes into blocks, of which the first ones have one AC symbol more."""
    np.minimum(data, _bounds(len(data)), out=data)
    split = longer * (symbols + 3)
    groups = [
        data[:split].reshape(longer, symbols + 3),
        data[split:].reshape(-1, symbols + 2),
    ]
    for group in groups:
        _limit_runs(group[:, 1:-1])
        group[:, -1] = CODING.end
    differences = np.concatenate([group[:, 0] for group in groups])
    _cancel(differences, in_mcu)
    groups[0][:, 0] = differences[:longer]
    groups[1][:, 0] = differences[longer:]


def _limit_runs(symbols: Bytes) -> None:
    """Make the last symbols of each row runs of 0, so that each row has at most 62 coefficients."""
    free = MOST_SYMBOLS - symbols.shape[1]  # places where a run of 1 is possible
    if free < symbols.shape[1]:
        symbols[:, free:] = _WITHOUT_RUNS[symbols[:, free:]]


def _cancel(differences: Bytes, in_mcu: int) -> None:
    """Let the DC differences of every second MCU undo those of the one before.

    All are of size category 7, in which inverted bits are the opposite difference.
    """
    np.bitwise_and(differences, _DIFFERENCE_BITS, out=differences)
    paired = len(differences) // (2 * in_mcu) * 2 * in_mcu
    pairs = differences[:paired].reshape(-1, 2, in_mcu)
    np.bitwise_xor(pairs[:, 0], _DIFFERENCE_BITS, out=pairs[:, 1])


@lru_cache(maxsize=4)
def _bounds(size: int) -> Bytes:
    """Return the greatest byte of a symbol, `size` times: NumPy compares arrays fastest."""
    return np.full(size, CODING.end - 1, np.uint8)
