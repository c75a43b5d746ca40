from __future__ import annotations

import os
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.files import temporary
from imagine_common.files.folders import create_folder
from imagine_common.files.output import AtomicFile, Buffer
from imagine_common.files.temporary import (
    clear_leftovers,
    create_temporary,
    forget_unfinished,
    release_folders,
    remove_temporary,
    remove_unfinished,
    temporary_name,
)
from support import unfinished


@pytest.fixture
def path(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path / "file")


def contents(path: bytes) -> bytes:
    return Path(os.fsdecode(path)).read_bytes()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let writing fail beyond a size, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_file_appears_whole_at_the_end(tmp_path: Path, path: bytes) -> None:
    with AtomicFile(path) as file:
        file.write([b"one", memoryview(b"two")])
        file.write(iter([b"three"]))
        assert not os.path.exists(path)
        assert len(unfinished(tmp_path)) == 1
        assert file.size == 11
    assert contents(path) == b"onetwothree"
    assert os.listdir(tmp_path) == ["file"]
    assert file.size == 11


def test_empty_file_can_be_written(path: bytes) -> None:
    with AtomicFile(path):
        pass
    assert contents(path) == b""


def write_file(path: bytes, data: bytes, error: BaseException | None = None) -> None:
    with AtomicFile(path) as file:
        file.write([data])
        if error:
            raise error


@pytest.mark.parametrize("error", [ValueError("stop"), KeyboardInterrupt(), SystemExit()])
@pytest.mark.parametrize("size", [10, 3_000_000])
def test_error_inside_the_block_leaves_nothing(
    tmp_path: Path, path: bytes, error: BaseException, size: int
) -> None:
    with pytest.raises(type(error)):
        write_file(path, b"x" * size, error)
    assert os.listdir(tmp_path) == []


def test_error_inside_the_block_leaves_the_existing_file(tmp_path: Path, path: bytes) -> None:
    Path(os.fsdecode(path)).write_bytes(b"old")
    with pytest.raises(ValueError, match="stop"):
        write_file(path, b"new", ValueError("stop"))
    assert contents(path) == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_existing_file_is_replaced_not_overwritten(tmp_path: Path, path: bytes) -> None:
    Path(os.fsdecode(path)).write_bytes(b"old, and longer")
    os.link(path, tmp_path / "link")
    with open(path, "rb") as reader:
        with AtomicFile(path) as file:
            file.write([b"new"])
        assert reader.read() == b"old, and longer"
    assert contents(path) == b"new"
    assert (tmp_path / "link").read_bytes() == b"old, and longer"


@pytest.mark.parametrize("exists", [True, False])
def test_symlink_is_replaced_not_written_through(tmp_path: Path, path: bytes, exists: bool) -> None:
    target = tmp_path / "target"
    if exists:
        target.write_bytes(b"old")
    os.symlink("target", path)
    with AtomicFile(path) as file:
        file.write([b"new"])
    assert not os.path.islink(path)
    assert contents(path) == b"new"
    assert (target.read_bytes() if exists else target.exists()) == (b"old" if exists else False)


def test_folder_of_the_final_name_is_an_error(tmp_path: Path, path: bytes) -> None:
    os.mkdir(path)
    with pytest.raises(ImagineError, match=f"^{re.escape(os.fsdecode(path))}: Is a directory$"):
        write_file(path, b"new")
    assert os.listdir(tmp_path) == ["file"]
    assert os.listdir(path) == []


def test_missing_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file"
    with pytest.raises(ImagineError, match=f"^{re.escape(str(path))}: No such file or directory$"):
        AtomicFile(os.fsencode(path)).__enter__()
    assert os.listdir(tmp_path) == []


def test_path_without_folder_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with AtomicFile(b"file") as file:
        assert len(unfinished(tmp_path)) == 1
        file.write([b"x"])
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("size", [2000, 2_000_000])  # found at the end; found while writing
def test_full_disk_leaves_nothing_and_names_the_file(
    tmp_path: Path, path: bytes, size: int
) -> None:
    words = f"^{re.escape(os.fsdecode(path))}: File too large$"
    with file_size_limit(1000), pytest.raises(ImagineError, match=words):
        write_file(path, b"x" * size)
    assert os.listdir(tmp_path) == []


def test_more_buffers_than_one_call_may_take(path: bytes) -> None:
    # Over IOV_MAX, with empty ones, and one that goes alone for its size.
    buffers = [b"%d," % number * (number % 3) for number in range(5000)]
    buffers.insert(2500, b"x" * 3_000_000)
    with AtomicFile(path) as file:
        file.write(buffers)
        assert file.size == len(b"".join(buffers))
    assert contents(path) == b"".join(buffers)


@pytest.mark.parametrize("size", [2000 * 1024, 1 << 20])
def test_data_that_ends_with_a_full_batch_is_whole(path: bytes, size: int) -> None:
    with AtomicFile(path) as file:
        file.write([b"x" * (size // 1024)] * 1024)
    assert len(contents(path)) == size


@pytest.mark.parametrize("step", [1, 3, 4, 7, 1000])
def test_partial_writes_are_continued(
    path: bytes, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def short_writev(fd: int, buffers: Sequence[bytes]) -> int:
        calls.append(len(buffers))
        return os.write(fd, b"".join(buffers)[:step])

    monkeypatch.setattr(os, "writev", short_writev)
    buffers: list[Buffer] = [
        b"",
        b"abcd",
        b"",
        b"",
        b"e",
        memoryview(b"fghijkl"),
        b"",
        b"mnopq" * 20,
        b"",
    ]
    with AtomicFile(path) as file:
        file.write(buffers)
    assert contents(path) == b"".join(buffers)
    assert len(calls) == -(-112 // step)


def test_large_writes_are_few(path: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    writev = os.writev

    def counted(fd: int, buffers: Sequence[bytes]) -> int:
        calls.append(len(buffers))
        return writev(fd, buffers)

    monkeypatch.setattr(os, "writev", counted)
    with AtomicFile(path) as file:
        file.write(b"x" * 10_000 for _ in range(300))
    assert len(contents(path)) == 3_000_000
    assert len(calls) <= 4


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0, 0o666)])
def test_umask_decides_about_permissions(path: bytes, umask: int, mode: int) -> None:
    previous = os.umask(umask)
    try:
        with AtomicFile(path) as file:
            file.write([b"x"])
    finally:
        os.umask(previous)
    assert stat.S_IMODE(os.stat(path).st_mode) == mode


def descriptors_of(folder: Path) -> list[int]:
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            if os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder)):
                found.append(int(fd))
    return found


def test_descriptor_is_closed_and_not_inherited(tmp_path: Path, path: bytes) -> None:
    with AtomicFile(path):
        (fd,) = descriptors_of(tmp_path)
        assert not os.get_inheritable(fd)
    assert descriptors_of(tmp_path) == []
    with pytest.raises(ValueError, match="stop"):
        write_file(path, b"x", ValueError("stop"))
    assert descriptors_of(tmp_path) == []


def test_temporary_names_are_hidden_and_unique() -> None:
    names = {temporary_name(b"folder") for _ in range(100)}
    assert len(names) == 100
    assert all(os.path.dirname(name) == b"folder" for name in names)
    assert all(os.path.basename(name).startswith(b".imagine-") for name in names)


def test_begun_files_are_removed_together(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for _ in range(3):
        os.close(create_temporary(temporary_name(folder)))
    assert len(unfinished(tmp_path)) == 3
    remove_unfinished()
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("below", ["", "a/b"])
def test_begun_files_are_removed_from_a_folder_that_was_renamed(tmp_path: Path, below: str) -> None:
    folder = tmp_path / "old" / below
    create_folder(os.fsencode(tmp_path / "old"))
    folder.mkdir(parents=True, exist_ok=True)
    os.close(create_temporary(temporary_name(os.fsencode(folder))))
    (tmp_path / "old").rename(tmp_path / "new")
    remove_unfinished()
    assert unfinished(tmp_path / "new" / below) == []
    release_folders()
    assert descriptors_of(tmp_path) == []


def test_only_own_files_are_removed(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "file")
    Path(os.fsdecode(path)).touch()
    remove_temporary(path)
    assert os.path.exists(path)


def test_a_parents_unfinished_files_are_kept(tmp_path: Path) -> None:
    path = temporary_name(os.fsencode(tmp_path))
    os.close(create_temporary(path))
    forget_unfinished()
    remove_unfinished()
    assert os.path.exists(path)


def test_finished_file_is_not_removed(path: bytes) -> None:
    with AtomicFile(path) as file:
        file.write([b"x"])
    remove_unfinished()
    assert contents(path) == b"x"


BEGIN = """
import os, sys
from imagine_common.files.output import AtomicFile
with AtomicFile(os.fsencode(sys.argv[1])) as file:
    print("begun", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def writing_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that has begun a file."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            yield process
        finally:
            process.kill()


def test_files_of_dead_processes_are_cleared(tmp_path: Path) -> None:
    with writing_process(tmp_path / "file") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(unfinished(tmp_path)) == 1
    clear_leftovers(os.fsencode(tmp_path))
    assert os.listdir(tmp_path) == []


def test_files_of_living_processes_stay(tmp_path: Path) -> None:
    own = temporary_name(os.fsencode(tmp_path))
    os.close(create_temporary(own))
    with writing_process(tmp_path / "file") as process:
        assert len(unfinished(tmp_path)) == 2
        clear_leftovers(os.fsencode(tmp_path))
        assert len(unfinished(tmp_path)) == 2
        process.communicate("\n")
    remove_temporary(own)
    assert os.listdir(tmp_path) == ["file"]


def test_files_of_a_process_whose_number_another_has_now_are_cleared(tmp_path: Path) -> None:
    own = temporary_name(os.fsencode(tmp_path))
    number = re.search(rb"-(\d+)-(\d+)-\d+\.tmp$", own)
    assert number is not None
    assert int(number[1]) == os.getpid()
    earlier = int(number[2]) - 1
    stale = own[: number.start(2)] + b"%d" % earlier + own[number.end(2) :]
    Path(os.fsdecode(stale)).touch()
    clear_leftovers(os.fsencode(tmp_path))
    assert os.listdir(tmp_path) == []


def test_files_of_other_hosts_and_other_programs_stay(tmp_path: Path) -> None:
    with writing_process(tmp_path / "file") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (leftover,) = unfinished(tmp_path)
    host = temporary._host().decode()
    assert leftover.startswith(f".imagine-{host}-")
    others = [
        leftover.replace(f"-{host}-", f"-{host}.other-", 1),
        leftover.replace(f"-{host}-", "-other-", 1),
        leftover + ".jpg",
        leftover.removeprefix("."),
        ".imagine-notes.tmp",
        re.sub(r"-\d+-\d+-\d+\.tmp", "-99999999999999999999-1-0.tmp", leftover),
        "image_0.jpg",
    ]
    for name in others:
        (tmp_path / name).touch()
    clear_leftovers(os.fsencode(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_clearing_a_missing_folder_succeeds(tmp_path: Path) -> None:
    clear_leftovers(os.fsencode(tmp_path / "none"))


def test_folder_is_created_with_its_parents(tmp_path: Path) -> None:
    for _ in range(2):
        create_folder(os.fsencode(tmp_path / "a" / "b"))
        assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    ("name", "words"),
    [("file", "file: File exists, and it is not a folder"), ("file/b", "file/b: Not a directory")],
)
def test_uncreatable_folder_is_an_error(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImagineError, match=f"{words}$"):
        create_folder(os.fsencode(tmp_path / name))
