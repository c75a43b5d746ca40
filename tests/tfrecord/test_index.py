"""DALI's index, written beside a TFRecord file or into a folder, and looked for there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.packers.records import Image
from imagine_tfrecord import create_tfrecords
from imagine_tfrecord.schemas import find_schema
from imagine_tfrecord.shards import TFRecordFormat
from support import JPEG, lines, manifest, read_tfrecords, run, write_images


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "source", (JPEG + bytes(n) for n in range(5)))


def expected(path: str | Path) -> str:
    """Return the index of a file, by DALI's definition: offset and size, with the frame."""
    records = list(read_tfrecords(Path(path).read_bytes()))
    return "".join(f"{record.offset} {len(record.data) + 16}\n" for record in records)


class Packing:
    """A run, two images a file, which can be repeated with more options."""

    def __init__(self, tmp_path: Path, images: list[Path], *options: object) -> None:
        self.out = tmp_path / "out"
        self._args = ["--dest-path", self.out, "--img-per-file", "2", *options]
        self._source = manifest(images)

    def run(self, *more: object) -> subprocess.CompletedProcess[bytes]:
        return run("tfrecord", *self._args, *more, input=self._source)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_index_stands_beside_its_file_and_is_not_listed(
    tmp_path: Path, images: list[Path], workers: str
) -> None:
    packing = Packing(tmp_path, images, "--index", "--workers", workers)
    result = packing.run()
    assert lines(result.stdout) == [f"{packing.out}/tfrecord_{n}" for n in range(3)]
    assert len(os.listdir(packing.out)) == 6
    for path in lines(result.stdout):
        assert Path(f"{path}.idx").read_text() == expected(path)
    size = sum(path.stat().st_size for path in packing.out.iterdir())
    assert f": 3 files, 5 images, {size / 1000:.3g} kB in ".encode() in result.stderr


@pytest.mark.parametrize("also", [(), ("--index",)])
def test_indexes_go_into_a_folder_of_their_own(
    tmp_path: Path, images: list[Path], also: tuple[str, ...]
) -> None:
    """As DLIO has them: index/train/FILE.idx."""
    index = tmp_path / "index" / "train"
    packing = Packing(tmp_path, images, "--index-path", index, *also)
    result = packing.run()
    assert sorted(os.listdir(packing.out)) == ["tfrecord_0", "tfrecord_1", "tfrecord_2"]
    assert sorted(os.listdir(index)) == [f"tfrecord_{n}.idx" for n in range(3)]
    for path in lines(result.stdout):
        assert (index / f"{Path(path).name}.idx").read_text() == expected(path)


def test_an_index_of_names_that_wait_gets_its_name_too(tmp_path: Path, images: list[Path]) -> None:
    args = ["--index-path", tmp_path / "idx", "--name-format", "{shard}of{total}.tfrecord"]
    packing = Packing(tmp_path, images, *args)
    result = packing.run()
    assert [Path(path).name for path in lines(result.stdout)] == [
        f"{n}of3.tfrecord" for n in range(3)
    ]
    assert sorted(os.listdir(tmp_path / "idx")) == [f"{n}of3.tfrecord.idx" for n in range(3)]
    for path in lines(result.stdout):
        assert (tmp_path / "idx" / f"{Path(path).name}.idx").read_text() == expected(path)


@pytest.mark.parametrize("where", ["beside", "apart"])
def test_resuming_rewrites_files_without_index_and_refuses_a_wrong_one(
    tmp_path: Path, images: list[Path], where: str
) -> None:
    options = ["--index"] if where == "beside" else ["--index-path", tmp_path / "idx"]
    folder = tmp_path / ("out" if where == "beside" else "idx")
    packing = Packing(tmp_path, images, *options)
    packing.run()
    assert b"(3 there already)" in packing.run("--resume").stderr
    index = folder / "tfrecord_1.idx"
    right = index.read_text()
    index.unlink()
    assert b"(2 there already)" in packing.run("--resume").stderr
    assert index.read_text() == right
    for wrong in ("", "0 1\n", right + "9 9\n", right.replace(" ", "\t"), right[:-1], "x" * 9999):
        index.write_text(wrong)
        result = packing.run("--resume")
        assert result.returncode == 1
        assert f"{index}: can't be resumed: " in result.stderr.decode()
        assert index.read_text() == wrong


@pytest.mark.parametrize("damage", ["0 1\n", None])
def test_testing_finds_indexes_in_their_folder(
    tmp_path: Path, images: list[Path], damage: str | None
) -> None:
    packing = Packing(tmp_path, images, "--index-path", tmp_path / "idx")
    files = packing.run().stdout
    args = ["--test", "--index-path", tmp_path / "idx"]
    assert run("tfrecord", *args, input=files).stdout == files
    index = tmp_path / "idx" / "tfrecord_1.idx"
    index.unlink()
    if damage:
        index.write_text(damage)
    result = run("tfrecord", *args, input=files)
    assert result.returncode == 1
    assert lines(result.stdout) == [f"{packing.out}/tfrecord_{n}" for n in (0, 2)]
    assert f"error: {index}: " in result.stderr.decode()
    assert run("tfrecord", "--test", input=files).returncode == 0


def test_an_older_index_goes_before_its_file_is_replaced(tmp_path: Path) -> None:
    """Whatever ends the run between the two, no index stands beside a file that is not its own."""
    record, index = tmp_path / "r", tmp_path / "r.idx"
    record.mkdir()  # so that it can't be replaced
    index.write_text("0 9\n")
    files = (os.fsencode(record), os.fsencode(index))
    with pytest.raises(ImagineError, match="r: "):
        TFRecordFormat(find_schema("basic"), indexed=True).write(
            files, iter([Image(0, b"x", (), len(JPEG), JPEG)]), False
        )
    assert sorted(os.listdir(tmp_path)) == ["r"]


def test_a_run_that_fails_leaves_the_older_file_and_its_index(
    tmp_path: Path, images: list[Path]
) -> None:
    packing = Packing(tmp_path, images, "--index")
    packing.run()
    before = {path.name: path.read_bytes() for path in packing.out.iterdir()}
    images[1].unlink()
    # With more workers, the end may come upon another shard between its file and its index.
    assert packing.run("--workers", "1").returncode == 1
    assert {path.name: path.read_bytes() for path in packing.out.iterdir()} == before


@pytest.mark.parametrize("folder", ["", "source/0.jpg"])
def test_an_impossible_index_folder_is_refused(
    tmp_path: Path, images: list[Path], folder: str
) -> None:
    args = ["--index-path", folder, "--dest-path", "out"]
    result = run("tfrecord", *args, input=manifest(images), cwd=tmp_path)
    assert result.returncode == (1 if folder else 2)
    assert not lines(result.stdout)
    assert not (tmp_path / "out").exists() or not os.listdir(tmp_path / "out")


def test_the_function_writes_indexes(tmp_path: Path, images: list[Path]) -> None:
    create_tfrecords(images[0].parent, tmp_path / "a", "r", 9, index=True)
    assert (tmp_path / "a" / "r0.idx").read_text() == expected(tmp_path / "a" / "r0")
    create_tfrecords(images[0].parent, tmp_path / "b", "r", 9, index_path=tmp_path / "i")
    assert (tmp_path / "i" / "r0.idx").read_text() == expected(tmp_path / "b" / "r0")
