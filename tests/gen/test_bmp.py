from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imagine_gen.dataset.formats import CHANNELS, bmp_bytes
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats import bmp

MODES = ("L", "RGB", "RGBA")
SIZES = [
    (1, 1),
    (1, 9),
    (9, 1),
    (2, 3),
    (3, 2),
    (4, 4),
    (5, 3),
    (37, 11),
    (500, 375),
    (1, 100_000),
    (100_000, 3),
]


def spec(mode: str, width: int, height: int, seed: int = 0) -> DatasetSpec:
    return DatasetSpec(b"x", b"x", width, height, image_format="bmp", mode=mode, seed=seed)


def file_of(made: DatasetSpec, index: int = 0) -> bytes:
    return b"".join(bmp.Encoder(made).encode(index).buffers)


def promised(mode: str, width: int, height: int, seed: int, index: int) -> bytes:
    """Return an image's pixels by the words of the promise, with nothing of the tool's code."""
    size = width * height * CHANNELS[mode]
    sequence = np.random.SeedSequence(seed, spawn_key=(0, index))
    words = np.random.PCG64DXSM(sequence).random_raw(-(-size // 8))
    return words.astype("<u8").tobytes()[:size]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pillow_decodes_the_promised_pixels(mode: str, width: int, height: int) -> None:
    image = Image.open(io.BytesIO(file_of(spec(mode, width, height, seed=7), index=3)))
    assert image.format == "BMP"
    assert image.mode == mode
    assert image.size == (width, height)
    assert image.tobytes() == promised(mode, width, height, 7, 3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_size_is_known_in_advance_and_in_the_header(mode: str, width: int, height: int) -> None:
    made = spec(mode, width, height)
    file = file_of(made)
    assert len(file) == bmp_bytes(made)
    magic, size, _, _, offset = struct.unpack_from("<2sIHHI", file)
    assert (magic, size) == (b"BM", len(file))
    stride = (width * CHANNELS[mode] + 3) // 4 * 4
    assert len(file) - offset == stride * height
    assert struct.unpack_from("<I", file, 34) == (stride * height,)


@pytest.mark.parametrize(
    ("mode", "header", "bits", "compression", "colors", "offset"),
    [("L", 40, 8, 0, 256, 1078), ("RGB", 40, 24, 0, 0, 54), ("RGBA", 108, 32, 3, 0, 122)],
)
def test_header_is_that_of_the_windows_documentation(
    mode: str, header: int, bits: int, compression: int, colors: int, offset: int
) -> None:
    file = file_of(spec(mode, 5, 3))
    assert struct.unpack_from("<I", file, 10) == (offset,)
    fields = struct.unpack_from("<IiiHHIIiiII", file, 14)
    assert fields[:6] == (header, 5, 3, 1, bits, compression)
    assert fields[9] == colors
    if mode == "RGBA":
        masks = struct.unpack_from("<IIII", file, 54)
        assert masks == (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    if mode == "L":
        grays = [struct.unpack_from("BBBB", file, 54 + 4 * level) for level in range(256)]
        assert grays == [(level, level, level, 0) for level in range(256)]


def test_rows_go_up_and_are_padded_with_zeros() -> None:
    file = file_of(spec("RGB", 1, 2))
    (r0, g0, b0), (r1, g1, b1) = (promised("RGB", 1, 2, 0, 0)[i : i + 3] for i in (0, 3))
    assert file[54:] == bytes((b1, g1, r1, 0, b0, g0, r0, 0))


# Of whole files: these bytes are promised to be the same everywhere and for ever.
@pytest.mark.parametrize(
    ("seed", "index", "mode", "width", "height", "digest"),
    [
        (0, 0, "RGB", 1, 1, "8fd74e8fd4369aee914baa5356662928913a32e55a85657e8f27ba6b8a3ea28e"),
        (0, 0, "RGB", 500, 375, "b455e4f84dc43b8fbd9949559d247b444ddb7e2456dbb2b11b55a4c0385aef95"),
        (1, 0, "RGB", 33, 20, "814da60271e07815cf3f5e16eb212da27d3c1162a7c95f910853d48177b23d84"),
        (0, 1, "L", 1001, 70, "2ae285b03e159d0914eca4bdb24e94b37e9c3f413cf54cf30c1b762e4d81e639"),
        (
            2**64 - 1,
            2**63 - 1,
            "RGBA",
            250,
            100,
            "55a9fdcc43e58b63e0dae319406c2b29d129215927a58c45af01a8cedbf0fc09",
        ),
        (
            7,
            10000,
            "RGB",
            30000,
            2,
            "ccd7b404f01637d3cfe1008dc2519ebb3d6ffdd522805517ba7cd3d4e1b644cb",
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
        for piece in bmp.Encoder(made).encode(0).buffers:
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 24_000_000
    assert peak < 3_000_000


def test_pieces_stay_as_they_are_until_the_end() -> None:
    # Who writes collects pieces without copying them.
    made = spec("RGB", 100, 2000)
    copies = [bytes(piece) for piece in bmp.Encoder(made).encode(0).buffers]
    kept = list(bmp.Encoder(made).encode(0).buffers)
    assert len(kept) > 2
    assert list(map(bytes, kept)) == copies
