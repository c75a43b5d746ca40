"""What both packers do alike about --dry-run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from support import JPEG, PACKERS, PNG, lines, manifest, run, write_images

OPTIONS = {
    "tfrecord": [
        [],
        ["--index"],
        ["--schema", "imagenet", "--index"],
        ["--schema", "dlio"],
        ["--label-offset", "9"],
        ["--name-format", "{shard}-{total}"],
    ],
    "recordio": [[], ["--merged-index"], ["--label-offset", "9", "--name-format", "x{shard:09}"]],
}
CASES = [(tool, options) for tool in PACKERS for options in OPTIONS[tool]]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(
        tmp_path / "source", ((JPEG if n % 3 else PNG) + bytes(97 * n) for n in range(60))
    )


@pytest.mark.parametrize(("tool", "options"), CASES)
def test_the_planned_bytes_are_the_written_ones(
    tool: str, options: list[str], tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "9", *options]
    source = b"".join(os.fsencode(path) + b"\t1\n" for path in images)
    planned = run(tool, *args, "--dry-run", input=source)
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout == b""
    assert not out.exists()
    words = re.search(rb": would write 7 files, 60 images, .* \(([0-9]+) bytes\)\n", planned.stderr)
    assert words
    assert run(tool, *args, input=source).returncode == 0
    assert int(words[1]) == sum(path.stat().st_size for path in out.iterdir())


def test_indexes_that_could_not_be_written_do_not_fit(tmp_path: Path, images: list[Path]) -> None:
    args = ["--dest-path", tmp_path / "out", "--dry-run", "--index-path"]
    result = run("tfrecord", *args, tmp_path / "idx", input=manifest(images))
    assert result.returncode == 0, result.stderr
    assert f"{tmp_path}/idx: ".encode() in result.stderr
    result = run("tfrecord", *args, images[0] / "idx", input=manifest(images))
    assert result.returncode == 1
    assert f"{images[0]} is not a folder".encode() in result.stderr


def test_a_folder_is_planned_too(tool: str, tmp_path: Path, images: list[Path]) -> None:
    (images[0].parent / "text").write_bytes(b"text")
    result = run(tool, "--source-path", images[0].parent, "--dry-run", cwd=tmp_path)
    assert b"would write 1 file, 60 images, " in result.stderr
    assert b"ignored 1 non-image file" in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["source"]


def test_too_little_space_is_an_error(tool: str, tmp_path: Path) -> None:
    """Images with holes, which take no space themselves but would in records."""
    image = tmp_path / "large.jpg"
    image.write_bytes(JPEG)
    os.truncate(image, 2**29 - 2**12)
    free = os.statvfs(tmp_path)
    # Twice the free space: others may remove files meanwhile.
    count = 2 * free.f_bavail * free.f_frsize // 2**29 + 2
    result = run(
        tool, "--dest-path", tmp_path / "out", "--dry-run", input=manifest([image] * count)
    )
    assert result.returncode == 1
    assert f"would write 1 file, {count} images, ".encode() in result.stderr or count > 1000
    assert b"does not fit" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_plan_names_images_that_cannot_be_packed(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    source = manifest([images[0], tmp_path / "missing.jpg", images[1]])
    result = run(tool, "--dry-run", input=source, cwd=tmp_path)
    assert result.returncode == 1
    assert b"missing.jpg: No such file" in result.stderr
    result = run(tool, "--dry-run", "--skip-invalid", input=source, cwd=tmp_path)
    assert result.returncode == 0
    assert b"missing.jpg: No such file or directory (line 2 of the manifest); would be skipped" in (
        result.stderr
    )
    assert b"2 images" in result.stderr


def test_an_empty_manifest_has_no_plan(tool: str, tmp_path: Path) -> None:
    result = run(tool, "--dry-run", cwd=tmp_path)
    assert result.returncode == 1
    assert b"the manifest is empty" in result.stderr
    assert lines(result.stdout) == []
