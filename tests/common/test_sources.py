from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import NEWLINE, NUL, parse_line
from imagine_common.packers.sources import folder as folder_source
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
    source = folder_of(tmp_path, {"a.jpg": JPEG, "b.jpg": b"", "c.jpg": b"text", "d": PNG})
    assert names(source) == ["a.jpg", "d"]
    assert source.non_images.count == 4
    assert source.non_images.first == os.fsencode(tmp_path / "b.jpg")


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


@pytest.mark.parametrize("files", [{}, {"a.jpg": b"text"}, {".a.jpg": JPEG}])
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


@pytest.mark.parametrize("skip_invalid", [True, False])
def test_unreadable_file_is_an_error_unless_the_packer_skips_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip_invalid: bool
) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)

    def refuse(path: bytes) -> bytes:
        raise ImagineError("a.jpg: Permission denied")

    monkeypatch.setattr(folder_source, "read_head", refuse)
    source = FolderSource(os.fsencode(tmp_path), skip_invalid)
    if skip_invalid:
        assert [line for lines in source.lines() for line in lines or ()] == [
            os.fsencode(tmp_path / "a.jpg")
        ]
    else:
        with pytest.raises(ImagineError, match="Permission denied"):
            list(source.lines())


@pytest.mark.parametrize(
    ("function", "error"),
    [("is_file", ImagineError("store")), ("read_head", UsageError("package"))],
)
def test_skip_invalid_skips_no_other_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: ImagineError
) -> None:
    def refuse(_path: bytes) -> None:
        raise error

    (tmp_path / "a.png").write_bytes(PNG)
    monkeypatch.setattr(folder_source, function, refuse)
    with pytest.raises(type(error), match=str(error)):
        all_lines(FolderSource(os.fsencode(tmp_path), skip_invalid=True))
