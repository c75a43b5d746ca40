from __future__ import annotations

import os
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imagine_gen
from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.folders import folder_bytes
from imagine_common.files.others import Others
from imagine_gen import CreateSummary, DatasetSpec, ImageFile, create_images, generate
from imagine_gen.create import generate_units
from support import contents, in_python, unfinished, wait_for


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    # The thread of a pool that was just closed may live a moment longer.
    wait_for(lambda: threading.active_count() == 1)


def spec(folder: Path, **changes: Any) -> DatasetSpec:
    return DatasetSpec(
        **{"path": os.fsencode(folder), "name": b"x", "width": 16, "height": 8, **changes}
    )


def make(folder: Path, count: int, **options: Any) -> CreateSummary:
    return create_images(folder, "x", 16, 8, count, "png", **options)


@pytest.mark.parametrize("image_format", ["jpg", "png", "bmp"])
@pytest.mark.parametrize(
    ("workers", "chunksize"), [(1, 1), (1, 100), (2, 1), (2, 3), (3, 2), (2, 100), (9, 1)]
)
def test_workers_and_chunksize_change_nothing(
    tmp_path: Path, image_format: str, workers: int, chunksize: int
) -> None:
    expected = []
    for index in range(7):
        (image,) = generate(
            spec(tmp_path / "expected", image_format=image_format, start=index), workers=1
        )
        expected.append(image)
    made = list(
        generate(spec(tmp_path / "made", image_format=image_format, count=7), workers, chunksize)
    )
    assert [image.path for image in made] == [
        str(tmp_path / "made" / f"x{index}.{image_format}") for index in range(7)
    ]
    assert [image.size for image in made] == [image.size for image in expected]
    assert contents(tmp_path / "made") == contents(tmp_path / "expected")
    assert len(set(contents(tmp_path / "made").values())) == 7


def test_hosts_that_split_a_dataset_make_the_same(tmp_path: Path) -> None:
    make(tmp_path / "whole", 7, seed=5)
    make(tmp_path / "split", 3, seed=5)
    make(tmp_path / "split", 4, seed=5, start=3)
    assert contents(tmp_path / "split") == contents(tmp_path / "whole")


def test_other_seeds_and_modes_make_others(tmp_path: Path) -> None:
    make(tmp_path / "a", 3)
    make(tmp_path / "b", 3, seed=1)
    make(tmp_path / "c", 3, mode="L")
    made = [data for name in "abc" for data in contents(tmp_path / name).values()]
    assert len(set(made)) == 9
    with Image.open(tmp_path / "c" / "x0.png") as opened:
        assert opened.mode == "L"


def test_quality_reaches_the_encoder(tmp_path: Path) -> None:
    sizes = [
        create_images(tmp_path, "x", 64, 64, 1, "jpg", quality=quality).bytes
        for quality in (1, 75, 100)
    ]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("workers", [1, 2])
def test_image_is_given_once_its_file_is_complete(tmp_path: Path, workers: int) -> None:
    images = generate(spec(tmp_path / "new" / "folder", count=5), workers, chunksize=1)
    for index, image in enumerate(images):
        path = str(tmp_path / "new" / "folder" / f"x{index}.jpg")
        assert image == ImageFile(path, os.path.getsize(path))
        with Image.open(image.path) as opened:
            opened.load()


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_written_before_the_first_image_is_asked_for(
    tmp_path: Path, workers: int
) -> None:
    generate(spec(tmp_path / "new", count=5), workers)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("count", "workers", "chunksize", "units"),
    [
        (7, 1, 3, [3, 3, 1]),
        (7, 2, 3, [3, 3, 1]),
        (7, 1, 100, [7]),
        (7, 2, 100, [4, 3]),  # every worker gets some
        (2, 4, 100, [1, 1]),
        (600, 1, None, [256, 256, 88]),
    ],
)
def test_units_of_work_are_of_the_size_asked_for(
    tmp_path: Path, count: int, workers: int, chunksize: int | None, units: list[int]
) -> None:
    made = spec(tmp_path, width=1, height=1, count=count, image_format="bmp")
    found = generate_units(made, workers, chunksize, False, False, Others())
    assert [len(files) for _, files in found] == units


def test_units_of_large_images_are_small(tmp_path: Path) -> None:
    made = spec(tmp_path, width=2000, height=1000, count=3, image_format="bmp", mode="L")
    found = generate_units(made, 1, None, False, False, Others())
    assert [len(files) for _, files in found] == [1, 1, 1]


@pytest.mark.parametrize("workers", [1, 2])
def test_stopping_early_leaves_whole_files_only(tmp_path: Path, workers: int) -> None:
    with closing(generate(spec(tmp_path, count=1000), workers, chunksize=1)) as images:
        next(images)
    assert unfinished(tmp_path) == []
    made = contents(tmp_path)
    assert 1 <= len(made) < 1000
    for name in made:
        with Image.open(tmp_path / name) as opened:
            opened.load()


def test_summary_counts_the_files_made(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"12345")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "more").write_bytes(b"12345")
    summary = make(tmp_path, 4)
    made = [path.stat().st_size for path in tmp_path.glob("*.png")]
    assert (summary.files, summary.bytes) == (4, sum(made))
    assert summary.seconds > 0
    assert (summary.first_bytes, summary.folder_bytes) == (None, None)
    summary = make(tmp_path, 4, size=True)
    assert summary.first_bytes == made[0]
    assert summary.folder_bytes == sum(made) + 5


def test_first_size_is_that_of_the_runs_first_image(tmp_path: Path) -> None:
    summary = create_images(tmp_path, "x", 64, 64, 5, "jpg", 0, True, 2, start=3, workers=2)
    assert summary.first_bytes == (tmp_path / "x3.jpg").stat().st_size
    assert len({path.stat().st_size for path in tmp_path.iterdir()}) > 1


def test_folder_counts_regular_files_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / ".b").write_bytes(b"45")
    (tmp_path / "below").mkdir()
    os.mkfifo(tmp_path / "fifo")
    os.symlink("nowhere", tmp_path / "dangling")
    assert folder_bytes(os.fsencode(tmp_path)) == 5


def test_folder_that_changes_meanwhile_is_still_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"45")
    scandir = os.scandir

    class Vanishing:
        """Lists a folder in which one file vanishes before it is examined."""

        def __init__(self, path: bytes) -> None:
            self.entries = scandir(path)

        def __enter__(self) -> list[os.DirEntry[bytes]]:
            found = list(self.entries)
            os.unlink(tmp_path / "b")
            return found

        def __exit__(self, *_: object) -> None:
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Vanishing)
    assert folder_bytes(os.fsencode(tmp_path)) == 3


def test_links_in_a_circle_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "loop").symlink_to("loop")
    assert folder_bytes(os.fsencode(tmp_path)) == 3


def test_missing_folder_cannot_be_counted(tmp_path: Path) -> None:
    with pytest.raises(ImagineError, match=r"none: No such file or directory$"):
        folder_bytes(os.fsencode(tmp_path / "none"))


def test_existing_files_are_replaced(tmp_path: Path) -> None:
    make(tmp_path / "new", 3)
    (tmp_path / "old").mkdir()
    for index in range(4):
        (tmp_path / "old" / f"x{index}.png").write_bytes(b"old" * 1000)
    make(tmp_path / "old", 3, keep_others=True)
    made = contents(tmp_path / "old")
    assert made.pop("x3.png") == b"old" * 1000
    assert made == contents(tmp_path / "new")


@pytest.mark.parametrize("workers", [1, 2])
def test_images_before_an_error_stay(tmp_path: Path, workers: int) -> None:
    (tmp_path / "x3.png").mkdir()
    with pytest.raises(ImagineError, match=r"/x3\.png: Is a directory$"):
        make(tmp_path, 4, workers=workers, chunksize=1)
    assert sorted(files_only(tmp_path)) == ["x0.png", "x1.png", "x2.png"]


def files_only(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_file()]


def test_uncreatable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImagineError, match="/file: File exists, and it is not a folder"):
        make(tmp_path / "file", 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 0}, "--width"),
        ({"height": -1}, "--height"),
        ({"count": 0}, "--count"),
        ({"image_format": "svg"}, "unknown format 'svg'"),
        ({"seed": -1}, "--seed"),
        ({"start": -1}, "--start"),
        ({"mode": "CMYK"}, "--mode"),
        ({"quality": 0}, "--quality"),
        ({"name": "a/b"}, "--name"),
        ({"path": ""}, "the folder's name is empty"),
        ({"chunksize": 0}, "--chunksize: must be at least 1, not 0"),
        ({"workers": 0}, "--workers: must be from 1 to 1024, not 0"),
    ],
)
def test_invalid_arguments_write_nothing(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {
        "path": tmp_path / "new",
        "name": "x",
        "width": 4,
        "height": 4,
        "count": 1,
        "image_format": "jpg",
    }
    with pytest.raises(UsageError, match=in_python(words)):
        create_images(**{**arguments, **changes})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_path_can_be_of_any_kind(tmp_path: Path, kind: Any) -> None:
    create_images(kind(tmp_path / "new"), "x", 4, 4, 1, "png")
    assert os.listdir(tmp_path / "new") == ["x0.png"]


def test_names_are_given_as_they_are(tmp_path: Path) -> None:
    name = "\udcff\n\t5"
    create_images(tmp_path, name, 4, 4, 1, "png")
    assert os.listdir(tmp_path) == [f"{name}0.png"]


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make(tmp_path, 3, size=True, workers=2)
    make(tmp_path, 3, size=True, workers=1)
    assert capfd.readouterr() == ("", "")


def test_package_offers_its_public_names() -> None:
    assert all(hasattr(imagine_gen, name) for name in imagine_gen.__all__)
