from __future__ import annotations

import hashlib
import importlib
import io
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import imagine_gen
from imagine_gen.content.photo.images import PhotoContent
from imagine_gen.content.photo.scene import Scene
from imagine_gen.content.photo.tables import powers_of_two
from imagine_gen.content.photo.textures import Cut, Window, doubled, textures
from imagine_gen.random_streams import Draw, RandomStream

CHANNELS = {"RGB": 3, "RGBA": 4, "L": 1}
SOURCES = sorted(Path(imagine_gen.__file__).parent.glob("content/photo/*.py"))

# What no other processor or version of NumPy may give otherwise. Run by itself as well.
DIGEST = """
import hashlib
from imagine_gen.content.photo.images import PhotoContent
found = hashlib.sha256()
for mode, width, height in (("RGB", 167, 125), ("L", 80, 301), ("RGB", 1602, 40)):
    content = PhotoContent(7, width, height, mode)
    for index in range(3):
        found.update(content.image(index)(0, height))
    found.update(content.pool_strip(5, 16))
print(found.hexdigest())
"""
EXPECTED_DIGEST = "288b25161610cf4c47e72d75666fdda197e4be8e1c1ae79062012cd8b1e37bdb"


def pixels(
    width: int, height: int, mode: str = "RGB", index: int = 0, seed: int = 0
) -> npt.NDArray[np.uint8]:
    image = PhotoContent(seed, width, height, mode).image(index)
    return image(0, height).reshape(height, width, CHANNELS[mode])


def digest(width: int, height: int, mode: str, index: int, seed: int) -> str:
    return hashlib.sha256(pixels(width, height, mode, index, seed).tobytes()).hexdigest()[:32]


@pytest.mark.parametrize(
    ("width", "height", "mode", "index", "seed", "expected"),
    [
        (64, 48, "RGB", 0, 0, "a240529988235b0dc53f51f8b7c2f0cc"),
        (64, 48, "RGB", 1, 0, "ed4c48f070889c8e034faa6573ab71ea"),
        (64, 48, "RGB", 0, 2**64 - 1, "7d9fca25575cc1caed95c731086d0398"),
        (64, 48, "L", 0, 0, "50064facbfb8e391d5106f324f11ca1a"),
        (500, 3, "RGB", 2**62, 0, "90c96563e5880f0eaf27e0f789ac309c"),
        (2000, 8, "RGB", 0, 0, "362527f26126eacb33940999a2f9cd04"),
    ],
)
def test_pixels_never_change(
    width: int, height: int, mode: str, index: int, seed: int, expected: str
) -> None:
    assert digest(width, height, mode, index, seed) == expected


@pytest.mark.parametrize("vectorized", [True, False])
def test_processors_give_the_same_pixels(vectorized: bool) -> None:
    env = dict(os.environ)
    if not vectorized:
        env["NPY_DISABLE_CPU_FEATURES"] = " ".join(_dispatched_features())
    result = subprocess.run(
        [sys.executable, "-c", DIGEST], env=env, capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    assert result.stdout.strip() == EXPECTED_DIGEST


def _dispatched_features() -> list[str]:
    """Return the features of this processor that NumPy has code of its own for."""
    try:
        core: Any = importlib.import_module("numpy._core._multiarray_umath")
    except ImportError:
        core = importlib.import_module("numpy.core._multiarray_umath")
    return [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]


def test_nothing_is_computed_in_floating_point() -> None:
    """Sums and transcendental functions of floats depend on the processor."""
    for source in textures(0):
        assert source.plane.dtype.kind in "iu"
    tables = Scene(RandomStream(0, Draw.PHOTO, 0), 500, 375).tables
    assert {table.dtype for table in tables} == {np.dtype(np.int16)}
    for path in SOURCES:
        text = path.read_text()
        assert "float" not in text
        assert "np.exp" not in text
        assert "Generator" not in text


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@settings(max_examples=25)
@given(
    width=st.sampled_from([1, 2, 7, 100, 1501]),
    height=st.sampled_from([1, 5, 64, 131]),
    index=st.integers(0, 2**62),
    cuts=st.lists(st.integers(0, 131), max_size=5),
)
def test_pixels_do_not_depend_on_bands(
    mode: str, width: int, height: int, index: int, cuts: list[int]
) -> None:
    image = PhotoContent(0, width, height, mode).image(index)
    edges = sorted({0, height, *(cut for cut in cuts if cut < height)})
    bands = [(top, bottom) for top, bottom in itertools.pairwise(edges)]
    made = {top: image(top, bottom) for top, bottom in reversed(bands)}
    whole = np.concatenate([made[top] for top, _ in bands])
    assert np.array_equal(whole, image(0, height))


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (1, 5000), (5000, 1), (16_384, 8), (3, 2000), (65_500, 2)],
)
def test_any_shape_is_made(width: int, height: int) -> None:
    band = PhotoContent(0, width, height, "RGB").image(0)(0, height)
    assert band.dtype == np.uint8
    assert band.shape == (width * height * 3,)


def test_largest_image_is_made_band_by_band() -> None:
    image = PhotoContent(0, 65_500, 65_500, "L").image(0)
    assert image(65_498, 65_500).shape == (131_000,)
    assert not np.array_equal(image(0, 1), image(65_499, 65_500))


def test_columns_are_the_same_over_tiles() -> None:
    """Wide rows are made in tiles, whose seams must not show."""
    wide = pixels(8300, 12).astype(int)
    steps = abs(np.diff(wide, axis=1)).mean(axis=(0, 2))
    for seam in (4095, 8191):
        assert steps[seam] < 2 + 4 * steps[seam - 100 : seam + 100].mean()


def test_alpha_is_opaque_and_colors_are_those_of_rgb() -> None:
    rgba = pixels(90, 40, "RGBA")
    assert (rgba[..., 3] == 255).all()
    assert np.array_equal(rgba[..., :3], pixels(90, 40))


def test_images_differ() -> None:
    seen = {digest(50, 40, "RGB", index, seed) for seed in range(2) for index in range(40)}
    assert len(seen) == 80


def test_strips_differ_by_number_and_purpose() -> None:
    content = PhotoContent(0, 200, 150, "RGB")
    strips = {
        strip(number, 16).tobytes()
        for number in range(30)
        for strip in (content.pool_strip, content.fresh_strip)
    }
    assert len(strips) == 60
    assert {len(strip) for strip in strips} == {16 * 200 * 3}


def test_strip_higher_than_the_image_is_whole() -> None:
    assert PhotoContent(0, 20, 5, "L").pool_strip(0, 16).shape == (320,)


def test_neighbors_are_alike_and_distant_places_are_not() -> None:
    near, far = [], []
    for index in range(12):
        gray = pixels(500, 375, "L", index)[..., 0].astype(float)
        near.append(np.corrcoef(gray[:, :-1].ravel(), gray[:, 1:].ravel())[0, 1])
        far.append(np.corrcoef(gray[:, :-200].ravel(), gray[:, 200:].ravel())[0, 1])
    assert np.median(near) > 0.9
    assert np.median(far) < 0.8


def test_files_have_the_size_of_photographs() -> None:
    """benchmarks/photo.py measures it closely."""
    png: list[float] = []
    jpeg: list[float] = []
    for index in range(12):
        image = Image.fromarray(pixels(500, 375, index=index))
        for sizes, kind in ((png, "PNG"), (jpeg, "JPEG")):
            file = io.BytesIO()
            image.save(file, kind, quality=75)
            sizes.append(len(file.getvalue()) / (500 * 375))
    assert 0.45 < np.median(png) / 3 < 0.65
    assert 0.13 < np.median(jpeg) < 0.21


def test_images_are_colored_differently() -> None:
    means = np.array([pixels(100, 75, index=index).mean(axis=(0, 1)) for index in range(40)])
    assert means.std(axis=0).min() > 20
    assert 90 < means.mean() < 165


def test_calm_and_busy_places_are_in_one_image() -> None:
    spreads = []
    for index in range(12):
        gray = pixels(500, 375, "L", index)[..., 0].astype(float)
        steps = abs(np.diff(gray, axis=1))[:, :480].reshape(375 // 15, 15, 480 // 16, 16)
        calm, busy = np.percentile(steps.mean(axis=(1, 3)), [10, 90])
        spreads.append(busy / calm)
    assert np.median(spreads) > 2


@pytest.mark.parametrize("turn", range(8))
@pytest.mark.parametrize("levels", [0, 1, 3])
def test_part_of_a_cut_is_the_same_as_within_the_whole(turn: int, levels: int) -> None:
    texture = textures(0).cloud
    cut = Cut(turn, 500, 37, levels)
    whole = cut.apply(texture, Window(-9, -20, 100, 90))
    assert np.array_equal(whole[13:60, 31:77], cut.apply(texture, Window(4, 11, 47, 46)))


def test_doubling_keeps_even_parts_and_mixes_the_rest() -> None:
    assert (doubled(np.full((4, 5), 7, np.int16)) == 7).all()
    edge = np.array([[0, 0, 16, 16]] * 3, np.int16)
    assert doubled(edge).tolist() == [[0, 4, 12, 16]] * 2


def test_powers_of_two_are_exact() -> None:
    assert powers_of_two(5, 2, 1000) == [1000, 1414, 2000, 2828, 4000]


def test_textures_stay_small() -> None:
    assert sum(4 * source.plane.nbytes for source in textures(0)) < 1 << 25
