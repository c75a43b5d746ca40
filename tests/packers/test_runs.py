"""What both packers do alike about runs: resuming, skipping bad images, syncing."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import (
    JPEG,
    RECORD_SUFFIX,
    command,
    contents,
    finished,
    lines,
    manifest,
    read_recordio,
    read_tfrecords,
    run,
    unfinished,
    wait_for,
    write_images,
)

MAGIC = b"\n\x23\xd7\xce"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    # Some hold RecordIO's magic number, where records have to be cut.
    aligned = JPEG + bytes(-len(JPEG) % 4)
    data = (aligned + MAGIC * (n % 3) + b"#%d#" % n for n in range(11))
    return write_images(tmp_path / "source", data)


def numbers(tool: str, path: str) -> list[int]:
    read = read_tfrecords if tool == "tfrecord" else read_recordio
    return [int(record.data.split(b"#")[-2]) for record in read(Path(path).read_bytes())]


class Packing:
    """A run of a packer, three images a file, which can be repeated."""

    def __init__(self, tool: str, folder: Path, images: list[Path]) -> None:
        self.tool = tool
        self.folder = folder
        self.images = images

    def run(self, *more: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        args = ["--dest-path", self.folder, "--name", "r", "--img-per-file", "3", *more]
        return run(self.tool, *args, input=manifest(self.images) if data is None else data)

    def path(self, number: int) -> Path:
        return self.folder / f"r{number}{RECORD_SUFFIX[self.tool]}"


@pytest.fixture
def packing(tool: str, tmp_path: Path, images: list[Path]) -> Packing:
    return Packing(tool, tmp_path / "out", images)


def error(result: subprocess.CompletedProcess[bytes]) -> str:
    assert result.returncode == 1
    (line,) = (line for line in result.stderr.decode().splitlines() if ": error: " in line)
    return line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_missing_files_are_written_and_the_manifest_lists_all(
    packing: Packing, workers: str
) -> None:
    undisturbed = packing.run("--workers", workers)
    expected = contents(packing.folder)
    packing.path(1).unlink()
    packing.path(3).unlink()
    before = (
        {name: os.stat(packing.folder / name).st_mtime_ns for name in ("r0", "r2")}
        if (packing.tool == "tfrecord")
        else {}
    )
    result = packing.run("--workers", workers, "--resume")
    assert result.stdout == undisturbed.stdout
    assert contents(packing.folder) == expected
    assert b": 4 files (2 there already), 11 images, " in result.stderr
    for name, time in before.items():
        assert os.stat(packing.folder / name).st_mtime_ns == time


def test_resuming_a_finished_run_writes_nothing(packing: Packing) -> None:
    packing.run()
    before = {name: os.stat(packing.folder / name).st_mtime_ns for name in contents(packing.folder)}
    assert b"(4 there already)" in packing.run("--resume").stderr
    after = {name: os.stat(packing.folder / name).st_mtime_ns for name in contents(packing.folder)}
    assert after == before


def test_labels_count_when_resuming(packing: Packing) -> None:
    data = b"".join(os.fsencode(path) + b"\t%d\n" % n for n, path in enumerate(packing.images))
    several = data.replace(b"\t2\n", b"\t2,7,9\n")
    assert packing.run(data=several).returncode == 0
    assert packing.run("--resume", data=several).returncode == 0
    assert "can't be resumed" in error(packing.run("--resume", data=data))


def lengthen(packing: Packing) -> None:
    with packing.path(1).open("ab") as file:
        file.write(b"x")


def cut(packing: Packing) -> None:
    os.truncate(packing.path(1), packing.path(1).stat().st_size - 1)


def empty(packing: Packing) -> None:
    packing.path(1).write_bytes(b"")


def change_first(packing: Packing) -> None:
    data = bytearray(packing.path(1).read_bytes())
    data[40] ^= 1
    packing.path(1).write_bytes(data)


def change_last(packing: Packing) -> None:
    data = bytearray(packing.path(1).read_bytes())
    data[-5] ^= 1
    packing.path(1).write_bytes(data)


def change_image(packing: Packing) -> None:
    packing.images[4].write_bytes(packing.images[4].read_bytes() + b"four")


def make_folder(packing: Packing) -> None:
    packing.path(1).unlink()
    packing.path(1).mkdir()


@pytest.mark.parametrize(
    "change", [lengthen, cut, empty, change_first, change_last, change_image, make_folder]
)
def test_a_file_that_is_not_the_one_asked_for_is_refused_and_left(
    packing: Packing, change: Any
) -> None:
    packing.run()
    change(packing)
    before = set(os.listdir(packing.folder))
    line = error(packing.run("--resume"))
    assert f"error: {packing.path(1)}" in line.replace(".idx", ".rec")
    assert "can't be resumed" in line or "found a directory" in line
    assert set(os.listdir(packing.folder)) == before
    if change is not make_folder:
        assert packing.run().returncode == 0


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("count", [1, 4, 10])
def test_a_short_last_shard_of_a_source_that_ended_early_is_replaced(
    packing: Packing, count: int, workers: str
) -> None:
    undisturbed = packing.run()
    expected = contents(packing.folder)
    for name in expected:
        (packing.folder / name).unlink()
    assert packing.run(data=manifest(packing.images[:count])).returncode == 0
    result = packing.run("--resume", "--workers", workers)
    assert result.returncode == 0, result.stderr
    assert result.stdout == undisturbed.stdout
    assert contents(packing.folder) == expected
    there = b"(%d there already)" % (count // 3) if count >= 3 else b": 4 files, 11 images"
    assert there in result.stderr


def test_a_short_shard_of_other_images_is_refused(packing: Packing) -> None:
    packing.run(data=manifest(packing.images[:2]))
    before = contents(packing.folder)
    for change in ([packing.images[1]], [packing.images[0], packing.images[2]]):
        line = error(packing.run("--resume", data=manifest([*change, *packing.images[3:]])))
        assert f"{packing.path(0)}" in line.replace(".idx", ".rec")
    assert before.items() <= contents(packing.folder).items()


def test_a_short_shard_with_a_longer_index_is_refused(tmp_path: Path, images: list[Path]) -> None:
    packing = Packing("recordio", tmp_path / "out", images)
    packing.run()
    index = (packing.folder / "r0.idx").read_bytes()
    packing.run("--clean", data=manifest(images[:2]))
    (packing.folder / "r0.idx").write_bytes(index)
    assert "can't be resumed" in error(packing.run("--resume"))


def test_a_file_without_its_index_is_unfinished(tmp_path: Path, images: list[Path]) -> None:
    packing = Packing("recordio", tmp_path / "out", images)
    packing.run()
    expected = contents(packing.folder)
    (packing.folder / "r2.idx").unlink()
    packing.path(2).write_bytes(b"of an earlier run")
    assert b"(3 there already)" in packing.run("--resume").stderr
    assert contents(packing.folder) == expected


@pytest.mark.parametrize(
    "index", [b"", b"3\t0\n", b"3\t0\n4\t500\n5\t1000\n", b"4\t0\n", b"x", b"3\t0\r\n"]
)
def test_an_index_that_is_not_the_files_is_refused(
    tmp_path: Path, images: list[Path], index: bytes
) -> None:
    packing = Packing("recordio", tmp_path / "out", images)
    packing.run()
    path = packing.folder / "r1.idx"
    path.write_bytes(index)
    assert f"error: {path}: can't be resumed" in error(packing.run("--resume"))
    assert path.read_bytes() == index


def test_an_index_with_too_many_lines_is_refused(tmp_path: Path, images: list[Path]) -> None:
    packing = Packing("recordio", tmp_path / "out", images)
    packing.run()
    with (packing.folder / "r1.idx").open("ab") as file:
        file.write(b"9\t9\n")
    assert "more lines than the file has records" in error(packing.run("--resume"))


def bad_lines(packing: Packing) -> bytes:
    """Return a manifest of eleven entries, of which number 1, 4 and 6 to 8 are bad."""
    paths: list[Path | str] = list(packing.images)
    paths[1] = "missing.jpg"
    packing.images[4].write_bytes(b"")
    packing.images[6].write_bytes(b"text")
    paths[7] = packing.folder.parent
    paths[8] = "missing\ttoo.jpg\t99999999999999999999"
    return manifest([str(path) for path in paths])


REASONS = [
    "missing.jpg: No such file or directory (line 2 of the manifest)",
    "4.jpg: the file is empty (line 5 of the manifest)",
    "6.jpg: not an image (first bytes: 74 65 78 74) (line 7 of the manifest)",
    ": expected an image file, found a directory (line 8 of the manifest)",
    "missing\\ttoo.jpg: label 99999999999999999999 is over 9223372036854775807"
    " (line 9 of the manifest)",
]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_bad_images_are_named_counted_and_left_out(packing: Packing, workers: str) -> None:
    result = packing.run("--skip-invalid", "--workers", workers, data=bad_lines(packing))
    assert result.returncode == 0
    *warnings, summary = result.stderr.decode().splitlines()
    assert all(": warning: " in line for line in warnings)
    assert [line.endswith(f"{reason}; skipped") for line, reason in zip(warnings, REASONS)] == (
        [True] * 5
    )
    assert summary.endswith(", 5 images skipped")
    # Files are as short as what was skipped; of the third, nothing is left.
    assert lines(result.stdout) == [str(packing.path(n)) for n in (0, 1, 3)]
    assert [numbers(packing.tool, path) for path in lines(result.stdout)] == [
        [0, 2],
        [3, 5],
        [9, 10],
    ]
    if packing.tool == "recordio":
        # Keys keep the gap.
        assert (packing.folder / "r1.idx").read_text().startswith("3\t0\n5\t")


def test_skipping_is_resumed_too(packing: Packing) -> None:
    data = bad_lines(packing)
    first = packing.run("--skip-invalid", data=data)
    expected = contents(packing.folder)
    packing.path(3).unlink()
    again = packing.run("--skip-invalid", "--resume", data=data)
    assert again.stdout == first.stdout
    assert again.stderr.decode().splitlines()[:-1] == first.stderr.decode().splitlines()[:-1]
    assert contents(packing.folder) == expected
    assert b"3 files (2 there already)" in again.stderr


def test_where_nothing_is_left_of_a_file_the_old_one_goes(packing: Packing) -> None:
    packing.run()
    packing.run("--skip-invalid", data=bad_lines(packing))
    assert not packing.path(2).exists()
    assert not packing.path(2).with_suffix(".idx").exists()


def test_an_earlier_file_goes_only_once_something_has_been_packed(packing: Packing) -> None:
    packing.run()
    expected = contents(packing.folder)
    for image in packing.images:
        image.rename(image.with_suffix(".away"))  # as if a disk were not mounted
    assert "all images were skipped" in error(packing.run("--skip-invalid"))
    assert contents(packing.folder) == expected


def test_a_file_too_large_keeps_the_files_of_an_earlier_run(packing: Packing) -> None:
    packing.run()
    expected = contents(packing.folder)
    args = ["--dest-path", packing.folder, "--name", "r", "--img-per-file", "3"]
    result = run(
        packing.tool, *args, input=manifest(packing.images), limits={resource.RLIMIT_FSIZE: 700}
    )
    assert "File too large" in error(result)
    assert contents(packing.folder) == expected


def test_all_images_bad_is_an_error(packing: Packing) -> None:
    result = packing.run("--skip-invalid", data=b"a\nb\n")
    assert "all images were skipped" in error(result)
    assert result.stdout == b""
    assert contents(packing.folder) == {}


def test_temporary_files_are_not_packed(packing: Packing) -> None:
    path = packing.images[0].with_name(".imagine-host-12-34-5.tmp")
    path.write_bytes(JPEG)
    line = error(packing.run(data=manifest([path])))
    assert f"{path}: an unfinished file of a run" in line


def test_fsync_syncs_file_and_folder_before_the_file_is_listed(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    synced: list[str] = []

    def fsync(fd: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))

    monkeypatch.setattr(os, "fsync", fsync)
    module = importlib.import_module(f"imagine_{packing.tool}")
    create = module.create_tfrecords if packing.tool == "tfrecord" else module.create_recordio
    source = packing.images[0].parent
    create(source, packing.folder, "r", 100)
    assert synced == []
    create(source, packing.folder.with_name("new"), "r", 100, fsync=True)
    assert synced[:2] == [packing.folder.parent.name, packing.folder.parent.parent.name]
    rest = synced[[name.startswith(".imagine-") for name in synced].index(True) :]
    files = 2 if packing.tool == "recordio" else 1
    # First the contents of the files, then their names.
    assert [name.startswith(".imagine-") for name in rest] == [True] * files + [False] * files
    assert rest[files:] == ["new"] * files
    synced.clear()
    create(source, packing.folder, "r", 100, resume=True, fsync=True)
    names = [
        f"r0{suffix}" for suffix in (("",) if packing.tool == "tfrecord" else (".rec", ".idx"))
    ]
    assert synced[0] == packing.folder.parent.name
    rest = synced[synced.index(names[0]) :]
    assert rest[::2] == names
    assert set(rest[1::2]) == {packing.folder.name}


@pytest.mark.process
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("naming", [(), ("--name-format", "{shard}-{total}")])
def test_nothing_unfinished_stays_in_a_target_that_was_renamed(
    packing: Packing, workers: str, naming: tuple[str, ...]
) -> None:
    args = ["--dest-path", packing.folder, "--img-per-file", "3", "--workers", workers, *naming]
    renamed = packing.folder.with_name("renamed")
    with subprocess.Popen(
        command(packing.tool, *args), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(manifest(packing.images[:4]))
        process.stdin.flush()
        wait_for(lambda: unfinished(packing.folder) and (naming or finished(packing.folder)))
        packing.folder.rename(renamed)
        _, message = process.communicate()
    assert process.returncode == 1
    assert b"No such file or directory" in message
    assert unfinished(renamed) == []


def test_python_functions_resume_and_skip(packing: Packing) -> None:
    import importlib

    module = importlib.import_module(f"imagine_{packing.tool}")
    create = module.create_tfrecords if packing.tool == "tfrecord" else module.create_recordio
    source = packing.images[0].parent
    first = create(source, packing.folder, "r", 3)
    second = create(source, packing.folder, "r", 3, resume=True, skip_invalid=True)
    assert second[:3] == first[:3]
