"""Folders that shards are dealt to, and DLIO's layout."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from imagine_common.errors import UsageError
from imagine_common.packers.pack_spec import PackSpec
from support import JPEG, RECORD_SUFFIX, contents, lines, manifest, run, write_images

DLIO = ["--layout", "dlio", "--name-format", "img_{shard:0*}_of_{total}.tfrecord", "--index"]


class Packing:
    """Runs of a tool, one image a file, into the folder `out`."""

    def __init__(self, tool: str, tmp_path: Path) -> None:
        self.tool = tool
        self.out = tmp_path / "out"
        self._cwd = tmp_path
        self._images = write_images(tmp_path / "in", (JPEG + b"#%d#" % n for n in range(12)))

    def run(self, *args: str, count: int = 12) -> subprocess.CompletedProcess[bytes]:
        options = ["--dest-path", "out", "--img-per-file", "1", *args]
        return run(self.tool, *options, input=manifest(self._images[:count]), cwd=self._cwd)

    def test(self, *args: str) -> subprocess.CompletedProcess[bytes]:
        return run(self.tool, "--test", *args, cwd=self._cwd)

    def folders(self, below: str = "") -> list[str]:
        return sorted(path.name for path in (self.out / below).iterdir() if path.is_dir())


@pytest.fixture
def packing(tool: str, tmp_path: Path) -> Packing:
    return Packing(tool, tmp_path)


@pytest.fixture
def dlio(tmp_path: Path) -> Packing:
    return Packing("tfrecord", tmp_path)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(("folders", "digits"), [(2, 1), (9, 1), (10, 2), (100, 3)])
def test_a_shard_is_in_the_folder_of_its_number_modulo_the_folders(
    packing: Packing, folders: int, digits: int, workers: str
) -> None:
    plain = packing.run("--dest-path", "plain")
    records = [(packing.out.parent / path).read_bytes() for path in lines(plain.stdout)]
    result = packing.run("--subfolders", str(folders), "--workers", workers)
    assert result.returncode == 0, result.stderr
    suffix = RECORD_SUFFIX[packing.tool]
    name = f"{packing.tool}_"
    places = [f"out/{n % folders:0{digits}}/{name}{n}{suffix}" for n in range(12)]
    assert lines(result.stdout) == places
    assert [(packing.out.parent / path).read_bytes() for path in places] == records
    # DLIO has all folders, even if it has fewer files.
    assert packing.folders() == [f"{n:0{digits}}" for n in range(folders)]
    assert packing.test("--files", "12", *places).returncode == 0


def test_runs_continue_in_subfolders(packing: Packing) -> None:
    packing.run("--subfolders", "5")
    whole = contents(packing.out)
    victims = [path for path in packing.out.rglob("*") if path.is_file()][:3]
    for path in victims:
        path.unlink()
    result = packing.run("--subfolders", "5", "--resume")
    assert result.returncode == 0, result.stderr
    assert b" there already)" in result.stderr
    assert contents(packing.out) == whole


def test_parts_make_the_same_subfolders(packing: Packing) -> None:
    args = ["--subfolders", "5", "--name-format", "{shard:0*}-{total}", "--expect", "12"]
    packing.run(*args)
    whole = contents(packing.out)
    assert len({Path(path).parent for path in whole}) == 5
    (packing.out).rename(packing.out.parent / "whole")
    for part in range(3):
        assert packing.run(*args, "--part", f"{part}/3").returncode == 0
    assert contents(packing.out) == whole


def test_names_that_wait_for_the_total_get_into_their_folders(packing: Packing) -> None:
    result = packing.run("--subfolders", "5", "--name-format", "{shard:0*}_{total}")
    suffix = RECORD_SUFFIX[packing.tool]
    assert lines(result.stdout) == [f"out/{n % 5}/{n:02}_12{suffix}" for n in range(12)]


@pytest.mark.parametrize("before", ["4", "10", None])
def test_files_of_other_runs_are_found_in_all_subfolders(
    packing: Packing, before: str | None
) -> None:
    packing.run(*(["--subfolders", before] if before else []))
    (packing.out / "notes").mkdir()
    other = contents(packing.out)
    args = ["--subfolders", "5"]
    result = packing.run(*args, "--expect", "12")
    assert result.returncode == 2
    assert b" of another run (" in result.stderr
    assert contents(packing.out) == other
    assert packing.run(*args, "--dry-run").returncode == 1
    assert packing.run(*args, "--clean").returncode == 0
    files = 24 if packing.tool == "recordio" else 12
    assert len(contents(packing.out)) == files
    assert packing.folders() == ["0", "1", "2", "3", "4", "notes"]


def test_a_smaller_run_cleans_subfolders(packing: Packing) -> None:
    packing.run("--subfolders", "5")
    assert packing.run("--subfolders", "5", count=3).returncode == 1
    assert packing.run("--subfolders", "5", "--clean", count=3).returncode == 0
    names = {Path(path).stem for path in contents(packing.out)}
    assert names == {f"{packing.tool}_{n}" for n in range(3)}
    assert packing.folders() == ["0", "1", "2", "3", "4"]


def test_leftovers_of_killed_runs_go_from_subfolders(packing: Packing) -> None:
    from imagine_common.files.temporary import temporary_name

    packing.run("--subfolders", "5")
    host = os.fsdecode(temporary_name(b"")).rsplit("-", 3)[0]
    leftover = packing.out / "3" / f"{host}-999999999-0-0.tmp"
    leftover.touch()
    assert packing.run("--subfolders", "5").returncode == 0
    assert not leftover.exists()


def test_the_packer_does_not_pack_its_subfolders(packing: Packing, tmp_path: Path) -> None:
    args = ["--source-path", "in", "--recursive", "--subfolders", "5", "--img-per-file", "4"]
    for _ in range(2):
        result = run(packing.tool, *args, "--dest-path", "in", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert b": 3 files, 12 images" in result.stderr
        assert b"non-image" not in result.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--subfolders", "1"], "argument --subfolders: must be at least 2, not 1"),
        (["--subfolders", "1000001"], "argument --subfolders: must be at most 1000000"),
        (["--layout", "imagefolder"], "argument --layout: must be flat or dlio"),
        (["--name", "x", *DLIO[2:4]], "argument --name: not with --name-format"),
    ],
)
def test_impossible_folders_are_refused(packing: Packing, args: list[str], words: str) -> None:
    result = packing.run(*args)
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert not packing.out.exists()


def test_a_merged_index_needs_one_folder(tmp_path: Path) -> None:
    packing = Packing("recordio", tmp_path)
    result = packing.run("--merged-index", "--subfolders", "2")
    assert result.returncode == 2
    assert b"argument --merged-index: not with --subfolders" in result.stderr


@pytest.mark.parametrize("folders", [None, 5])
def test_dlio_finds_its_layout(dlio: Packing, folders: int | None) -> None:
    """As dlio_benchmark's data_generator.py and tf_generator.py name folders, files, indexes."""
    args = ["--subfolders", str(folders)] if folders else []
    result = dlio.run(*DLIO, *args)
    assert result.returncode == 0, result.stderr
    names = [f"img_{n:02}_of_12.tfrecord" for n in range(12)]
    subs = [f"{n % folders}/" if folders else "" for n in range(12)]
    files = [f"train/{sub}{name}" for sub, name in zip(subs, names)]
    assert lines(result.stdout) == [f"out/{file}" for file in files]
    assert sorted(contents(dlio.out)) == sorted(
        [*files, *(f"index/train/{name}.idx" for name in names)]
    )
    assert dlio.folders() == ["index", "train", "valid"]
    assert not os.listdir(dlio.out / "valid")
    assert dlio.folders("train") == [str(n) for n in range(folders or 0)]
    assert b"(12 there already)" in dlio.run(*DLIO, *args, "--expect", "12", "--resume").stderr


def test_a_test_finds_the_indexes_of_dlio(dlio: Packing) -> None:
    files = lines(dlio.run(*DLIO, "--subfolders", "5").stdout)
    assert dlio.test(*files).returncode == 0
    index = dlio.out / "index" / "train" / "img_03_of_12.tfrecord.idx"
    index.write_text("0 9\n")
    result = dlio.test(*files)
    assert result.returncode == 1
    assert b"error: out/index/train/img_03_of_12.tfrecord.idx: line 1 " in result.stderr
    index.unlink()
    assert dlio.test(*files).returncode == 0
    assert dlio.test("--index-path", "out/index/train", *files).returncode == 1
    made = run("tfrecord", "--index-only", "--index-path", index.parent, dlio.out / files[3][4:])
    assert made.returncode == 0, made.stderr
    assert dlio.test("--index-path", "out/index/train", *files).returncode == 0


def test_other_folders_of_dlio_are_cleaned_but_their_indexes_kept(dlio: Packing) -> None:
    dlio.run(*DLIO, "--subfolders", "4")
    args = [*DLIO, "--expect", "12", "--subfolders", "5"]
    assert dlio.run(*args).returncode == 2
    result = dlio.run(*args, "--clean")
    assert result.returncode == 0, result.stderr
    found = [path for path in contents(dlio.out) if path.startswith("index/train/")]
    assert len(found) == 12
    assert dlio.folders("train") == ["0", "1", "2", "3", "4"]
    assert dlio.test("--index-path", "out/index/train", *lines(result.stdout)).returncode == 0
    result = dlio.run(*DLIO, "--clean")
    assert dlio.folders("train") == []
    assert len(contents(dlio.out)) == 24
    # Without --index, no index may stay of the files that were replaced.
    assert dlio.run(*DLIO[:-1], count=11).returncode == 1
    assert dlio.run(*DLIO[:-1], "--clean", count=11).returncode == 0
    assert len(contents(dlio.out)) == 11


def test_a_preset_gives_files_their_names_at_once(tmp_path: Path, dlio: Packing) -> None:
    preset = {
        "summary": "x",
        "source": "y",
        "tfrecord": {"schema": "dlio", "layout": "dlio", "name-format": DLIO[3], "expect": 10},
    }
    (tmp_path / "p.json").write_text(json.dumps(preset))
    args = ["--preset", "./p.json", "--index"]
    assert dlio.run(*args, "--resume", "--expect", "12").returncode == 0
    whole = contents(dlio.out)
    assert "train/img_00_of_12.tfrecord" in whole
    (dlio.out).rename(tmp_path / "whole")
    for part in range(2):
        assert dlio.run(*args, "--expect", "12", "--part", f"{part}/2").returncode == 0
    assert contents(dlio.out) == whole
    result = dlio.run(*args, "--keep-others")
    assert result.returncode == 1
    assert b"more images than the 10 of --expect (preset ./p.json has --expect=10)" in result.stderr
    result = dlio.run(*args, "--layout", "flat", "--name", "x", "--expect", "12")
    assert lines(result.stdout)[0] == "out/x0"


def test_python_takes_layouts() -> None:
    spec = PackSpec("out", "x", subfolders=10, layout="dlio")
    assert spec.shard_path(13) == b"out/train/03/x13"
    with pytest.raises(UsageError, match="subfolders: must be at least 2, not 1"):
        PackSpec("out", "x", subfolders=1)
    with pytest.raises(UsageError, match="layout: must be flat or dlio, not 'DLIO'"):
        PackSpec("out", "x", layout="DLIO")
