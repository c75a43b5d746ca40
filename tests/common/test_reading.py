from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.files.folders import folder_bytes, is_folder, names_in
from imagine_common.files.reading import RegularFile
from imagine_common.files.storage import exists, is_file

TOO_LONG = "x" * 300  # As the target of a link, it makes stat() fail, though not with ENOENT.


@pytest.fixture
def path(tmp_path: Path) -> bytes:
    (tmp_path / "a").write_bytes(b"data")
    return os.fsencode(tmp_path / "a")


def test_failing_reads_name_the_file(path: bytes) -> None:
    file = RegularFile(path, "a file")
    with file, file.stream() as stream:
        assert stream.read(4) == b"data"
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        os.dup2(folder, file._fd)
        os.close(folder)
        with pytest.raises(ImagineError, match=r"/a: Is a directory$"):
            file.read_at(0, 1)
        with pytest.raises(ImagineError, match=r"/a: Is a directory$"):
            stream.read(1)


@pytest.mark.parametrize("function", ["fstat", "close"])
def test_failing_calls_name_the_file(
    path: bytes, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    original = getattr(os, function)

    def fail(fd: int) -> None:
        if function == "close":
            original(fd)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(ImagineError, match=r"/a: Input/output error$"):
            RegularFile(path, "a file").close()


@pytest.mark.parametrize(
    ("call", "missing"),
    [(exists, True), (is_file, False), (is_folder, False)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_only_a_path_that_is_not_there_is_missing(
    tmp_path: Path, call: Callable[[bytes], bool], missing: bool
) -> None:
    for name, target in (("broken", "none"), ("loop", "loop"), ("long", TOO_LONG)):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "file").touch()
    place = os.fsencode(tmp_path)
    assert not call(place + b"/none")
    assert not call(place + b"/file/below")
    assert call(place + b"/broken") == call(place + b"/loop") == missing
    with pytest.raises(ImagineError, match=r"File name too long$"):
        call(place + (b"/" + TOO_LONG.encode() if missing else b"/long"))


def test_names_of_a_folder_that_cannot_be_listed_are_an_error(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path)
    assert list(names_in(place + b"/none", b"")) == []
    with pytest.raises(ImagineError, match="File name too long"):
        list(names_in(place + b"/" + TOO_LONG.encode(), b""))


def test_size_of_a_file_that_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(TOO_LONG)
    with pytest.raises(ImagineError, match=r"/a: File name too long$"):
        folder_bytes(os.fsencode(tmp_path))
