from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from imagine_gen.dataset.formats import CHANNELS
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats import bmp, png_stored
from imagine_gen.work.encoders import image_encoder

MODES = ("L", "RGB", "RGBA")
COLOR_TYPE = {"L": 0, "RGB": 2, "RGBA": 6}
BLOCK = 65_535


def spec(mode: str, width: int, height: int, seed: int = 0) -> DatasetSpec:
    return DatasetSpec(b"x", b"x", width, height, image_format="png", mode=mode, seed=seed)


def file_of(made: DatasetSpec, index: int = 0) -> bytes:
    return b"".join(png_stored.Encoder(made).encode(index).buffers)


def promised(mode: str, width: int, height: int, seed: int, index: int) -> bytes:
    """Return an image's pixels by the words of the promise, with nothing of the tool's code."""
    size = width * height * CHANNELS[mode]
    sequence = np.random.SeedSequence(seed, spawn_key=(0, index))
    words = np.random.PCG64DXSM(sequence).random_raw(-(-size // 8))
    return words.astype("<u8").tobytes()[:size]


class Chunk(NamedTuple):
    name: bytes
    data: bytes


def chunks(file: bytes) -> list[Chunk]:
    """Take a file apart by the standard, checking every CRC."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    found = []
    place = 8
    while place < len(file):
        (size,) = struct.unpack_from(">I", file, place)
        body = file[place + 4 : place + 8 + size]
        assert struct.unpack_from(">I", file, place + 8 + size) == (zlib.crc32(body),)
        found.append(Chunk(body[:4], body[4:]))
        place += 12 + size
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("width", "height"),
    [
        (1, 1),
        (1, 9),
        (9, 1),
        (37, 11),
        (500, 375),
        (256, 256),
        (1, 40_000),
        (21_845, 2),  # RGB: rows one byte too long for a block
        (16_384, 3),
        (65_534, 2),  # L: rows that fill a block
        (65_535, 2),
        (70_000, 3),
    ],
)
def test_pillow_decodes_the_promised_pixels(mode: str, width: int, height: int) -> None:
    image = Image.open(io.BytesIO(file_of(spec(mode, width, height, seed=7), index=3)))
    assert image.format == "PNG"
    assert image.mode == mode
    assert image.size == (width, height)
    assert image.tobytes() == promised(mode, width, height, 7, 3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (37, 11), (100, 2000), (21_845, 3), (65_534, 2), (70_000, 3)]
)
def test_chunks_are_laid_out_as_documented(mode: str, width: int, height: int) -> None:
    header, *bands, end, last = chunks(file_of(spec(mode, width, height)))
    zlib_header = bands.pop(0)
    row = width * CHANNELS[mode]

    assert header == Chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPE[mode], 0, 0, 0)
    )
    assert zlib_header == Chunk(b"IDAT", b"\x78\x01")
    assert last == Chunk(b"IEND", b"")
    rows_in_band = max(1, BLOCK // (row + 1))
    assert len(bands) == -(-height // rows_in_band)

    pixels = promised(mode, width, height, 0, 0)
    rows = [b"\0" + pixels[start : start + row] for start in range(0, len(pixels), row)]
    for number, band in enumerate(bands):
        lines = b"".join(rows[number * rows_in_band : (number + 1) * rows_in_band])
        blocks = b"".join(
            struct.pack("<BHH", 0, len(block), ~len(block) & 0xFFFF) + block
            for block in (lines[start : start + BLOCK] for start in range(0, len(lines), BLOCK))
        )
        assert band.name == b"IDAT"
        assert band.data == blocks
    adler = zlib.adler32(b"".join(rows))
    assert end == Chunk(b"IDAT", b"\x01\x00\x00\xff\xff" + struct.pack(">I", adler))


def test_zlib_inflates_all_to_unfiltered_rows() -> None:
    found = chunks(file_of(spec("RGB", 300, 200)))
    rows = zlib.decompress(b"".join(chunk.data for chunk in found if chunk.name == b"IDAT"))
    assert len(rows) == 200 * 901
    assert not any(rows[::901])


def test_bands_are_the_same_wherever_an_image_ends() -> None:
    short = chunks(file_of(spec("RGB", 100, 300)))
    tall = chunks(file_of(spec("RGB", 100, 1000)))
    assert len(tall) > len(short) > 4
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(short[1:], tall[1:]))
    assert len(list(same)) == 1 + 300 // (BLOCK // 301)


# Of whole files: these bytes are promised to be the same everywhere and for ever.
@pytest.mark.parametrize(
    ("seed", "index", "mode", "width", "height", "digest"),
    [
        (0, 0, "RGB", 1, 1, "96b49ddec729a2b5c96837fed153c14e5e5214a6fc6851bd500c88924786d39e"),
        (0, 0, "RGB", 500, 375, "9b79242a6b6853b5608705986d2feaf19aeab0900b600a3a39b8cfdc48ec2782"),
        (1, 0, "RGB", 33, 20, "6c632f76ea08046dffd6d3d772e60523dce2b0283da7cf3ee3a6abf64545f050"),
        (0, 1, "L", 1001, 70, "1b4b9b141e46d0b87652341f3b043730d8e03a7309f98d5e4e29234ead1b6615"),
        (
            2**64 - 1,
            2**63 - 1,
            "RGBA",
            250,
            100,
            "a53b46dd9ba2daf112be5cb791db905ebfd19882e753de9c8e3e42971e232520",
        ),
        (
            7,
            10000,
            "RGB",
            30000,
            2,
            "469dc6cf40216cf5393313e6cce211f86ab4d5eeca683aa8f2728981400dae48",
        ),
    ],
)
def test_files_never_change(
    seed: int, index: int, mode: str, width: int, height: int, digest: str
) -> None:
    file = file_of(spec(mode, width, height, seed), index)
    assert hashlib.sha256(file).hexdigest() == digest


def test_memory_does_not_grow_with_the_height() -> None:
    made = spec("RGB", 8, 1_000_000)
    size = 0
    tracemalloc.start()
    try:
        for piece in png_stored.Encoder(made).encode(0).buffers:
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 24_000_000
    assert peak < 1_000_000


def test_pieces_stay_as_they_are_until_the_end() -> None:
    # Who writes collects pieces without copying them.
    made = spec("RGB", 100, 2000)
    copies = [bytes(piece) for piece in png_stored.Encoder(made).encode(0).buffers]
    kept = list(png_stored.Encoder(made).encode(0).buffers)
    assert list(map(bytes, kept)) == copies


def test_image_name_and_count_do_not_matter() -> None:
    other = DatasetSpec(b"y", b"z", 40, 30, count=9, image_format="png", start=2)
    assert file_of(other, 4) == file_of(spec("RGB", 40, 30), 4)
    assert os.path.basename(other.image_path(4)) == b"z4.png"


@pytest.mark.parametrize(("level", "zlib_header"), [(1, b"\x78\x01"), (9, b"\x78\xda")])
@pytest.mark.parametrize("mode", MODES)
def test_compressed_file_is_the_one_that_pillow_writes(
    mode: str, level: int, zlib_header: bytes
) -> None:
    made = replace(spec(mode, 61, 47), compress_level=level)
    encoder = image_encoder(made)
    for index in (3, 4):  # The same encoder serves every image.
        image = Image.frombytes(mode, (61, 47), promised(mode, 61, 47, 0, index))
        expected = io.BytesIO()
        image.save(expected, "PNG", compress_level=level)
        file = b"".join(encoder.encode(index).buffers)
        assert file == expected.getvalue()
        assert file[file.index(b"IDAT") + 4 :][:2] == zlib_header


def test_level_0_fits_where_no_level_is_needed() -> None:
    made = spec("RGB", 61, 47)
    assert b"".join(image_encoder(replace(made, compress_level=0)).encode(1).buffers) == file_of(
        made, 1
    )


@pytest.mark.parametrize("module", [png_stored, bmp])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("content", ["noise", "photo"])
def test_rows_in_pieces_are_the_same(
    module: Any, mode: str, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of more than one stored block, and of pieces that end anywhere in a block."""
    kind: str = "png" if module is png_stored else "bmp"
    options: dict[str, Any] = {"compress_level": 0} if kind == "png" else {}
    for width in (65_534, 65_535, 70_001):
        made = DatasetSpec(
            b"x", b"x", width, 2, image_format=kind, mode=mode, content=content, **options
        )
        whole = b"".join(module.Encoder(made).encode(3).buffers)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_MOST_COLUMNS", 20_000)
            patch.setattr(module, "_BAND_BYTES", 1, raising=False)  # one row, as in wide images
            assert b"".join(module.Encoder(made).encode(3).buffers) == whole


@pytest.mark.parametrize("module", [png_stored, bmp])
def test_memory_does_not_grow_with_the_width(module: Any) -> None:
    kind = "png" if module is png_stored else "bmp"
    made = DatasetSpec(b"x", b"x", 20_000_001, 1, image_format=kind)
    tracemalloc.start()
    try:
        size = sum(map(len, module.Encoder(made).encode(0).buffers))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 60_000_000
    assert peak < 6_000_000
