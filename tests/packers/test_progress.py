"""Progress of a run: what is known of the images before their files are finished."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagine_common.exchange.names import Part
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.sources.base import Source
from imagine_common.packers.sources.folder import FolderSource
from imagine_common.packers.sources.manifest import ManifestSource
from imagine_common.parallel.progress import progress
from imagine_tfrecord.check import check_tfrecord
from imagine_tfrecord.pack import pack_tfrecords
from support import JPEG, manifest, write_images

Seen = list[tuple[int, int, "int | None"]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Give the numbers of images that were processed, listed and known to come, at each look."""
    found: Seen = []
    monkeypatch.setattr("imagine_common.parallel.progress._SECONDS_BETWEEN_REPORTS", 0)
    for name, value in {"images": 0, "listed": 0, "total": None}.items():
        monkeypatch.setattr(progress, name, value)
    look = lambda: found.append((progress.images, progress.listed, progress.total))  # noqa: E731
    monkeypatch.setattr(progress, "listener", look)
    return found


def pack(source: Source, folder: Path, part: Part = Part(0, 1), workers: int = 1) -> None:  # noqa: B008
    spec = PackSpec(os.fsencode(folder / "out"), b"x", 3, part=part)
    for _ in pack_tfrecords(source, spec, workers=workers):
        pass


@pytest.mark.parametrize("workers", [1, 2])
def test_images_of_a_folder_count_one_by_one_and_their_number_is_known(
    tmp_path: Path, seen: Seen, workers: int
) -> None:
    write_images(tmp_path / "im", [JPEG] * 7)
    pack(FolderSource(os.fsencode(tmp_path / "im")), tmp_path, workers=workers)
    assert seen[-1] == (7, 0, 7)
    assert {total for _, _, total in seen} == {7}
    if workers == 1:
        assert {images for images, *_ in seen} == set(range(8))


def test_files_that_are_no_images_do_not_count_in_the_end(tmp_path: Path, seen: Seen) -> None:
    write_images(tmp_path / "im", [JPEG] * 4)
    (tmp_path / "im" / "notes").write_bytes(b"text")
    pack(FolderSource(os.fsencode(tmp_path / "im")), tmp_path)
    assert seen[-1] == (4, 0, 4)


def test_records_that_are_checked_count_one_by_one(tmp_path: Path, seen: Seen) -> None:
    write_images(tmp_path / "im", [JPEG] * 4)
    pack(FolderSource(os.fsencode(tmp_path / "im")), tmp_path)
    seen.clear()
    progress.images = 0
    check_tfrecord(os.fsencode(tmp_path / "out" / "x0"))
    assert [images for images, *_ in seen] == [1, 2, 3]


def test_of_a_part_the_number_is_unknown(tmp_path: Path, seen: Seen) -> None:
    write_images(tmp_path / "im", [JPEG] * 4)
    pack(FolderSource(os.fsencode(tmp_path / "im")), tmp_path, Part(1, 2))
    assert seen[-1] == (1, 0, None)


def test_lines_of_a_manifest_count_before_a_shard_begins(tmp_path: Path, seen: Seen) -> None:
    paths = write_images(tmp_path / "im", [JPEG] * 5)
    reading, writing = os.pipe()
    try:
        for path in paths[:2]:
            os.write(writing, manifest([path]))

        def finish() -> None:
            if (progress.images, progress.listed) == (0, 2) and not finished:
                finished.append(os.write(writing, manifest(paths[2:])))
                os.close(writing)
            seen.append((progress.images, progress.listed, progress.total))

        finished: list[int] = []
        progress.listener = finish
        pack(ManifestSource(fd=reading), tmp_path)
    finally:
        os.close(reading)
    assert (0, 2, None) in seen
    assert seen[-1] == (5, 5, None)
