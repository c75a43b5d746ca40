from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats import jpeg
from imagine_gen.random_streams import Draw, RandomStream

BASELINE, HUFFMAN_TABLES, QUANTIZATION = 0xC0, 0xC4, 0xDB


def spec(
    mode: str, width: int, height: int, quality: int = 75, seed: int = 0, **options: Any
) -> DatasetSpec:
    return DatasetSpec(b"x", b"x", width, height, mode=mode, quality=quality, seed=seed, **options)


def file_of(made: DatasetSpec, index: int = 0) -> bytes:
    return b"".join(jpeg.Encoder(made).encode(index).buffers)


def segments(file: bytes) -> dict[int, list[bytes]]:
    """Return the segments before the scan by their markers (ITU-T T.81, B.1.1)."""
    assert file.startswith(b"\xff\xd8")
    assert file.endswith(b"\xff\xd9")
    found: dict[int, list[bytes]] = {}
    place = 2
    while 0xDA not in found:
        assert file[place] == 0xFF
        (size,) = struct.unpack_from(">H", file, place + 2)
        found.setdefault(file[place + 1], []).append(file[place + 4 : place + 2 + size])
        place += 2 + size
    return found


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 5), (16, 16), (500, 375), (1, 65_500)])
def test_image_is_of_the_size_and_mode_asked_for(mode: str, width: int, height: int) -> None:
    image = Image.open(io.BytesIO(file_of(spec(mode, width, height))))
    assert image.format == "JPEG"
    assert image.mode == mode
    assert image.size == (width, height)
    image.load()


def test_gray_image_of_best_quality_is_near_the_promised_pixels() -> None:
    made = spec("L", 40, 30, quality=100, seed=7)
    decoded = np.asarray(Image.open(io.BytesIO(file_of(made, 3)))).astype(int)
    pixels = RandomStream(7, Draw.PIXELS, 3).read(0, 1200).reshape(30, 40)
    assert np.abs(decoded - pixels).max() <= 4


def test_color_image_is_near_the_promised_pixels() -> None:
    # Of noise, 4:2:0 leaves only the luma.
    made = spec("RGB", 40, 30, quality=100, seed=7)
    decoded = Image.open(io.BytesIO(file_of(made, 3))).convert("L")
    pixels = RandomStream(7, Draw.PIXELS, 3).read(0, 3600).reshape(30, 40, 3)
    luma = Image.fromarray(pixels).convert("L")
    correlation = np.corrcoef(np.asarray(decoded).ravel(), np.asarray(luma).ravel())[0, 1]
    assert correlation > 0.9


@pytest.mark.parametrize("quality", [1, 50, 75, 90, 100])
@pytest.mark.parametrize(
    ("subsampling", "luma"), [(None, 0x22), ("4:2:0", 0x22), ("4:2:2", 0x21), ("4:4:4", 0x11)]
)
def test_chroma_is_subsampled_at_any_quality(
    quality: int, subsampling: str | None, luma: int
) -> None:
    made = spec("RGB", 33, 17, quality, subsampling=subsampling)
    (frame,) = segments(file_of(made))[BASELINE]
    assert struct.unpack_from(">BHHB", frame) == (8, 17, 33, 3)
    assert [frame[i] for i in (7, 10, 13)] == [luma, 0x11, 0x11]


def test_color_of_noise_is_kept_as_far_as_subsampling_allows() -> None:
    pixels = RandomStream(0, Draw.PIXELS, 0).read(0, 64 * 64 * 3).reshape(64, 64, 3)
    red = Image.fromarray(pixels).convert("YCbCr").getchannel("Cr")
    correlations = []
    for subsampling in ("4:2:0", "4:2:2", "4:4:4"):
        file = file_of(spec("RGB", 64, 64, 100, subsampling=subsampling))
        decoded = Image.open(io.BytesIO(file)).convert("YCbCr").getchannel("Cr")
        both = np.asarray(decoded).ravel(), np.asarray(red).ravel()
        correlations.append(np.corrcoef(*both)[0, 1])
    assert correlations == sorted(correlations)
    assert correlations[-1] > 0.99 > 0.9 > correlations[-2]


def test_gray_image_has_one_component() -> None:
    (frame,) = segments(file_of(spec("L", 33, 17)))[BASELINE]
    assert struct.unpack_from(">BHHB", frame) == (8, 17, 33, 1)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("quality", [1, 10, 50, 75, 95, 100])
def test_quality_is_that_of_pillow(mode: str, quality: int) -> None:
    reference = io.BytesIO()
    Image.new(mode, (8, 8)).save(reference, "JPEG", quality=quality)
    file = file_of(spec(mode, 20, 10, quality))
    expected = segments(reference.getvalue())[QUANTIZATION]
    assert segments(file)[QUANTIZATION] == expected
    assert len(b"".join(expected)) == (2 if mode == "RGB" else 1) * 65


def test_huffman_tables_are_the_standard_ones() -> None:
    tables = b"".join(segments(file_of(spec("RGB", 64, 64)))[HUFFMAN_TABLES])
    # T.81, table K.3: code lengths and values for differences of luminance DC coefficients.
    lengths = bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0))
    assert b"\x00" + lengths + bytes(range(12)) in tables
    # Two tables of DC coefficients with 12 codes, two of AC coefficients with 162.
    assert len(tables) == 2 * (17 + 12) + 2 * (17 + 162)


def test_two_encodes_are_equal() -> None:
    made = spec("RGB", 50, 40)
    assert file_of(made, 1) == file_of(made, 1)


def test_images_differ_by_index_and_seed() -> None:
    files = {file_of(spec("RGB", 8, 8, seed=seed), index) for seed in (0, 1) for index in (0, 1)}
    assert len(files) == 4
