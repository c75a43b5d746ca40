"""Huffman tables with which random bytes are a JPEG scan, and the segments before the scan.

A baseline scan (ITU-T T.81, F.1.2) consists of codes, each followed by as many extra bits as its
size category says. In these tables, a code and its extra bits fill a byte (or two of them do), so
symbols begin where bytes begin. 0xFF is never used, so no byte has to be stuffed.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_common.files.output import Buffer
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.dataset.target_sizes import Reach, TargetSizes
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.formats.jpeg import MCU, restart_interval
from imagine_gen.random_streams import FastStream

Bytes = npt.NDArray[np.uint8]

MOST_DIFFERENCE = 127
_END_OF_IMAGE = b"\xff\xd9"
COEFFICIENTS = 63  # of a block, besides DC
_BLOCK_SIDE = 8
_NIBBLE, _BYTE = 4, 8
_PAIRS_WEIGHT = 2
_APP0, _SOF0, _DHT, _SOS, _DQT, _DRI, _RST0 = 0xE0, 0xC0, 0xC4, 0xDA, 0xDB, 0xDD, 0xD0
_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"  # version 1.1, square pixels, no thumbnail


class Symbol(NamedTuple):
    """An AC symbol: a run of zeros and a size category, in so many bits with its extra bits."""

    run: int
    size: int
    bits: int = _BYTE

    @property
    def code_bits(self) -> int:
        """Return the length of the symbol's code."""
        return self.bits - self.size


class Coding:
    """The AC coding of a set of symbols. Each byte is one symbol of 8 bits, or two of 4.

    All bytes from 0 to `end` - 1 are valid, if bytes that begin with a symbol of 4 bits end with
    one; `end` is the end of a block.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        # Codes of one length are in the order of the table, so symbols of 4 bits come first.
        self.symbols = sorted(symbols, key=lambda symbol: (symbol.code_bits, symbol.bits))
        self._begins: list[int] = []
        self.end = 0
        for symbol in self.symbols:
            self._begins.append(self.end)
            self.end += 1 << _BYTE - symbol.code_bits
        if self.end >= 0xFF:
            raise ValueError("the codes of these symbols don't fit")

    @property
    def table(self) -> bytes:
        """Return the number of codes of each length, and the symbols (B.2.4.2)."""
        lengths = [symbol.code_bits for symbol in self.symbols] + [_BYTE]
        values = [symbol.run << 4 | symbol.size for symbol in self.symbols] + [0]
        return _huffman_table(lengths, values)

    def valid_bytes(self, most: int) -> Bytes:
        """Return the bytes that advance by at most so many coefficients, spread over 256 places.

        Random bytes select among them: uint8 of shape (256,). Chances are nearly equal, and twice
        as great for bytes with two symbols.
        """
        nibbles: list[int] = []
        found: list[int] = []
        for place, symbol in enumerate(self.symbols):
            in_byte = _BYTE // symbol.bits
            if in_byte * (symbol.run + 1) <= most:
                (nibbles if in_byte > 1 else found).extend(self._values(place, symbol.bits))
        found += _PAIRS_WEIGHT * [high << _NIBBLE | low for high in nibbles for low in nibbles]
        every = np.array(sorted(found), np.uint8)
        spread: Bytes = every[np.arange(256) * len(every) >> 8]
        return spread

    def _values(self, place: int, bits: int) -> range:
        """Return the values that a symbol can have, in so many bits."""
        begin = self._begins[place] >> _BYTE - bits
        return range(begin, begin + (1 << self.symbols[place].size))


def _huffman_table(lengths: Sequence[int], values: Sequence[int]) -> bytes:
    counts = bytes(lengths.count(length) for length in range(1, 17))
    return counts + bytes(values)


# Size category C has a code of 8 - C bits: zeros end with the first, so 0xFF is no code.
_DC_TABLE = _huffman_table(range(1, _BYTE + 1), range(MOST_DIFFERENCE.bit_length(), -1, -1))


def _difference_byte(difference: int) -> int:
    size = abs(difference).bit_length()
    code = (1 << _BYTE - size) - 2  # ones, and a zero
    return code << size | (difference if difference > 0 else difference + (1 << size) - 1)


@lru_cache(maxsize=1)
def difference_bytes() -> Bytes:
    """Return the byte of each DC difference from -127 to 127: uint8 of shape (255,)."""
    differences = range(-MOST_DIFFERENCE, MOST_DIFFERENCE + 1)
    return np.array([_difference_byte(difference) for difference in differences], np.uint8)


class Blocks(NamedTuple):
    """The blocks of an image's scan: MCUs from the top left, and in each luma, then chroma."""

    columns: int  # of MCUs
    rows: int
    across: int  # luma blocks in an MCU
    down: int
    chroma: int

    @property
    def luma(self) -> int:
        """Return the number of luma blocks in an MCU."""
        return self.across * self.down

    @property
    def in_mcu(self) -> int:
        """Return the number of blocks in an MCU."""
        return self.luma + self.chroma

    @property
    def total(self) -> int:
        """Return the number of blocks in the image."""
        return self.columns * self.rows * self.in_mcu


def _blocks_of(spec: DatasetSpec) -> Blocks:
    """Return the blocks of images of a width, a height, a mode and a subsampling."""
    width, height = MCU[spec.subsampling]
    return Blocks(
        -(-spec.width // width),
        -(-spec.height // height),
        width // _BLOCK_SIDE,
        height // _BLOCK_SIDE,
        0 if spec.mode == "L" else 2,
    )


def _head_of(
    spec: DatasetSpec, blocks: Blocks, quantization: Sequence[bytes], coding: Coding
) -> bytes:
    """Return all segments before the scan's data.

    `quantization` has the tables of luma and perhaps chroma, 64 entries each in zigzag order. If
    there is one, chroma uses it too.
    """
    components = 1 + blocks.chroma
    frame = struct.pack(">BHHB", 8, spec.height, spec.width, components)
    scan = bytes([components])
    for number in range(components):
        factors = 1 << 4 | 1 if number else blocks.across << 4 | blocks.down
        frame += bytes([number + 1, factors, min(number, len(quantization) - 1)])
        scan += bytes([number + 1, 0])
    divisors = b"".join(bytes([number]) + table for number, table in enumerate(quantization))
    interval = restart_interval(spec)
    segments = (
        (_APP0, _JFIF),
        (_DQT, divisors),
        (_SOF0, frame),
        (_DHT, b"\x00" + _DC_TABLE + b"\x10" + coding.table),
        *([(_DRI, struct.pack(">H", interval))] if interval else []),
        (_SOS, scan + bytes([0, COEFFICIENTS, 0])),
    )
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data for marker, data in segments
    )


class DirectEncoder(ImageEncoder):
    """Writes JPEG files of one width and height.

    A block has up to `most` bytes of AC symbols, and two more.
    """

    def __init__(
        self, spec: DatasetSpec, quantization: Sequence[bytes], coding: Coding, most: int
    ) -> None:
        self._blocks = _blocks_of(spec)
        self._head = _head_of(spec, self._blocks, quantization, coding)
        count = self._blocks.total
        self._end = coding.end
        self._interval = restart_interval(spec) * self._blocks.in_mcu or count  # blocks
        self._least = len(self._head) + 2 * count + len(_END_OF_IMAGE)
        self._least += 2 * ((count - 1) // self._interval)
        self._sizes: TargetSizes | None = None
        if spec.target_size is not None:
            reach = Reach(self._least, self._least + most * count, self._least)
            self._sizes = TargetSizes(spec, reach)
        self._stream = FastStream(spec.seed)

    def wanted_size(self, index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        return None if self._sizes is None else self._sizes(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        self._stream.jump(index)
        scan = self._scan(index)
        if self._interval < self._blocks.total:
            scan = self._with_restarts(scan)
        return EncodedImage(chain([self._head], scan, [_END_OF_IMAGE]))

    def _with_restarts(self, scan: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield the data of a scan with a marker after each interval but the last (E.1.4)."""
        data = np.frombuffer(b"".join(scan), np.uint8)
        ends = np.flatnonzero(data == self._end)
        # After the end of a block, such a byte is a DC difference, so each second one in a row is.
        firsts = np.maximum.accumulate(np.where(np.diff(ends, prepend=-1) > 1, ends, -1))
        ends = ends[(ends - firsts) % 2 == 0]
        *parts, last = np.split(data, 1 + ends[self._interval - 1 : -1 : self._interval])
        for number, part in enumerate(parts):
            yield from (part.data, bytes([0xFF, _RST0 + number % 8]))
        yield last.data

    @abstractmethod
    def _scan(self, index: int) -> Iterator[Buffer]:
        """Yield the data of an image's scan, with the stream at the image's bytes."""
