from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import NEWLINE, NUL, parse_line
from imagine_common.packers.sources.base import LineSource
from imagine_common.packers.sources.folder import FolderSource
from imagine_common.packers.sources.manifest import ManifestSource
from support import JPEG, PNG


def all_lines(source: LineSource) -> list[bytes]:
    return [line for batch in source.lines() if batch is not None for line in batch]


def folder_of(folder: Path, files: dict[str, bytes]) -> FolderSource:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return FolderSource(os.fsencode(folder))


def names(source: FolderSource) -> list[str]:
    """Return the names that a folder's lines, read as a manifest's, lead to."""
    paths = [parse_line(line).path for line in all_lines(source)]
    assert all(os.path.dirname(path) == source.path for path in paths)
    return [os.fsdecode(os.path.basename(path)) for path in paths]


def piped(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


@pytest.mark.parametrize(
    ("delimiter", "data"), [(NEWLINE, b"a\nb\t1\n\nc\n"), (NUL, b"a\0b\t1\0\0c\0")]
)
def test_manifest_gives_its_lines(delimiter: bytes, data: bytes) -> None:
    fd = piped(data)
    source = ManifestSource(delimiter, fd)
    assert source.line_format.locate(6) == " (line 7 of the manifest)"
    assert source.line_format.delimiter == delimiter
    assert all_lines(source) == [b"a", b"b\t1", b"", b"c"]
    os.close(fd)


def test_empty_manifest_is_an_error() -> None:
    fd = piped(b"")
    with pytest.raises(ImagineError, match="the manifest is empty"):
        all_lines(ManifestSource(fd=fd))
    os.close(fd)


def test_manifest_that_is_silent_for_a_while_is_not_empty() -> None:
    reading, writing = os.pipe()
    batches = ManifestSource(fd=reading).lines()
    assert next(batches) is None
    os.write(writing, b"a\n")
    assert next(batches) == [b"a"]
    assert next(batches) is None
    os.close(writing)
    assert list(batches) == []
    os.close(reading)


def test_manifest_that_stays_silent_to_its_end_is_empty() -> None:
    reading, writing = os.pipe()
    batches = ManifestSource(fd=reading).lines()
    assert next(batches) is None
    os.close(writing)
    with pytest.raises(ImagineError, match="the manifest is empty"):
        next(batches)
    os.close(reading)


def test_folder_gives_images_in_natural_order(tmp_path: Path) -> None:
    source = folder_of(tmp_path, {f"image_{n}.jpg": JPEG for n in (10, 9, 100, 0, 2, 1)})
    assert names(source) == [f"image_{n}.jpg" for n in (0, 1, 2, 9, 10, 100)]
    assert source.line_format.locate(6) == ""
    assert source.non_images.count == 0


def test_folder_of_several_batches_gives_all(tmp_path: Path) -> None:
    # A batch is a matter of 256 files; the first ones have no image here.
    files = {f"{n}": b"no image" if n < 300 else PNG for n in range(600)}
    source = folder_of(tmp_path, files)
    assert names(source) == [f"{n}" for n in range(300, 600)]
    assert source.non_images.count == 300
    assert os.path.basename(source.non_images.first) == b"0"


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.jpg").write_bytes(JPEG)
    os.symlink("below", tmp_path / "link")
    source = folder_of(tmp_path, {".hidden.jpg": JPEG, "a.jpg": JPEG})
    assert names(source) == ["a.jpg"]
    assert source.non_images.count == 0


def test_non_image_files_are_ignored_and_counted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.symlink("nowhere", tmp_path / "dangling")
    source = folder_of(tmp_path, {"a.jpg": JPEG, "b.txt": b"", "c": b"text", "d": PNG})
    assert names(source) == ["a.jpg", "d"]
    assert source.non_images.count == 4
    assert source.non_images.first == os.fsencode(tmp_path / "b.txt")


def test_symlink_to_itself_is_ignored(tmp_path: Path) -> None:
    os.symlink("loop", tmp_path / "loop")
    source = folder_of(tmp_path, {"a.jpg": JPEG})
    assert names(source) == ["a.jpg"]
    assert source.non_images.count == 1


def test_symlink_to_an_image_is_an_image(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_bytes(JPEG)
    os.symlink(".hidden", tmp_path / "a.jpg")
    assert names(FolderSource(os.fsencode(tmp_path))) == ["a.jpg"]


@pytest.mark.parametrize("name", ["a\t5", "a\nb.jpg", "\udcff.jpg", "a\r", " ", "\ufeffa"])
def test_any_name_reads_back(tmp_path: Path, name: str) -> None:
    source = folder_of(tmp_path, {name: JPEG})
    assert names(source) == [name]
    assert source.line_format.delimiter == NUL


@pytest.mark.parametrize("files", [{}, {"a": b"text"}, {".a.jpg": JPEG}])
def test_folder_without_images_is_an_error(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ImagineError, match="no images in this folder"):
        all_lines(folder_of(tmp_path, files))


@pytest.mark.parametrize(
    ("name", "words"), [("none", "No such file or directory"), ("file", "Not a directory")]
)
def test_missing_folder_is_an_error(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImagineError, match=f"/{name}: {words}$"):
        all_lines(FolderSource(os.fsencode(tmp_path / name)))


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.b.png", "a.webp", "a.jxl", "a.pgm"])
def test_name_with_an_extension_of_images_promises_one(tmp_path: Path, name: str) -> None:
    """Only the packer opens the file, and refuses or skips and counts it if it is no image."""
    source = folder_of(tmp_path, {name: b"", "b": JPEG})
    (tmp_path / "c.jpg").symlink_to("nowhere")
    assert names(source) == [name, "b", "c.jpg"]
    assert source.non_images.count == 0


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("function", ["stat", "open", "fstat", "pread"])
def test_file_that_cannot_be_looked_at_is_left_to_the_packer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: int
) -> None:
    source = folder_of(tmp_path, {"a": JPEG})
    original = getattr(os, function)

    def fail(file: object, *args: object, **kwargs: object) -> object:
        if file == os.fsencode(tmp_path / "a") or function in ("fstat", "pread"):
            raise OSError(error, os.strerror(error))
        return original(file, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        found = all_lines(source)
    assert found == [os.fsencode(tmp_path / "a")]


def test_patterns_leave_out_names_and_paths(tmp_path: Path) -> None:
    for name in ("a/b/0", "a/c/1", "a/c/2.txt", "b/3", "4", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)

    def left(*patterns: bytes) -> str:
        source = FolderSource(os.fsencode(tmp_path), recursive=True, exclude=patterns)
        paths = [parse_line(line).path for line in all_lines(source)]
        return " ".join(os.fsdecode(os.path.relpath(path, source.path)) for path in paths)

    assert left(b"b") == "4 a/c/1 a/c/2.txt c"
    assert left(b"b/") == left(b"[b]") == left(b"b")
    assert left(b"a/b", b"*.txt") == "4 a/c/1 b/3 c"
    assert left(b"c") == "4 a/b/0 b/3"


def test_unreadable_folder_is_an_error_and_can_be_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("n01", "lost+found"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.jpg").write_bytes(JPEG)
    folder, scandir = os.fsencode(tmp_path), os.scandir

    def refuse(path: bytes) -> object:
        if path.endswith(b"lost+found"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for labels in (False, True):
        with pytest.raises(ImagineError, match=r"/lost\+found: Permission denied; --exclude"):
            all_lines(FolderSource(folder, True, labels, skip_empty_classes=labels))
        source = FolderSource(folder, True, labels, exclude=[b"lost+found"])
        assert len(all_lines(source)) == 1
