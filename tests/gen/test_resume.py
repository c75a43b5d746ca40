"""imagine-gen --resume, --fsync: complete files are kept, and missing ones are made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagine_gen import DatasetSpec, create_images, generate
from imagine_gen.work.files import existing_size
from pillow_formats import WRITABLE
from support import contents, lines, run

SIZE = ("--width", "24", "--height", "17")


def times(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)}


@pytest.mark.parametrize(
    "options", [(), ("--pooled",), ("--image-format", "png"), ("--workers=3",)]
)
def test_missing_images_are_made_and_the_manifest_lists_all(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    args = ["--path", tmp_path / "im", *SIZE, "--count", "9", "--chunksize", "2", *options]
    undisturbed = run("gen", *args)
    expected = contents(tmp_path / "im")
    for path in lines(undisturbed.stdout)[2:6]:
        os.unlink(path)
    before = times(tmp_path / "im")
    resumed = run("gen", *args, "--resume")
    assert resumed.stdout == undisturbed.stdout
    assert contents(tmp_path / "im") == expected
    assert before.items() <= times(tmp_path / "im").items()
    assert b"imagine-gen: 9 images (5 there already), " in resumed.stderr


def test_resume_in_an_empty_folder_makes_all(tmp_path: Path) -> None:
    result = run("gen", "--path", tmp_path / "im", *SIZE, "--count", "3", "--resume")
    assert len(lines(result.stdout)) == 3
    assert b"already" not in result.stderr


def break_empty(path: Path) -> None:
    path.write_bytes(b"")


def break_cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def break_tail(path: Path) -> None:
    """As after a power failure, which leaves the size right and the last blocks empty."""
    path.write_bytes(path.read_bytes()[:-16] + bytes(16))


def break_width(path: Path) -> None:
    with Image.open(path) as image:
        image.resize((25, 17)).save(path)


def break_mode(path: Path) -> None:
    with Image.open(path) as image:
        changed = image.convert("L")
        if path.suffix in (".webp", ".avif"):  # which have no gray
            changed = image.convert("RGBA")
            changed.putalpha(7)
        changed.save(path)


def break_format(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path, "PCX")


def break_dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def break_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("image_format", WRITABLE)
@pytest.mark.parametrize(
    "damage",
    [
        *(break_empty, break_cut, break_tail, break_width, break_mode, break_format),
        *(break_dangling, break_fifo),
    ],
)
def test_files_that_differ_are_made_again(tmp_path: Path, image_format: str, damage: Any) -> None:
    spec = DatasetSpec(os.fsencode(tmp_path), b"image_", 24, 17, 3, image_format)
    assert not any(image.kept for image in generate(spec, 1))
    expected = contents(tmp_path)
    damage(tmp_path / f"image_1.{image_format}")
    assert [image.kept for image in generate(spec, 1, resume=True)] == [True, False, True]
    assert contents(tmp_path) == expected


def test_a_folder_in_an_images_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "image_1.jpg").mkdir()
    result = run("gen", "--path", tmp_path, *SIZE, "--count", "3", "--resume")
    assert result.returncode == 1
    assert b"image_1.jpg: Is a directory" in result.stderr


@pytest.mark.parametrize("image_format", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True, "quality": 30, "comment": b"x" * 999}]
)
def test_other_programs_images_count_where_format_and_dimensions_are_as_asked(
    tmp_path: Path, image_format: str, mode: str, options: dict[str, Any]
) -> None:
    if (image_format, mode) == ("jpg", "RGBA"):
        mode = "RGB"
    path = tmp_path / "image"
    kinds = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP"}
    Image.new(mode, (24, 17), "white").save(path, kinds[image_format], **options)
    spec = DatasetSpec(b"x", b"x", 24, 17, image_format=image_format, mode=mode)
    assert existing_size(spec, os.fsencode(path)) == path.stat().st_size


def test_fsync_has_each_file_and_its_name_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(fd: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))

    monkeypatch.setattr(os, "fsync", fsync)
    create_images(tmp_path / "a" / "b", "image_", 8, 8, 2, "jpg")
    assert synced == []
    create_images(
        tmp_path / "c" / "d", "image_", 8, 8, 2, "jpg", fsync=True, chunksize=9, workers=1
    )
    # The new folders, in theirs; then each file before it has its name, and its folder after.
    assert synced[:2] == ["c", tmp_path.name]
    assert [name.startswith(".imagine-") for name in synced[2:]] == [True, False, True, False]
    assert synced[3::2] == ["d", "d"]
    synced.clear()
    create_images(
        tmp_path / "a" / "b", "image_", 8, 8, 2, "jpg", workers=1, resume=True, fsync=True
    )
    assert synced == ["image_0.jpg", "b", "image_1.jpg", "b"]


def test_python_functions_resume_too(tmp_path: Path) -> None:
    first = create_images(tmp_path, "image_", 8, 8, 3, "jpg")
    before = times(tmp_path)
    assert create_images(tmp_path, "image_", 8, 8, 3, "jpg", resume=True)[:2] == first[:2]
    assert times(tmp_path) == before
