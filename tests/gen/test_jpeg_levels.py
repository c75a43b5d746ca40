"""Quantization tables between the qualities."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.jpeg import Tables, encode, levels
from imagine_gen.random_streams import Draw, RandomStream


def tables_of(mode: str, quality: int) -> Tables:
    file = io.BytesIO()
    Image.new(mode, (16, 16)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return tuple(tuple(table) for table in image.quantization.values())


def noise(mode: str) -> Image.Image:
    pixels = RandomStream(1, Draw.PIXELS, 0).read(0, 100 * 70 * (3 if mode == "RGB" else 1))
    return Image.frombuffer(mode, (100, 70), pixels, "raw", mode, 0, 1)


@pytest.mark.parametrize(("mode", "tables"), [("RGB", 2), ("L", 1)])
def test_each_level_is_one_entry_from_the_next(mode: str, tables: int) -> None:
    made = levels(mode)
    for level in range(1, len(made)):
        lower, higher = sum(made[level - 1], ()), sum(made[level], ())
        assert len(lower) == len(higher) == 64 * tables
        changed = [(a, b) for a, b in zip(lower, higher) if a != b]
        assert len(changed) == 1
        assert changed[0][0] > changed[0][1]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_all_qualities_are_on_the_way(mode: str) -> None:
    made = levels(mode)
    on_the_way = [made[level] for level in range(len(made))]
    assert on_the_way[0] == tables_of(mode, 1)
    assert on_the_way[-1] == tables_of(mode, 100)
    places = [on_the_way.index(tables_of(mode, quality)) for quality in range(1, 101)]
    assert places == sorted(places)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("quality", [1, 24, 75, 100])
def test_a_qualitys_tables_give_the_file_of_that_quality(mode: str, quality: int) -> None:
    # So entries are in the order that Pillow takes them in.
    spec, image = DatasetSpec("d", mode=mode), noise(mode)
    assert encode(image, tables_of(mode, quality), spec) == encode(image, quality, spec)


def test_low_frequencies_change_first_luma_and_chroma_in_turn() -> None:
    made = levels("RGB")
    on_the_way = [made[level] for level in range(len(made))]
    first = on_the_way.index(tables_of("RGB", 50))
    last = on_the_way.index(tables_of("RGB", 51))
    changed = []
    for lower, higher in zip(on_the_way[first:last], on_the_way[first + 1 : last + 1]):
        (place,) = (
            (table, entry)
            for table in (0, 1)
            for entry in range(64)
            if lower[table][entry] != higher[table][entry]
        )
        changed.append(place)
    # The other entries of these qualities, up to there, are the same.
    chroma = [(1, entry) for entry in (3, 10, 17, 24, 32, 25, 18, 11, 4)]  # T.81, figure A.6
    assert changed[:13] == [*chroma, (0, 5), (1, 5), (0, 12), (1, 12)]
    diagonals = [sum(divmod(entry, 8)) for _, entry in changed]
    assert diagonals == sorted(diagonals)
