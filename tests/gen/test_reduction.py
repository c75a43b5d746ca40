"""`--dedupe-ratio` and `--compress-ratio`: storage finds what was asked for, decoders do not."""

from __future__ import annotations

import io
import zlib
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagine_common.errors import UsageError
from imagine_gen import DatasetSpec, SizeRange, create_images
from imagine_gen.cli import main
from imagine_gen.dataset.options import MAX_INDEX
from imagine_gen.formats.direct import photo
from imagine_gen.work.encoders import image_encoder

RATIOS = ("1", "1.5", "2", "4", "10", "1.001", "999999")


def file_of(spec: DatasetSpec, index: int = 0) -> bytes:
    return b"".join(image_encoder(spec).encode(index).buffers)


def pixels_of(file: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_first_images_have_exactly_the_originals_of_the_ratio(ratio: str) -> None:
    spec = DatasetSpec("d", seed=3, dedupe_ratio=ratio)  # type: ignore[arg-type]
    exact = Fraction(ratio)
    seen: list[int] = []
    for index in range(3000):
        original = spec.original(index)
        if original == index:
            seen.append(index)
        assert original in seen[-1:] or original in {*seen}
        assert len(seen) == ceil((index + 1) / exact)
    assert seen == [int(number * exact) for number in range(len(seen))]


@given(index=st.integers(0, MAX_INDEX - 1), ratio=st.fractions(1, 1000), seed=st.integers(0, 9))
def test_repeated_images_are_originals_at_any_index(index: int, ratio: Fraction, seed: int) -> None:
    spec = DatasetSpec("d", seed=seed, dedupe_ratio=ratio)
    original = spec.original(index)
    assert 0 <= original <= index
    assert spec.original(original) == original
    is_original = ceil((index + 1) / ratio) > ceil(index / ratio)
    assert (original == index) == is_original


def test_originals_are_repeated_about_equally_often() -> None:
    spec = DatasetSpec("d", dedupe_ratio=Fraction(10))
    chosen = [spec.original(index) for index in range(50_000, 60_000)]
    # Each tenth of the originals before gets a tenth of 9,000 images, with a deviation of 28.
    counts, _ = np.histogram([at for at in chosen if at < 50_000], 10, (0, 50_000))
    assert counts.min() > 720
    other = DatasetSpec("d", seed=1, dedupe_ratio=Fraction(10))
    assert chosen != [other.original(index) for index in range(50_000, 60_000)]


@pytest.mark.parametrize(
    "kind",
    [
        ("--image-format", "png", "--classes", "3"),
        ("--direct", "--width", "20:40", "--height", "10:30"),
        ("--target-size", "1500", "--target-size-stdev", "60"),
        ("--image-format", "bmp", "--pooled", "--content", "photo"),
    ],
)
def test_images_repeat_their_originals_in_every_part(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], kind: tuple[str, ...]
) -> None:
    args = ["--width", "40", "--height", "30", "--count", "13", "-q", *kind]
    repeating = [*args, "--dedupe-ratio", "2.5"]
    assert main(["--path", str(tmp_path / "plain"), *args]) == 0
    for part in ("0/3", "1/3", "2/3"):
        assert main(["--path", str(tmp_path / "d"), *repeating, "--part", part]) == 0
    spec = DatasetSpec("d", dedupe_ratio=Fraction("2.5"))
    plain, made = (sorted((tmp_path / name).iterdir()) for name in ("plain", "d"))
    assert [path.name for path in made] == [path.name for path in plain]
    by_name = {path.name: path.read_bytes() for path in plain}
    extension = plain[0].suffix
    for index in range(13):
        name, original = (f"image_{at}{extension}" for at in (index, spec.original(index)))
        assert (tmp_path / "d" / name).read_bytes() == by_name[original]
    assert len({path.read_bytes() for path in made}) == ceil(13 / 2.5)
    capfdbinary.readouterr()
    assert main(["--path", str(tmp_path / "d"), *repeating, "--verify"]) == 0
    made[7].unlink()
    assert main(["--path", str(tmp_path / "d"), *repeating, "--resume"]) == 0
    listed = capfdbinary.readouterr().out.splitlines()
    if "--classes" in kind:
        assert [int(line.rpartition(b"\t")[2]) for line in listed[:13]] == [
            n % 3 for n in range(13)
        ]
    assert main(["--path", str(tmp_path / "d"), *args, "--verify"]) == 1


def test_python_takes_numbers_texts_and_fractions(tmp_path: Path) -> None:
    given = (1.5, "1.5", Fraction(3, 2))
    specs = {DatasetSpec("d", dedupe_ratio=ratio) for ratio in given}  # type: ignore[arg-type]
    assert len(specs) == 1
    assert DatasetSpec("d", dedupe_ratio=2) == DatasetSpec("d", dedupe_ratio="2.0")  # type: ignore[arg-type]
    create_images(tmp_path / "d", "i", 8, 8, 9, "png", dedupe_ratio=4.5)
    assert len({path.read_bytes() for path in (tmp_path / "d").iterdir()}) == 2


@pytest.mark.parametrize("option", ["--dedupe-ratio", "--compress-ratio"])
@pytest.mark.parametrize("ratio", ["0", "0.99", "-2", "x", "", "nan", "inf", "1e3", "1_0", "1" * 9])
def test_other_ratios_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, ratio: str
) -> None:
    assert main(["--path", str(tmp_path / "d"), f"{option}={ratio}"]) == 2
    assert f"argument {option}: must be a number from 1 to 999999, not " in capsys.readouterr().err
    for value in (float("nan"), 0.5, None, Fraction(1, 2), b"2", True):
        with pytest.raises(UsageError, match="argument dedupe_ratio: must"):
            DatasetSpec("d", dedupe_ratio=value)  # type: ignore[arg-type]


KINDS: dict[str, dict[str, object]] = {
    "jpg": {},
    "jpg-gray": {"mode": "L", "quality": 100},
    "jpg-444": {"subsampling": "4:4:4", "content": "photo"},
    "direct": {"direct": True},
    "direct-422": {"direct": True, "subsampling": "4:2:2"},
    "direct-gray": {"direct": True, "mode": "L"},
    "direct-photo": {"direct": True, "content": "photo"},
    "direct-photo-gray": {"direct": True, "content": "photo", "mode": "L"},
    "png": {"image_format": "png"},
    "png-photo": {"image_format": "png", "content": "photo", "mode": "RGBA"},
    "png-pooled": {"image_format": "png", "pooled": True, "mode": "L"},
    "tiff": {"image_format": "tiff"},
    "tiff-rgba": {"image_format": "tiff", "mode": "RGBA"},
}


def spec_of(kind: str, width: int, height: int, ratio: str = "1", **more: object) -> DatasetSpec:
    options = {**KINDS[kind], **more, "compress_ratio": ratio}
    return DatasetSpec("d", width=width, height=height, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_filler_changes_no_pixel_at_any_dimensions(kind: str) -> None:
    for width, height in ((1, 1), (7, 3), (1, 99), (300, 1), (257, 19), (65, 130)):
        expected = pixels_of(file_of(spec_of(kind, width, height), 5))
        for ratio in ("1.01", "2", "9.5"):
            file = file_of(spec_of(kind, width, height, ratio), 5)
            np.testing.assert_array_equal(pixels_of(file), expected)


def test_direct_photos_made_in_bands_have_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = pixels_of(file_of(spec_of("direct-photo", 200, 150), 5))
    monkeypatch.setattr(photo, "_BLOCKS_IN_BAND", 200)  # two rows of MCUs
    file = file_of(spec_of("direct-photo", 200, 150, "2"), 5)
    np.testing.assert_array_equal(pixels_of(file), expected)


@pytest.mark.parametrize("ratio", ["1.5", "2", "4"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_part_of_a_file_has_the_ratio(kind: str, ratio: str) -> None:
    spec = spec_of(kind, 500, 375, ratio)
    file = file_of(spec)
    plain = len(file_of(spec_of(kind, 500, 375)))
    assert float(ratio) <= len(file) / plain < float(ratio) * 1.15
    # What compresses without filler, compresses so much more with it.
    own = plain / len(zlib.compress(file_of(spec_of(kind, 500, 375)), 1))
    block = 1 << 16
    for begin in range(0, len(file) - block, block):
        found = block / len(zlib.compress(file[begin : begin + block], 1))
        assert float(ratio) * 0.9 < found < float(ratio) * own * 1.25


@pytest.mark.parametrize("kind", ["jpg", "jpg-gray", "direct", "direct-photo"])
@pytest.mark.parametrize("ratio", ["1.3", "2", "4"])
def test_target_sizes_stay_exact_and_content_shrinks(kind: str, ratio: str) -> None:
    options = {"target_size": 60_001, "quality": None}
    file = file_of(spec_of(kind, 320, 240, ratio, **options), 3)
    assert len(file) == 60_001
    pixels_of(file)
    assert image_encoder(spec_of(kind, 320, 240, ratio, **options)).wanted_size(3) == 60_001
    assert len(zlib.compress(file, 1)) < 60_001 / float(ratio) * 1.1


@pytest.mark.parametrize("kind", ["jpg", "direct"])
def test_target_sizes_are_drawn_around_their_mean(kind: str) -> None:
    options = {"target_size": 60_001, "target_size_stdev": 2000}
    encoder = image_encoder(spec_of(kind, 320, 240, "1.5", **options))
    sizes = [encoder.wanted_size(index) or 0 for index in range(400)]
    assert 1800 < np.std(sizes) < 2200
    assert abs(np.mean(sizes) - 60_001) < 400
    assert sum(map(len, encoder.encode(8).buffers)) == sizes[8]


def test_an_error_about_sizes_is_about_those_of_the_content() -> None:
    with pytest.raises(UsageError, match="here, not 1000 besides --stamp and --compress-ratio"):
        image_encoder(spec_of("direct", 320, 240, "9", target_size=9000))


def test_dimensions_that_vary_have_the_ratio_too(tmp_path: Path) -> None:
    sizes = SizeRange((40, 60), (30, 50))
    for kind in KINDS:
        spec = spec_of(kind, 1, 1, "2", sizes=sizes)
        plain = spec_of(kind, 1, 1, sizes=sizes)
        for index in (0, 3):
            expected = pixels_of(file_of(plain, index))
            np.testing.assert_array_equal(pixels_of(file_of(spec, index)), expected)


def test_both_ratios_go_together_with_resume_and_verify(tmp_path: Path) -> None:
    args = ["--path", str(tmp_path / "d"), "--width", "64", "--height", "48", "--count", "10", "-q"]
    args += ["--dedupe-ratio", "2", "--compress-ratio", "3", "--direct", "--workers", "2"]
    assert main([*args, "--chunksize", "2"]) == 0
    files = sorted((tmp_path / "d").iterdir())
    assert len({path.read_bytes() for path in files}) == 5
    assert main([*args, "--verify"]) == 0
    times = [path.stat().st_mtime_ns for path in files]
    assert main([*args, "--resume"]) == 0
    assert [path.stat().st_mtime_ns for path in files] == times


def test_a_tiff_that_would_reach_4_gib_with_filler_is_refused() -> None:
    spec = spec_of("tiff", 30_000, 30_000)
    assert spec.width == 30_000
    with pytest.raises(UsageError, match="would reach 4 GiB"):
        spec_of("tiff", 30_000, 30_000, "2")
