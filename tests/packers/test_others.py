"""What both packers do alike about files of their names that other runs left."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path

import pytest

import imagine
from support import JPEG, RECORD_SUFFIX, contents, lines, manifest, run, write_images

FORMAT = "train-{shard:05d}-of-{total:05d}"
PREFIX = ("--name", "r")


class Packing:
    """A run of a packer over twelve images, which can be repeated."""

    def __init__(self, tool: str, folder: Path) -> None:
        self.tool = tool
        self.folder = folder / "out"
        self.images = write_images(folder / "source", (JPEG + b"#%d#" % n for n in range(12)))

    def run(self, images: int, *more: str) -> subprocess.CompletedProcess[bytes]:
        args = ["--dest-path", self.folder, "--img-per-file", str(images), *more]
        return run(self.tool, *args, input=manifest(self.images))

    def names(self) -> list[str]:
        """Return the names of the files with records."""
        return [name for name in sorted(os.listdir(self.folder)) if not name.endswith(".idx")]


@pytest.fixture
def packing(tool: str, tmp_path: Path) -> Packing:
    return Packing(tool, tmp_path)


def error(result: subprocess.CompletedProcess[bytes], code: int = 1) -> str:
    assert result.returncode == code, result.stderr
    return result.stderr.decode().splitlines()[-1]


@pytest.mark.parametrize(
    ("naming", "first", "last", "number"),
    [
        (PREFIX, "r3", "r11", 9),
        (("--name-format", "{shard:02d}.x"), "03.x", "11.x", 9),
        (("--name-format", FORMAT), "train-00000-of-00012", "train-00011-of-00012", 12),
    ],
)
def test_shards_of_another_run_are_an_error_at_the_end(
    packing: Packing, naming: tuple[str, ...], first: str, last: str, number: int
) -> None:
    packing.run(1, *naming)
    before = contents(packing.folder)
    result = packing.run(4, *naming)
    suffix = RECORD_SUFFIX[packing.tool]
    assert f"{packing.folder}: has {number} files of another run ({first}{suffix} to {last}" in (
        error(result)
    )
    assert len(lines(result.stdout)) == 3
    assert before.keys() <= contents(packing.folder).keys()


@pytest.mark.parametrize("naming", [PREFIX, ("--name-format", FORMAT)])
def test_the_number_is_known_beforehand_with_expect(
    packing: Packing, naming: tuple[str, ...]
) -> None:
    packing.run(1, *naming)
    before = contents(packing.folder)
    result = packing.run(4, *naming, "--expect", "12")
    assert "files of another run" in error(result, 2)
    assert result.stdout == b""
    assert contents(packing.folder) == before


@pytest.mark.parametrize("expect", [(), ("--expect", "12")])
@pytest.mark.parametrize("naming", [PREFIX, ("--name-format", FORMAT)])
def test_clean_removes_them_with_their_indexes(
    packing: Packing, naming: tuple[str, ...], expect: tuple[str, ...]
) -> None:
    packing.run(4, *naming)
    expected = contents(packing.folder)
    packing.run(1, *naming)
    (packing.folder / "r.txt").write_text("mine")
    (packing.folder / "r3x").write_text("mine")
    assert packing.run(4, *naming, "--clean", *expect).returncode == 0
    assert contents(packing.folder) == {**expected, "r.txt": b"mine", "r3x": b"mine"}


@pytest.mark.parametrize("options", [("--keep-others",), ("--part", "0/2"), ("--part", "0/1")])
def test_they_may_stay(packing: Packing, options: tuple[str, ...]) -> None:
    packing.run(1, *PREFIX)
    result = packing.run(4, *PREFIX, *options)
    assert result.returncode == 0
    assert b"another run" not in result.stderr
    assert len(packing.names()) == 12


def test_the_same_run_again_is_good(packing: Packing) -> None:
    for naming in (PREFIX, ("--name-format", FORMAT)):
        for more in ((), (), ("--resume",) * (naming is PREFIX), ("--expect", "12")):
            assert packing.run(5, *naming, *more).returncode == 0


def test_other_prefixes_and_padded_numbers_are_other_datasets(packing: Packing) -> None:
    packing.run(1, "--name", "s")
    packing.run(1, "--name-format", "r0{shard}")
    assert packing.run(4, *PREFIX).returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clean", "--keep-others"), "argument --clean: not with --keep-others, which"),
        (("--clean", "--part", "0/2"), "argument --clean: not with --part, which leaves"),
        (("--clean", "--test"), "argument --clean: not with --test"),
        (("--keep-others", "--test"), "argument --keep-others: not with --test"),
    ],
)
def test_contradictions_are_wrong_usage(
    packing: Packing, options: tuple[str, ...], words: str
) -> None:
    assert words in error(run(packing.tool, *options), 2)


def test_a_plan_finds_them_too(packing: Packing) -> None:
    packing.run(1, *PREFIX)
    before = contents(packing.folder)
    assert "has 9 files of another run" in error(packing.run(4, *PREFIX, "--dry-run"))
    for option in ("--clean", "--keep-others"):
        assert packing.run(4, *PREFIX, "--dry-run", option).returncode == 0
    assert packing.run(1, *PREFIX, "--dry-run").returncode == 0
    assert contents(packing.folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_is_a_warning(packing: Packing) -> None:
    packing.run(1, *PREFIX)
    packing.folder.chmod(0o300)
    try:
        result = packing.run(4, *PREFIX)
        cleaned = packing.run(4, *PREFIX, "--clean")
    finally:
        packing.folder.chmod(0o700)
    assert result.returncode == 0
    assert f"warning: {packing.folder}: Permission denied".encode() in result.stderr
    assert f"{packing.folder}: Permission denied" in error(cleaned)


def test_the_command_of_imageinary_only_warns(packing: Packing) -> None:
    command = "create-tfrecord" if packing.tool == "tfrecord" else "create-recordio"
    source = packing.images[0].parent
    for images in (1, 4):
        args = [source, packing.folder, "r", "--img-per-file", str(images)]
        result = run("imagine", command, *args)
        assert result.returncode == 0
    assert f"warning: {packing.folder}: has 9 files of another run".encode() in result.stderr


def test_the_functions_of_imageinary_only_warn(packing: Packing) -> None:
    name = "create_tfrecords" if packing.tool == "tfrecord" else "create_recordio"
    create = getattr(imagine, name)
    source = packing.images[0].parent
    create(source, packing.folder, "r", 1)
    with warnings.catch_warnings(record=True) as found:  # Python may warn of its own threads.
        warnings.simplefilter("always")
        assert create(source, packing.folder, "r", 4).files == 3
    assert any("has 9 files of another run" in str(warning.message) for warning in found)
    assert create(source, packing.folder, "r", 4, clean=True).files == 3
    assert len(packing.names()) == 3


def test_the_functions_of_the_tools_refuse(packing: Packing) -> None:
    import importlib

    from imagine_common.errors import ImagineError, UsageError

    module = importlib.import_module(f"imagine_{packing.tool}")
    create = module.create_tfrecords if packing.tool == "tfrecord" else module.create_recordio
    source = packing.images[0].parent
    create(source, packing.folder, "r", 1)
    with pytest.raises(ImagineError, match="has 9 files of another run"):
        create(source, packing.folder, "r", 4)
    with pytest.raises(UsageError, match="has 9 files of another run"):
        create(source, packing.folder, "r", 4, expect=12)
    with pytest.raises(UsageError, match="clean: not with"):
        create(source, packing.folder, "r", 4, clean=True, keep_others=True)
    assert create(source, packing.folder, "r", 4, keep_others=True).warnings == ()
    assert "has 9 files" in create(source, packing.folder, "r", 4, keep_others=None).warnings[0]
