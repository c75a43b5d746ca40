"""Dimensions that vary from image to image."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from imagine_common.errors import UsageError
from imagine_gen import DatasetSpec, create_images
from imagine_gen.dataset.dimensions import SizeList, SizeRange, Sizes
from imagine_gen.dataset.options import parse_range
from support import lines, run

RANGE = SizeRange((40, 60), (30, 50))
LIST = SizeList(((40, 30), (30, 40), (64, 64)), (5, 4, 1))


def dimensions(paths: list[str]) -> list[tuple[int, int]]:
    found = []
    for path in paths:
        with Image.open(path) as image:
            image.load()
            found.append(image.size)
    return found


def drawn_size(seed: int, sizes: Sizes, index: int) -> tuple[int, int]:
    spec = DatasetSpec("d", seed=seed, sizes=sizes).of_image(index)
    return spec.width, spec.height


def test_a_range_is_drawn_evenly_to_its_ends() -> None:
    drawn = [drawn_size(3, RANGE, index) for index in range(10_000)]
    for counts, values in (
        (Counter(width for width, _ in drawn), range(40, 61)),
        (Counter(height for _, height in drawn), range(30, 51)),
    ):
        assert set(counts) == set(values)
        # 10,000 draws among 21 values: 476 each, and a standard deviation of 21.
        assert all(350 < count < 600 for count in counts.values())


def test_a_list_is_drawn_by_weight() -> None:
    counts = Counter(drawn_size(3, LIST, index) for index in range(10_000))
    assert set(counts) == set(LIST.sizes)
    for size, weight in zip(LIST.sizes, LIST.weights):
        assert abs(counts[size] - 1000 * weight) < 300


def test_draws_depend_on_seed_and_index_alone() -> None:
    drawn = [drawn_size(5, RANGE, index) for index in (0, 1, 4095, 4096, 2**60)]
    assert drawn == [(55, 46), (58, 31), (49, 38), (57, 49), (42, 34)]
    assert [drawn_size(5, RANGE, index) for index in (2**60, 4096, 4095, 1, 0)] == drawn[::-1]


@pytest.mark.parametrize(
    ("image_format", "kind"),
    [
        ("jpg", ()),
        ("jpg", ("--direct",)),
        ("png", ()),
        ("png", ("--pooled",)),
        ("bmp", ()),
        ("bmp", ("--pooled",)),
    ],
)
def test_images_have_the_dimensions_that_are_drawn(
    tmp_path: Path, image_format: str, kind: tuple[str, ...]
) -> None:
    args = ["--image-format", image_format, "--count", "30", "--seed", "7", *kind]
    sizes = ["--width", "40:60", "--height", "30:50"]
    made = run("gen", "--path", tmp_path / "a", *args, *sizes, "--workers", "2", "--chunksize", "4")
    assert made.returncode == 0, made.stderr
    drawn = RANGE.pooled() if "--pooled" in kind else RANGE
    assert dimensions(lines(made.stdout)) == [drawn_size(7, drawn, index) for index in range(30)]

    # An image does not depend on the process or on the images made before.
    alone = run("gen", "--path", tmp_path / "b", *args, *sizes, "--start", "17", "--count", "1")
    name = os.path.basename(lines(alone.stdout)[0])
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    verified = run("gen", "--path", tmp_path / "a", *args, *sizes, "--verify")
    assert verified.returncode == 0, verified.stderr
    resumed = run("gen", "--path", tmp_path / "a", *args, *sizes, "--resume")
    assert b"30 there already" in resumed.stderr


def test_pooled_images_of_all_dimensions_differ(tmp_path: Path) -> None:
    made = run("gen", "--path", tmp_path, "--pooled", "--width", "40:60", "--height", "30:50",
               "--count", "600", "--image-format", "png")  # fmt: skip
    files = {Path(path).read_bytes() for path in lines(made.stdout)}
    assert len(files) == 600


def test_pooled_images_have_few_widths() -> None:
    assert SizeRange((400, 600), (1, 9)).pooled().pool_widths == (
        *(400, 413, 426, 440, 453, 466, 480, 493, 506, 520, 533, 546, 560, 573, 586, 600),
    )
    assert SizeRange((7, 9), (1, 9)).pooled().pool_widths == (7, 8, 9)
    assert SizeRange((7, 7), (1, 9)).pooled().pool_widths == (7,)


def test_pooled_lists_keep_the_likeliest_widths() -> None:
    sizes = tuple((width, width + 1) for width in range(1, 41))
    weights = tuple(9 if width % 2 == 0 and width > 8 else 1 for width in range(1, 41))
    pooled = SizeList(sizes, weights).pooled()
    assert pooled.pool_widths == tuple(range(10, 41, 2))
    assert pooled.sizes[:3] == ((10, 2), (10, 3), (10, 4))
    assert pooled.sizes[12] == (12, 14)  # 13 lies between 12 and 14
    assert SizeList(sizes[:5], weights[:5]).pooled() == SizeList(sizes[:5], weights[:5])


def test_python_takes_sizes(tmp_path: Path) -> None:
    create_images(tmp_path, "i", 1, 1, 5, "png", sizes=LIST)
    found = dimensions([str(tmp_path / f"i{number}.png") for number in range(5)])
    assert set(found) <= set(LIST.sizes)
    spec = DatasetSpec(b"p", b"n", 1, 1, sizes=LIST)
    assert (spec.width, spec.height) == (64, 64)


@pytest.mark.parametrize(
    "text", ["", ":", "4:", ":4", "a", "4:5:6", "-4", "4.5", "4 :5", "٤", "9" * 11]
)
def test_an_invalid_range_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="argument --width: expected pixels"):
        parse_range("--width", text)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--width", "5:4"], "argument --width: the first number of 5:4 is greater"),
        (["--height", "0:4"], "argument --height: must be from 1 to 65500, not 0"),
        (["--width", "1:65501"], "argument --width: must be from 1 to 65500, not 65501"),
    ],
)
def test_impossible_ranges_are_wrong_usage(tmp_path: Path, args: list[str], words: str) -> None:
    result = run("gen", "--path", tmp_path / "new", *args)
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert not (tmp_path / "new").exists()
