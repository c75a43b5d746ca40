"""imagine-gen --target-size: JPEG files of exactly the size asked for."""

from __future__ import annotations

import io
import os
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from imagine_common.errors import ImagineError, UsageError
from imagine_gen import create_images
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.dataset.target_sizes import TargetSizes
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.formats.jpeg import encode, with_filler
from imagine_gen.random_streams import Draw, RandomStream
from imagine_gen.target_size import encoder as target_size
from imagine_gen.target_size.encoder import reach_of
from imagine_gen.work import units
from imagine_gen.work.encoders import image_encoder
from support import contents, lines, run

SMALL = ("--width", "64", "--height", "48")
COMMENT, SCAN = 0xFE, 0xDA
KINDS = [
    {},
    {"target_size_stdev": 1_000},
]


def spec(width: int, height: int, target_size: int, **options: Any) -> DatasetSpec:
    return DatasetSpec(b"x", b"x", width, height, target_size=target_size, **options)


def file_of(encoder: ImageEncoder, index: int) -> tuple[bytes, int]:
    """Return an image's file, and how many bytes of it are filler."""
    buffers, filler, _ = encoder.encode(index)
    return b"".join(buffers), filler


def segments(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield markers and what their segments hold, up to the scan (ITU-T T.81, B.1.1)."""
    place, marker = 2, 0
    while marker != SCAN:
        assert file[place] == 0xFF
        while file[place + 1] == 0xFF:  # fill bytes
            place += 1
        marker, length = file[place + 1], int.from_bytes(file[place + 2 : place + 4], "big")
        yield marker, file[place + 4 : place + 2 + length]
        place += 2 + length


def decode(file: bytes) -> JpegImageFile:
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        assert isinstance(image, JpegImageFile)
        return image


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize(
    ("mode", "subsampling", "width", "height", "target_size"),
    [
        ("RGB", "4:2:0", 500, 375, 114_660),
        ("RGB", "4:2:0", 500, 375, 20_000),
        ("RGB", "4:2:2", 500, 375, 300_000),
        ("RGB", "4:4:4", 333, 250, 100_001),
        ("RGB", "4:4:4", 17, 33, 5_003),
        ("L", None, 300, 200, 40_000),
        ("L", None, 1, 900, 4_000),
    ],
)
def test_files_have_the_size_and_decode(
    mode: str,
    subsampling: str | None,
    width: int,
    height: int,
    target_size: int,
    options: dict[str, Any],
) -> None:
    options = {"mode": mode, "subsampling": subsampling, **options}
    if "target_size_stdev" in options:
        options["target_size_stdev"] = target_size // 50
    encoder = image_encoder(spec(width, height, target_size, **options))
    wanted = [encoder.wanted_size(index) for index in (0, 1, 2, 10**9)]
    assert (len(set(wanted)) == 1) == ("target_size_stdev" not in options)
    for index, size in zip((0, 1, 2, 10**9), wanted):
        file, filler = file_of(encoder, index)
        assert len(file) == size
        image = decode(file)
        assert (image.mode, image.size) == (mode, (width, height))
        comments = [held for marker, held in segments(file) if marker == COMMENT]
        assert filler - sum(4 + len(held) for held in comments) in range(4)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_little_of_a_file_is_filler(mode: str) -> None:
    encoder = image_encoder(spec(500, 375, 114_660, mode=mode))
    filler = []
    for index in range(30):
        file, unused = file_of(encoder, index)
        assert len(file) == 114_660
        filler.append(unused)
    assert statistics.mean(filler) < 0.005 * 114_660


def test_little_of_files_is_filler_where_sizes_are_drawn() -> None:
    encoder = image_encoder(spec(500, 375, 114_660, target_size_stdev=20_000))
    shares = []
    for index in range(30):
        file, filler = file_of(encoder, index)
        assert len(file) == encoder.wanted_size(index)
        shares.append(filler / len(file))
    assert statistics.mean(shares) < 0.005


def test_photos_have_the_size_too() -> None:
    encoder = image_encoder(spec(500, 375, 40_000, content="photo"))
    filler = []
    for index in range(20):
        file, unused = file_of(encoder, index)
        assert len(file) == 40_000
        decode(file)
        filler.append(unused)
    assert statistics.mean(filler) < 0.02 * 40_000


@pytest.mark.parametrize(("stdev", "most"), [(0, 1.5), (20_000, 2.0)])
def test_images_are_encoded_few_times(
    stdev: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = image_encoder(spec(500, 375, 114_660, target_size_stdev=stdev))
    whole = 0

    def counting(image: Image.Image, *args: Any) -> bytes:
        nonlocal whole
        whole += image.size == (500, 375)
        return encode(image, *args)

    monkeypatch.setattr(target_size, "encode", counting)
    for index in range(40):
        file_of(encoder, index)
    assert 40 <= whole <= 40 * most


@pytest.mark.parametrize("options", KINDS)
def test_a_file_does_not_depend_on_earlier_files(options: dict[str, Any]) -> None:
    made = spec(100, 80, 7_000, **options)
    encoder = image_encoder(made)
    files = [file_of(encoder, index) for index in range(12)]
    assert [file_of(encoder, index) for index in reversed(range(12))] == files[::-1]
    for index in (0, 5, 11):
        assert file_of(image_encoder(made), index) == files[index]


@pytest.mark.parametrize("options", KINDS)
def test_workers_chunks_and_parts_change_no_byte(tmp_path: Path, options: dict[str, Any]) -> None:
    def make(name: str, count: int, chunksize: int, **more: Any) -> dict[str, bytes]:
        more = {"target_size": 5_000, **options, **more}
        create_images(tmp_path / name, "x", 70, 60, count, "jpg", 3, False, chunksize, **more)
        return contents(tmp_path / name)

    whole = make("whole", 17, 100, workers=1)
    assert len(set(whole.values())) == 17
    assert make("chunks", 17, 3, workers=3) == whole
    make("parts", 8, 100, workers=1)
    assert make("parts", 9, 2, start=8, workers=2) == whole


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_smallest_image_has_any_size_withinreach_of(mode: str) -> None:
    with pytest.raises(UsageError) as error:
        image_encoder(spec(1, 1, 1, mode=mode))
    least, most = map(int, re.findall(r"(\d+) to (\d+) bytes", str(error.value))[0])
    reached = 0
    for size in (*range(least, least + 40), most):
        encoder = image_encoder(spec(1, 1, size, mode=mode))
        try:
            file, _ = file_of(encoder, 5)
        except ImagineError:
            assert size < least + 10  # This image is a bit larger than the sample.
            continue
        reached += 1
        assert len(file) == size
        decode(file)
    assert reached > 30


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 65_537, 65_538, 65_539, 65_541, 200_000])
def test_filler_is_comments_of_any_length_together(size: int) -> None:
    image = Image.new("RGB", (20, 10), "red")
    file = encode(image, 75, DatasetSpec("d"))
    begin = file.index(b"\xff\xda")
    begin += 2 + int.from_bytes(file[begin + 2 : begin + 4], "big")
    filled = with_filler(file[:begin], size) + file[begin:]
    assert len(filled) == len(file) + size
    comments = [held for marker, held in segments(filled) if marker == COMMENT]
    assert len(comments) == (0 if size < 4 else -(-size // 65_537))
    assert [s for s in segments(filled) if s[0] != COMMENT] == list(segments(file))
    assert decode(filled).tobytes() == decode(file).tobytes()


def sizes(stdev: int, least: int, most: int, seed: int = 0) -> list[int]:
    made = spec(500, 375, 114_660, target_size_stdev=stdev, seed=seed)
    draw = TargetSizes(made, reach_of(least, most))
    return [draw(index) for index in range(1_000)]


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_mean_and_deviation_are_right_within_sampling_error(seed: int) -> None:
    drawn = sizes(20_000, 10_000, 400_000, seed)
    assert abs(statistics.mean(drawn) - 114_660) < 3 * 20_000 / 1_000**0.5
    assert abs(statistics.stdev(drawn) - 20_000) < 3 * 20_000 / 2_000**0.5
    within = sum(abs(size - 114_660) < 20_000 for size in drawn) / 1_000
    assert abs(within - 0.683) < 0.045  # as of a normal distribution


def test_sizes_end_as_far_below_the_mean_as_above() -> None:
    drawn = sizes(20_000, 10_000, 400_000)
    assert (min(drawn), max(drawn)) == (114_660 - 60_000, 114_660 + 60_000)
    drawn = sizes(20_000, 10_000, 82_330)  # Twice as much is the most.
    assert (min(drawn), max(drawn)) == (114_660 - 50_000, 114_660 + 50_000)
    drawn = sizes(20_000, 46_440, 400_000)  # Half as much again is the least.
    assert (min(drawn), max(drawn)) == (114_660 - 45_000, 114_660 + 45_000)
    assert abs(statistics.mean(drawn) - 114_660) < 3 * 20_000 / 1_000**0.5


def test_sizes_are_drawn_as_documented() -> None:
    drawn = sizes(20_000, 10_000, 400_000)
    for index in (0, 7, 999):
        words = RandomStream(0, Draw.TARGET_SIZE, 0).read(192 * index, 192).view("<u4")
        exact = 20_000 * (sum(map(int, words)) - 24 * (2**32 - 1)) / 2**33
        assert drawn[index] == 114_660 + round(exact) or abs(exact) > 60_000
    made = spec(500, 375, 114_660, target_size_stdev=20_000)
    words = RandomStream(0, Draw.TARGET_SIZE, 2).read(192 * 8, 192).view("<u4")
    exact = 20_000 * (sum(map(int, words)) - 24 * (2**32 - 1)) / 2**33
    assert TargetSizes(made, reach_of(10_000, 400_000))(2 * 4096 + 8) == 114_660 + round(exact)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target-size", "600"], r"--target-size: JPEG files of 64x48 can have \d+ to \d+ bytes"),
        (["--target-size", "1M"], r"--target-size: JPEG files of 64x48 .* here, not 1000000"),
        (["--target-size", "1000G"], r"--target-size: JPEG files of 64x48 .* here, not 10{12};"),
        (["--target-size", "0"], "--target-size: must be from 1"),
        (["--target-size", "1T"], "--target-size: expected bytes"),
        (["--target-size", "5K", "--target-size-stdev", "4K"], r"it can be at most \d+, not 4000"),
        (["--target-size", "5K", "--target-size-stdev", "-1"], "--target-size-stdev: expected"),
        (["--target-size-stdev", "10"], "--target-size-stdev: only with --target-size"),
        (["--target-size", "5K", "--quality", "75"], "--quality: not with --target-size"),
        (["--target-size", "9K", "--image-format", "png"], "--target-size: only jpg has it"),
        (["--target-size", "900K", "--width", "8:64"], "JPEG files of 8x48 can have"),
        (["--target-size", "2K", "--height", "8:800"], "JPEG files of 64x800 can have"),
    ],
)
def test_impossible_sizes_are_wrong_usage_and_nothing_is_written(
    tmp_path: Path, options: list[str], words: str
) -> None:
    result = run("gen", "--path", tmp_path / "im", *SMALL, *options, "--count", "3")
    assert result.returncode == 2
    assert re.search(words, result.stderr.decode())
    assert not (tmp_path / "im").exists()


def test_impossible_sizes_are_found_at_once_without_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "start_method", lambda: "spawn")
    with pytest.raises(UsageError, match="target_size: JPEG files of 64x48 can have"):
        create_images(tmp_path / "im", "x", 64, 48, 9, "jpg", target_size=500, workers=2)
    assert not (tmp_path / "im").exists()


def test_the_range_that_is_named_can_be_reached(tmp_path: Path) -> None:
    args = ["--path", tmp_path, *SMALL, "-q"]
    result = run("gen", *args, "--target-size", "1")
    least, most = map(int, re.findall(r"(\d+) to (\d+) bytes", result.stderr.decode())[0])
    for size in (least * 11 // 10, most):
        (path,) = lines(run("gen", *args, "--target-size", str(size)).stdout)
        assert os.path.getsize(path) == size
    for size in (least - 1, most + 1):
        assert run("gen", *args, "--target-size", str(size)).returncode == 2


def test_an_unreachable_size_is_an_error_that_names_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the margin that is left for them, some images are larger than the sample.
    monkeypatch.setattr(target_size, "_MARGIN", 1 << 30)
    monkeypatch.setattr(target_size, "_SAMPLE_IMAGES", 1)

    def create(target: int) -> None:
        create_images(tmp_path, "image_", 64, 48, 100, "jpg", target_size=target, workers=1)

    with pytest.raises(UsageError) as refused:
        create(1)
    (least,) = re.findall(r"(\d+) to \d+ bytes", str(refused.value))
    with pytest.raises(ImagineError) as failed:
        create(int(least))
    words = rf"/image_(\d+)\.jpg: does not fit in {least} bytes, .*; raise --target-size"
    match = re.search(words, str(failed.value))
    assert match
    assert sorted(os.listdir(tmp_path)) == sorted(f"image_{i}.jpg" for i in range(int(match[1])))


def test_dimensions_may_vary(tmp_path: Path) -> None:
    args = ["--width", "40:80", "--height", "40:80", "--target-size", "4K", "--count", "25"]
    result = run("gen", "--path", tmp_path, *args)
    paths = lines(result.stdout)
    dimensions = {decode(Path(path).read_bytes()).size for path in paths}
    assert {os.path.getsize(path) for path in paths} == {4_000}
    assert len(dimensions) > 15


@pytest.mark.parametrize("stdev", [(), ("--target-size-stdev", "300")])
def test_resume_keeps_files_of_the_size_and_makes_others_again(
    tmp_path: Path, stdev: tuple[str, ...]
) -> None:
    args = ["--path", tmp_path, *SMALL, "--target-size", "4K", "--count", "6", *stdev]
    run("gen", *args)
    expected = contents(tmp_path)
    create_images(tmp_path, "image_", 64, 48, 2, "jpg", quality=50, keep_others=True)
    assert (tmp_path / "image_1.jpg").stat().st_size != len(expected["image_1.jpg"])
    result = run("gen", *args, "--resume")
    assert b"6 images (4 there already)" in result.stderr
    assert contents(tmp_path) == expected


def test_verify_makes_the_same_again(tmp_path: Path) -> None:
    args = ["--path", tmp_path, *SMALL, "--target-size", "4K", "--count", "6"]
    run("gen", *args)
    assert run("gen", *args, "--verify").returncode == 0
    path = tmp_path / "image_3.jpg"
    path.write_bytes(path.read_bytes().replace(b"\xff\xda", b"\xff\xdb"))
    result = run("gen", *args, "--verify")
    assert result.returncode == 1
    assert b"image_3.jpg: differs from byte" in result.stderr


def test_summary_shows_the_share_of_filler(tmp_path: Path) -> None:
    args = ["--path", tmp_path, "--width", "500", "--height", "375", "--count", "5"]
    result = run("gen", *args, "--target-size", "114660")
    match = re.search(rb", filler (\d\.\d\d)%\n", result.stderr)
    assert match
    assert 0 < float(match[1]) < 0.5
    assert b"warning" not in result.stderr
    assert b"filler" not in run("gen", *args).stderr


def test_much_filler_is_warned_of(tmp_path: Path) -> None:
    args = ["--path", tmp_path, *SMALL, "--target-size", "12K", "--count", "3"]
    result = run("gen", *args)
    assert re.search(rb"warning: \d\d\.\d% of the bytes fill files up", result.stderr)
    assert {path.stat().st_size for path in tmp_path.iterdir()} == {12_000}


def test_larger_targets_are_nearer_the_pixels() -> None:
    pixels = RandomStream(0, Draw.PIXELS, 0).read(0, 100 * 80).astype(int)
    errors = []
    for size in (2_000, 4_000, 8_000):
        file, _ = file_of(image_encoder(spec(100, 80, size, mode="L")), 0)
        errors.append(np.abs(np.asarray(decode(file)).astype(int).ravel() - pixels).mean())
    assert errors == sorted(errors, reverse=True)
