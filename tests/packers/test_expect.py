"""What both packers do alike about the number of images that `--expect` names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support import (
    JPEG,
    RECORD_SUFFIX,
    command,
    contents,
    finished,
    lines,
    manifest,
    run,
    unfinished,
    wait_for,
    write_images,
)
from tars import archive

FORMAT = ("--name-format", "r{shard:d}-of-{total:d}")


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "source", (JPEG + b"#%d#" % n for n in range(11)))


class Packing:
    """A run of a packer, three images a file, that expects eleven."""

    def __init__(self, tool: str, folder: Path) -> None:
        self.tool = tool
        self.folder = folder

    def run(
        self, images: list[Path], *more: object, expect: int = 11
    ) -> subprocess.CompletedProcess[bytes]:
        args = ["--dest-path", self.folder, "--img-per-file", 3, "--expect", expect, *more]
        return run(self.tool, *args, input=manifest(images))

    def paths(self, *stems: str) -> list[str]:
        return [f"{self.folder}/{stem}{RECORD_SUFFIX[self.tool]}" for stem in stems]


@pytest.fixture
def packing(tool: str, tmp_path: Path) -> Packing:
    return Packing(tool, tmp_path / "out")


def error(result: subprocess.CompletedProcess[bytes], code: int = 1) -> str:
    assert result.returncode == code, result.stderr
    return result.stderr.decode().splitlines()[-1]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_fewer_images_leave_the_short_shard_unfinished(
    packing: Packing, images: list[Path], workers: str
) -> None:
    args = (*FORMAT, "--workers", workers)
    result = packing.run(images[:7], *args)
    assert "the source ended after 7 images of the 11 of --expect" in error(result)
    assert "finished files stay, and without --tar, --resume continues" in error(result)
    assert lines(result.stdout) == packing.paths("r0-of-4", "r1-of-4")
    assert unfinished(packing.folder) == []
    again = packing.run(images, *args, "--resume")
    assert again.returncode == 0
    assert b"4 files (2 there already), 11 images" in again.stderr
    whole = Packing(packing.tool, packing.folder.with_name("whole"))
    whole.run(images, *FORMAT)
    assert contents(packing.folder) == contents(whole.folder)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_more_images_are_an_error(packing: Packing, images: list[Path], workers: str) -> None:
    result = packing.run(images, "--workers", workers, expect=10)
    assert "the source has more images than the 10 of --expect" in error(result)


@pytest.mark.parametrize("count", [9, 10, 12])
def test_other_numbers_in_a_tar_stream_or_a_folder_are_an_error(
    packing: Packing, images: list[Path], count: int
) -> None:
    args = ["--dest-path", packing.folder, "--img-per-file", "3", "--expect"]
    tar = archive([(f"{n}.jpg", image.read_bytes()) for n, image in enumerate(images)])
    folder = ["--source-path", images[0].parent]
    assert "of --expect" in error(run(packing.tool, *args, count, "--tar", input=tar))
    assert "of --expect" in error(run(packing.tool, *args, count, *folder))
    assert "of --expect" in error(run(packing.tool, *args, count, *folder, "--dry-run"))
    assert unfinished(packing.folder) == []
    assert run(packing.tool, *args, 11, "--tar", input=tar).returncode == 0
    assert run(packing.tool, *args, 11, *folder).returncode == 0


def test_a_skipped_image_is_one_too_few(packing: Packing, images: list[Path]) -> None:
    images[4].write_bytes(b"")
    result = packing.run(images, "--skip-invalid")
    assert "1 image skipped of the 11 of --expect" in error(result)
    assert len(lines(result.stdout)) == 4
    plan = packing.run(images, "--skip-invalid", "--dry-run")
    assert "1 image skipped of the 11 of --expect" in error(plan)


def test_all_parts_expect_the_whole(packing: Packing, images: list[Path]) -> None:
    whole = Packing(packing.tool, packing.folder.with_name("whole"))
    whole.run(images, *FORMAT)
    for part in ("1/2", "0/2"):
        assert packing.run(images, *FORMAT, "--part", part).returncode == 0
        assert "the source ended after 10 images" in error(packing.run(images[:10], "--part", part))
    assert whole.folder.is_dir()
    assert {name for name in finished(packing.folder) if "-of-" in name} == set(
        finished(whole.folder)
    )


@pytest.mark.process
def test_files_get_their_final_names_at_once(packing: Packing, images: list[Path]) -> None:
    args = ["--dest-path", packing.folder, "--img-per-file", 3, "--expect", 11, *FORMAT]
    with subprocess.Popen(
        command(packing.tool, *args), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(manifest(images[:4]))
        process.stdin.flush()
        assert lines(process.stdout.readline()) == packing.paths("r0-of-4")
        wait_for(lambda: os.path.exists(*packing.paths("r0-of-4")))
        process.communicate(manifest(images[4:]))
    assert process.returncode == 0


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_invalid_numbers_are_wrong_usage(packing: Packing, images: list[Path], number: str) -> None:
    result = run(packing.tool, "--dest-path", packing.folder, "--expect", number)
    assert "argument --expect" in error(result, 2)
