"""imagine-gen --resume, --fsync: complete files are kept, and missing ones are made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagine_gen import DatasetSpec, create_images, generate
from imagine_gen.dataset.formats import FORMATS
from imagine_gen.verify import compare_kept
from imagine_gen.work.files import FinishedFile, existing_size
from pillow_formats import WRITABLE
from support import contents, lines, run

SIZE = ("--width", "24", "--height", "17")


def times(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)}


@pytest.mark.parametrize(
    "options", [(), ("--direct",), ("--image-format", "png", "--pooled"), ("--workers=3",)]
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
    path = tmp_path / f"x0.{image_format}"
    kinds = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP"}
    Image.new(mode, (24, 17), "white").save(path, kinds[image_format], **options)
    spec = DatasetSpec(tmp_path, b"x", 24, 17, image_format=image_format, mode=mode)
    assert existing_size(spec, b"", 0) == path.stat().st_size


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
    # The folders, in theirs; then each file before it has its name, and its folder after.
    assert synced[:3] == ["c", tmp_path.name, tmp_path.parent.name]
    first = next(n for n, name in enumerate(synced) if name.startswith(".imagine-"))
    names = [name.startswith(".imagine-") or name for name in synced[first:]]
    assert names == [True, "d", True, "d"]
    synced.clear()
    create_images(
        tmp_path / "a" / "b", "image_", 8, 8, 2, "jpg", workers=1, resume=True, fsync=True
    )
    assert synced[-4:] == ["image_0.jpg", "b", "image_1.jpg", "b"]


def test_fsync_has_the_folders_of_an_earlier_run_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))

    monkeypatch.setattr(os, "fsync", fsync)
    options: Any = {"classes": 2, "layout": "imagefolder", "workers": 1}
    path = tmp_path / "a" / "b"
    create_images(path, "image_", 8, 8, 2, "jpg", **options)
    create_images(path, "image_", 8, 8, 2, "jpg", resume=True, fsync=True, **options)
    # Folders with the entry of a folder, then those with the entry of a file.
    assert synced[:3] == [str(tmp_path / "a"), str(tmp_path), str(tmp_path.parent)]
    assert synced.count(str(path)) == 2
    assert {str(path / name / f"image_{name[-1]}.jpg") for name in ("class_0", "class_1")} <= set(
        synced
    )


def test_python_functions_resume_too(tmp_path: Path) -> None:
    first = create_images(tmp_path, "image_", 8, 8, 3, "jpg")
    before = times(tmp_path)
    assert create_images(tmp_path, "image_", 8, 8, 3, "jpg", resume=True)[:2] == first[:2]
    assert times(tmp_path) == before


LOSSY = [name for name in ("jpg", "webp", "avif") if name in WRITABLE]


@pytest.mark.parametrize("image_format", sorted({"jpg", "png", "bmp"} | {*WRITABLE}))
@pytest.mark.parametrize(("workers", "kept"), [("1", [8]), ("3", range(9))])
def test_images_of_another_seed_are_found(
    tmp_path: Path, image_format: str, workers: str, kept: Iterable[int]
) -> None:
    args = ["--path", tmp_path, *SIZE, "--count", "9", "--image-format", image_format]
    for index in kept:
        create_images(tmp_path, "image_", 24, 17, 1, image_format, seed=1, start=index, workers=1)
    before = contents(tmp_path)
    result = run("gen", *args, "--resume", "--workers", workers, "--chunksize", "2")
    assert result.returncode == 1
    words = (
        "kept by --resume, but it differs from the image that would be made: with another --seed"
    )
    first = f"{tmp_path}/image_{min(kept)}.{image_format}"
    error = result.stderr.decode().splitlines()[-1]
    assert f"error: {first}: {words}" in error
    assert "version of the encoder; --verify finds" in error
    assert first not in lines(result.stdout)
    assert before.items() <= contents(tmp_path).items()


def test_images_of_another_seed_at_the_end_are_found_by_the_second_worker(tmp_path: Path) -> None:
    args = ["--path", tmp_path, *SIZE]
    for seed in (0, 1):
        create_images(tmp_path, "image_", 24, 17, 6, seed=seed, start=6 * seed, workers=1)
    result = run("gen", *args, "--count", "12", "--resume", "--workers", "2", "--chunksize", "2")
    assert f"{tmp_path}/image_6.jpg: kept by --resume".encode() in result.stderr


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (3, 3), (1000, 16)])
def test_few_kept_images_are_made_again(
    tmp_path: Path, workers: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_images(tmp_path, "image_", 8, 8, 40, "png")
    spec = DatasetSpec(tmp_path, "image_", 8, 8, 40, "png")
    made: list[int] = []

    def is_alike(_spec: object, _encoder: object, indexes: range) -> list[bool]:
        made.extend(indexes)
        return [True]

    monkeypatch.setattr("imagine_gen.verify._is_alike", is_alike)
    units = (([index], [FinishedFile(1, kept=True)]) for index in range(40))
    assert len(list(compare_kept(units, spec, workers))) == 40  # type: ignore[arg-type]
    assert made == [40 * number // most for number in range(most)]


@pytest.mark.parametrize("image_format", LOSSY)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_images_that_another_version_encoded_are_kept(
    tmp_path: Path, image_format: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version is one that optimizes more here."""
    options: dict[str, Any] = {"width": 64, "height": 48, "count": 3, "image_format": image_format}
    if mode not in FORMATS[image_format].modes:
        return
    options |= {"mode": mode}
    create_images(tmp_path, "a", **options, quality=100)
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            kind = image.format
            image.load()
        image.save(path, kind, quality=98, optimize=True, subsampling="4:4:4")
    before = contents(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # Pillow warns about more.
    create_images(tmp_path, "a", **options, quality=98, resume=True)
    assert contents(tmp_path) == before
