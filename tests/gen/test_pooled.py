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
from support import run

FORMATS = ["png", "bmp"]
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
    dealer = Dealer(made.seed, pool, count, made.height // rows)
    first_is_fresh = index >= dealer.combinations
    draws = [(Draw.POOL, pick) for pick in dealer.deal(index)]
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
@pytest.mark.parametrize("image_format", FORMATS)
def test_stored_formats_decode_to_the_strips_pixels(
    image_format: str, mode: str, width: int, height: int, index: int
) -> None:
    made = spec(image_format, width, height, mode=mode, pool_strips=20, seed=5)
    rows = max(1, min(65_535 // (1 + made.row_bytes), height // 8))
    with Image.open(io.BytesIO(encoded(made, index))) as image:
        assert image.mode == mode
        decoded = np.asarray(image).reshape(height, width, -1)
    assert np.array_equal(decoded, dealt_pixels(made, index, rows, 20)[:height])


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("image_format", FORMATS)
def test_every_size_decodes(image_format: str, mode: str, width: int, height: int) -> None:
    made = spec(image_format, width, height, mode=mode, pool_strips=9)
    for index in (0, 1, 2**63 - 2):
        with Image.open(io.BytesIO(encoded(made, index))) as image:
            image.load()
            assert (image.mode, image.size) == (mode, (width, height))


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("pool_strips", [1, 2, 3, 256])
def test_no_two_images_are_the_same(image_format: str, pool_strips: int) -> None:
    made = spec(image_format, 64, 64, pool_strips=pool_strips)
    digests = {hashlib.sha256(encoded(made, index)).digest() for index in range(2_000)}
    assert len(digests) == 2_000


@pytest.mark.parametrize("image_format", FORMATS)
def test_images_of_one_small_strip_differ_in_its_first_bytes(image_format: str) -> None:
    made = spec(image_format, 8, 1, mode="L", pool_strips=2)
    files = {encoded(made, index) for index in range(5_000)}
    assert len(files) == 5_000


def test_a_pool_too_large_is_wrong_usage_and_nothing_is_written(tmp_path: Path) -> None:
    options = ["--pooled", "--image-format", "png", "--pool-strips", "1000000", "--count", "3"]
    result = run("gen", "--path", tmp_path / "images", *options)
    assert result.returncode == 2
    words = (
        b"argument --pool-strips: 1000000 strips of 63360 bytes are over 8 GiB; at most 135573 fit"
    )
    assert words in result.stderr
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize("image_format", FORMATS)
def test_strips_that_came_out_alike_are_in_the_pool_once(image_format: str) -> None:
    made = spec(image_format, 1, 1, mode="L", pool_strips=5_000)
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


@pytest.mark.parametrize("image_format", FORMATS)
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


@pytest.mark.parametrize("image_format", FORMATS)
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


@pytest.mark.parametrize("image_format", [(), ("--image-format", "jpeg")])
def test_jpeg_is_refused_with_the_option_that_takes_its_place(
    tmp_path: Path, image_format: tuple[str, ...]
) -> None:
    result = run("gen", "--path", tmp_path / "images", "--pooled", *image_format)
    assert result.returncode == 2
    assert b"argument --pooled: not with --image-format jpg, which has --direct" in result.stderr
    assert not (tmp_path / "images").exists()
