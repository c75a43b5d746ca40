"""Pooled images: put together from encoded strips, decoded to the pixels of those strips."""

import hashlib
import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagine_gen.dataset.formats import CHANNELS
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.pooled import Dealer, default_pool_strips
from imagine_gen.random_streams import Draw, RandomStream, scramble
from imagine_gen.work.encoders import image_encoder
from pillow_formats import WRITES_RESTART_MARKERS
from support import run

SIZES = [(1, 1), (5, 3), (64, 64), (33, 100), (500, 375), (16, 4000), (70_000, 9)]


def spec(image_format: str, width: int, height: int, **options: object) -> DatasetSpec:
    return DatasetSpec(
        path=b"images",
        name=b"image_",
        width=width,
        height=height,
        image_format=image_format,
        pooled=True,
        **options,  # type: ignore[arg-type]
    )


encoder = lru_cache(maxsize=1)(image_encoder)


def encoded(made: DatasetSpec, index: int) -> bytes:
    return b"".join(encoder(made).encode(index).buffers)


def dealt_pixels(made: DatasetSpec, index: int, rows: int, pool: int) -> np.ndarray:
    """Return the pixels of an image's strips by the words of the promise, below its edge too."""
    count = -(-made.height // rows)
    uncut = count if made.image_format == "jpg" else made.height // rows
    picks, first_is_fresh = Dealer(made.seed, pool, count, uncut).deal(index)
    draws = [(Draw.POOL, pick) for pick in picks]
    if first_is_fresh:
        draws[0] = (Draw.FRESH_STRIP, index)
    size = rows * made.row_bytes
    strips = [RandomStream(made.seed, draw, number).read(0, size) for draw, number in draws]
    if first_is_fresh:
        drawn = scramble(index, 2**64).to_bytes(8, "little")[:size]
        strips[0][: len(drawn)] = list(drawn)
    return np.concatenate(strips).reshape(count * rows, made.width, CHANNELS[made.mode])


@pytest.mark.parametrize("index", [0, 1, 2**40])
@pytest.mark.parametrize(
    ("width", "height"), [(64, 64), (33, 100), (500, 375), (16, 4000), (70_000, 9), (30_000, 20)]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("image_format", ["png", "bmp"])
def test_stored_formats_decode_to_the_strips_pixels(
    image_format: str, mode: str, width: int, height: int, index: int
) -> None:
    made = spec(image_format, width, height, mode=mode, pool_strips=20, seed=5)
    rows = max(1, min(65_535 // (1 + made.row_bytes), height // 8))
    with Image.open(io.BytesIO(encoded(made, index))) as image:
        assert image.mode == mode
        decoded = np.asarray(image).reshape(height, width, -1)
    assert np.array_equal(decoded, dealt_pixels(made, index, rows, 20)[:height])


@pytest.mark.skipif(
    not WRITES_RESTART_MARKERS,
    reason="this Pillow can't write restart markers, which the test compares with",
)
@pytest.mark.parametrize("index", [0, 1, 2**40])
@pytest.mark.parametrize("quality", [1, 75, 100])
@pytest.mark.parametrize(("width", "height"), [(64, 64), (90, 160), (501, 368), (2001, 16)])
@pytest.mark.parametrize(
    ("mode", "subsampling", "rows"),
    [("RGB", "4:2:0", 16), ("RGB", "4:2:2", 8), ("RGB", "4:4:4", 8), ("L", None, 8)],
)
def test_jpeg_equals_the_encoders_output_with_restarts(
    mode: str,
    subsampling: str | None,
    rows: int,
    width: int,
    height: int,
    quality: int,
    index: int,
) -> None:
    options = {"mode": mode, "quality": quality, "subsampling": subsampling}
    made = spec("jpg", width, height, pool_strips=20, **options)
    pixels = dealt_pixels(made, index, rows, 20)
    image = Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    file = io.BytesIO()
    more = {"subsampling": subsampling} if subsampling else {}
    image.save(file, "JPEG", quality=quality, restart_marker_rows=1, **more)
    assert encoded(made, index) == file.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 9), (500, 375), (17, 1000)])
def test_strips_of_any_subsampling_decode_to_pixels_near_theirs(
    subsampling: str, width: int, height: int
) -> None:
    options = {"quality": 100, "pool_strips": 20, "subsampling": subsampling}
    made = spec("jpg", width, height, **options)
    with Image.open(io.BytesIO(encoded(made, 1))) as image:
        decoded = np.asarray(image.convert("L")).astype(int)
    rows = 16 if subsampling == "4:2:0" else 8
    pixels = dealt_pixels(made, 1, rows, 20)[:height]
    luma = np.asarray(Image.fromarray(pixels).convert("L"))
    assert np.abs(decoded - luma).mean() < 10


@pytest.mark.parametrize("height", [1, 15, 17, 375])
def test_jpeg_of_a_height_between_mcus_is_a_cut_larger_one(height: int) -> None:
    low = encoded(spec("jpg", 200, height), 0)
    whole_height = -(-height // 16) * 16
    high = encoded(spec("jpg", 200, whole_height), 0)
    sof = high.index(b"\xff\xc0")
    assert low == high[: sof + 5] + height.to_bytes(2, "big") + high[sof + 7 :]
    with Image.open(io.BytesIO(low)) as image:
        image.load()
        assert image.size == (200, height)


def test_restart_markers_count_to_seven_and_over() -> None:
    data = encoded(spec("jpg", 64, 400), 0)
    markers = range(0xD0, 0xD8)
    found = [
        data[position + 1]
        for position in range(data.index(b"\xff\xda"), len(data) - 1)
        if data[position] == 0xFF and data[position + 1] in markers
    ]
    assert found == [0xD0 + number % 8 for number in range(24)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    ("image_format", "mode"),
    [
        (f, m)
        for f in ("jpg", "png", "bmp")
        for m in ("RGB", "RGBA", "L")
        if (f, m) != ("jpg", "RGBA")
    ],
)
def test_every_size_decodes(image_format: str, mode: str, width: int, height: int) -> None:
    width = min(width, 65_500) if image_format == "jpg" else width
    made = spec(image_format, width, height, mode=mode, pool_strips=9)
    for index in (0, 1, 2**63 - 2):
        with Image.open(io.BytesIO(encoded(made, index))) as image:
            image.load()
            assert (image.mode, image.size) == (mode, (width, height))


@pytest.mark.parametrize("image_format", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("pool_strips", [1, 2, 3, 256])
def test_no_two_images_are_the_same(image_format: str, pool_strips: int) -> None:
    made = spec(image_format, 64, 64, pool_strips=pool_strips)
    digests = {hashlib.sha256(encoded(made, index)).digest() for index in range(2_000)}
    assert len(digests) == 2_000


@pytest.mark.parametrize("image_format", ["png", "bmp"])
def test_images_of_one_small_strip_differ_in_its_first_bytes(image_format: str) -> None:
    made = spec(image_format, 8, 1, mode="L", pool_strips=2)
    files = {encoded(made, index) for index in range(5_000)}
    assert len(files) == 5_000


def test_a_pool_too_large_is_wrong_usage_and_nothing_is_written(tmp_path: Path) -> None:
    options = ["--pooled", "--pool-strips", "1000000", "--count", "3"]
    result = run("gen", "--path", tmp_path / "images", *options)
    assert result.returncode == 2
    words = (
        b"argument --pool-strips: 1000000 strips of 92160 bytes are over 8 GiB; at most 93206 fit"
    )
    assert words in result.stderr
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize("image_format", ["jpg", "png", "bmp"])
def test_strips_that_came_out_alike_are_in_the_pool_once(image_format: str) -> None:
    quality = 1 if image_format == "jpg" else None
    made = spec(image_format, 1, 1, mode="L", quality=quality, pool_strips=5_000)
    pool = image_encoder(made)._pool  # type: ignore[attr-defined]
    assert len(set(pool)) == len(pool) < 5_000
    files = {encoded(made, index) for index in range(len(pool))}
    assert len(files) == len(pool)


def test_png_and_bmp_have_the_same_pixels() -> None:
    images = []
    for image_format in ("png", "bmp"):
        with Image.open(io.BytesIO(encoded(spec(image_format, 70, 50), 3))) as image:
            images.append(image.tobytes())
    assert images[0] == images[1]


@pytest.mark.parametrize("image_format", ["jpg", "png", "bmp"])
def test_seeds_share_no_image(image_format: str) -> None:
    files = {
        encoded(spec(image_format, 64, 64, seed=seed), i) for seed in range(3) for i in range(9)
    }
    assert len(files) == 27


@pytest.mark.parametrize(
    ("image_format", "digest"),
    [
        ("png", "495749e7da21f02f2fc92589181391af83e40e27febc0917e2d881e7811f16f3"),
        ("bmp", "01881af1fd2c201f67143d4ebe884616001bd67f96a0d10e852ceaa791978226"),
    ],
)
def test_stored_files_are_the_same_bytes_everywhere(image_format: str, digest: str) -> None:
    made = spec(image_format, 333, 250, pool_strips=64, seed=11)
    data = b"".join(encoded(made, index) for index in (0, 1, 10_000))
    assert hashlib.sha256(data).hexdigest() == digest


@pytest.mark.parametrize(
    ("strips_in_image", "strip_bytes", "strips"),
    [(1, 3, 256), (135, 184_320, 256), (432, 57_600, 432), (4, 2**24, 8), (2, 2**30, 1)],
)
def test_default_pool_holds_an_image_within_a_limit(
    strips_in_image: int, strip_bytes: int, strips: int
) -> None:
    assert default_pool_strips(strips_in_image, strip_bytes) == strips


@pytest.mark.parametrize("image_format", ["jpg", "png", "bmp"])
def test_workers_chunks_and_parts_change_no_byte(tmp_path: Path, image_format: str) -> None:
    options = ["--width", "60", "--height", "70", "--image-format", image_format, "--pooled"]
    options += ["--pool-strips", "3", "--seed", "9"]

    def make(name: str, *more: str) -> dict[str, bytes]:
        run("gen", "--path", tmp_path / name, *options, *more)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    whole = make("whole", "--count", "40", "--workers", "1")
    assert len(whole) == 40
    assert len(set(whole.values())) == 40
    assert make("chunks", "--count", "40", "--workers", "3", "--chunksize", "3") == whole
    first = make("parts", "--count", "13")
    assert first == {name: whole[name] for name in first}
    assert make("parts", "--count", "27", "--start", "13") == whole
