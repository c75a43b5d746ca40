"""JPEG written directly: valid for every decoder, of exact sizes, the same on every host."""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from imagine_common.errors import UsageError
from imagine_gen import DatasetSpec, SizeRange
from imagine_gen.content.photo.images import PhotoContent
from imagine_gen.formats.direct import noise, photo
from imagine_gen.formats.direct.coding import Coding, Symbol, difference_bytes
from imagine_gen.formats.direct.photo import dealt_out
from imagine_gen.formats.jpeg import scan_begin
from imagine_gen.work.encoders import image_encoder

CHROMAS = [("L", None), ("RGB", "4:4:4"), ("RGB", "4:2:2"), ("RGB", "4:2:0")]
CONTENTS = ["noise", "photo"]
MOST_SYMBOLS = {"noise": 62, "photo": 31}
Pixels = npt.NDArray[np.uint8]


def spec_of(
    width: int,
    height: int,
    content: str = "noise",
    chroma: tuple[str, str | None] = CHROMAS[3],
    **options: object,
) -> DatasetSpec:
    mode, subsampling = chroma
    return DatasetSpec(
        b"d",
        b"i",
        width,
        height,
        mode=mode,
        subsampling=subsampling,
        content=content,
        direct=True,
        **options,  # type: ignore[arg-type]
    )


def file_of(spec: DatasetSpec, index: int = 0) -> bytes:
    return b"".join(bytes(buffer) for buffer in image_encoder(spec).encode(index).buffers)


def decoded(file: bytes) -> Pixels:
    with Image.open(io.BytesIO(file)) as image:
        assert image.format == "JPEG"
        return np.asarray(image)


def blocks_in(spec: DatasetSpec) -> int:
    if spec.mode == "L":
        return -(-spec.width // 8) * -(-spec.height // 8)
    across, down = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}[spec.subsampling or ""]
    mcus = -(-spec.width // (8 * across)) * -(-spec.height // (8 * down))
    return mcus * (across * down + 2)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("chroma", CHROMAS)
def test_pillow_decodes_all_small_dimensions(content: str, chroma: tuple[str, str | None]) -> None:
    for width, height in itertools.product((1, 7, 8, 9, 16, 17), repeat=2):
        pixels = decoded(file_of(spec_of(width, height, content, chroma), 5))
        assert pixels.shape[:2] == (height, width)
        assert pixels.ndim == (2 if chroma[0] == "L" else 3)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("chroma", CHROMAS)
def test_files_have_the_sizes_asked_for_from_the_smallest_to_the_largest(
    content: str, chroma: tuple[str, str | None]
) -> None:
    head = scan_begin(file_of(spec_of(50, 37, content, chroma)))
    count = blocks_in(spec_of(50, 37, content, chroma))
    least = head + 2 * count + 2
    most = least + MOST_SYMBOLS[content] * count
    for size in (least, least + 1, least + 15 * count + 1, least + 31 * count, most - 1, most):
        spec = spec_of(50, 37, content, chroma, target_size=size)
        file = file_of(spec, 3)
        assert len(file) == size
        assert image_encoder(spec).wanted_size(3) == size
        decoded(file)
    for size in (least - 1, most + 1):
        with pytest.raises(UsageError, match=f"can have {least} to {most} bytes here, not {size}"):
            image_encoder(spec_of(50, 37, content, chroma, target_size=size))


@pytest.mark.parametrize("chroma", CHROMAS)
def test_by_default_noise_has_the_size_of_encoded_noise(chroma: tuple[str, str | None]) -> None:
    mode, subsampling = chroma
    encoded = DatasetSpec(b"d", b"i", 640, 480, mode=mode, subsampling=subsampling)
    assert len(file_of(spec_of(640, 480, chroma=chroma))) == pytest.approx(
        len(file_of(encoded)), rel=0.01
    )


def test_photo_content_has_the_size_of_photographs() -> None:
    spec = spec_of(500, 375, "photo")
    encoder = image_encoder(spec)
    sizes = [sum(map(len, encoder.encode(index).buffers)) for index in range(24)]
    assert np.median(sizes) / (500 * 375) == pytest.approx(0.167, rel=0.15)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("target", [None, 20_000])
def test_no_byte_of_a_scan_has_to_be_stuffed(content: str, target: int | None) -> None:
    file = file_of(spec_of(200, 150, content, target_size=target))
    assert b"\xff" not in file[scan_begin(file) : -2]


def test_all_images_differ() -> None:
    for content in CONTENTS:
        encoder = image_encoder(spec_of(64, 64, content))
        files = {
            hashlib.sha256(b"".join(encoder.encode(index).buffers)).digest()
            for index in (*range(200), 2**40, 2**62)
        }
        assert len(files) == 202


def test_images_do_not_depend_on_those_before() -> None:
    for content in CONTENTS:
        spec = spec_of(90, 70, content)
        encoder = image_encoder(spec)
        after = [b"".join(map(bytes, encoder.encode(index).buffers)) for index in (9, 2, 2**50)]
        assert after == [file_of(spec, index) for index in (9, 2, 2**50)]


def test_scenes_are_recognizable() -> None:
    spec = spec_of(400, 304, "photo", CHROMAS[0])
    scene = PhotoContent(0, 50, 38, "L").image(4)(0, 38).reshape(38, 50)
    means = decoded(file_of(spec, 4)).reshape(38, 8, 50, 8).mean(axis=(1, 3))
    assert np.abs(means - scene).mean() < 3


def test_memory_is_bounded_by_a_band() -> None:
    for content, height, most in (("noise", 65_500, 1 << 21), ("photo", 4_000, 1 << 24)):
        spec = spec_of(2_000, height, content)
        pieces = image_encoder(spec).encode(0).buffers
        assert max(map(len, itertools.islice(pieces, 8))) <= most


@pytest.mark.parametrize("content", CONTENTS)
def test_bands_do_not_show_in_the_bytes(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = file_of(spec_of(300, 200, content))
    monkeypatch.setattr(noise, "_BAND_BYTES", 1 << 10)
    monkeypatch.setattr(photo, "_BLOCKS_IN_BAND", 1 << 8)
    assert file_of(spec_of(300, 200, content)) == whole


@pytest.mark.parametrize("symbols", [24, 31, 40, 62])
def test_coefficients_stay_in_the_range_that_all_decoders_share(symbols: int) -> None:
    """A block of `symbols` symbols ends before coefficient 63, and its pixels within 512 levels."""
    rows = np.random.default_rng(1).integers(0, noise.CODING.end, (2000, symbols), np.uint8)
    noise._limit_runs(rows)
    assert rows.max() < noise.CODING.end
    runs = np.array([run_of(byte) for byte in range(noise.CODING.end)])
    assert (runs[rows] + 1).sum(axis=1).max() <= 62
    basis = cosines()
    assert 63 * basis.sum(axis=1).max() + 4 * 127 / 8 < 512


def run_of(byte: int) -> int:
    begin = 0
    for symbol in noise.CODING.symbols:
        begin += 1 << symbol.size
        if byte < begin:
            return symbol.run
    raise AssertionError(byte)


def cosines() -> npt.NDArray[np.float64]:
    """Return how much each AC coefficient can change each pixel of a block: shape (64, 63)."""
    places = np.arange(8)
    one = np.cos((2 * places[:, None] + 1) * places * np.pi / 16) / 2
    one[:, 0] /= np.sqrt(2)
    both: npt.NDArray[np.float64] = np.einsum("xu,yv->xyuv", one, one).reshape(64, 64)
    return np.abs(both[:, 1:])


def test_the_differences_of_every_second_mcu_undo_those_before() -> None:
    values = dict(zip(difference_bytes().tolist(), range(-127, 128)))
    assert sorted(values) == list(range(255))
    for byte in range(128):
        assert values[byte ^ 127] == -values[byte]
    spec = spec_of(400, 300)
    file = file_of(spec)
    scan = np.frombuffer(file[scan_begin(file) : -2], np.uint8)
    longer = len(scan) % blocks_in(spec)
    size = 1 + len(scan) // blocks_in(spec)
    found = np.array([values[byte] for byte in scan[: longer * size : size].tolist()])
    mcus = found[: len(found) // 12 * 12].reshape(-1, 2, 6)
    assert (mcus[:, 0] == -mcus[:, 1]).all()


def test_symbols_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="don't fit"):
        Coding(Symbol(run, size) for run in range(3) for size in range(1, 7))


@pytest.mark.parametrize("total", [0, 1, 50, 199, 333, 500])
def test_symbols_are_dealt_out_exactly(total: int) -> None:
    weights = np.array([1, 0, 9, 2, 15, 3, 3, 0, 7, 10] * 5)
    shares = dealt_out(weights, total, 10)
    assert shares.sum() == total
    assert (shares >= 0).all()
    assert shares.max() <= 10
    assert (dealt_out(np.zeros(9, np.int64), 25, 10) <= 3).all()


def test_varying_dimensions_need_no_pool() -> None:
    sizes = SizeRange((30, 90), (20, 70))
    encoder = image_encoder(replace(spec_of(1, 1), sizes=sizes))
    shapes = {decoded(b"".join(encoder.encode(index).buffers)).shape for index in range(8)}
    assert len(shapes) == 8


# The bytes of direct images depend on no library, so these hold on every host.
DIGESTS = {
    ("noise", "L", None): "341627110c603c1160ee6e275809235aef73430b4f1af62695d2806553b012ff",
    ("noise", "4:2:0", None): "c6456d54e9d25ae49087474171d005357acf321bc72ff488228a626cd703a47f",
    ("noise", "4:4:4", 40_000): "d17b26756154fe439f7d847ca87655dbc44c61c40b98c413db4e8e2859bf2038",
    ("photo", "L", None): "7f7bab46e4f26a483b285d90c2b2cf445aee2a826c8adef09b989a28fc4812bd",
    ("photo", "4:2:0", None): "f55baa2d52376f237f1d212135f7e13f3fb9541cd106c50019a341d3c0c27fc3",
    ("photo", "4:2:2", 12_000): "6c63cbd4da6cd8e2e9596f819568a95a028934c9784ec59349a3db802a8cdb85",
}


@pytest.mark.parametrize(("case", "digest"), DIGESTS.items())
def test_files_have_the_same_bytes_everywhere(
    case: tuple[str, str, int | None], digest: str
) -> None:
    content, subsampling, target = case
    chroma = CHROMAS[0] if subsampling == "L" else ("RGB", subsampling)
    encoder = image_encoder(spec_of(173, 99, content, chroma, target_size=target, seed=3))
    whole = hashlib.sha256()
    for index in (0, 1, 2**40 + 5):
        for buffer in encoder.encode(index).buffers:
            whole.update(buffer)
    assert whole.hexdigest() == digest
