"""What both packers do alike about labels: an offset, and folders as classes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from labeled import images_of, make, packed
from support import JPEG, RECORD_SUFFIX, lines, run


@pytest.mark.parametrize(
    ("offset", "labels"),
    [("0", [[0], [3], [1, 5]]), ("1", [[1], [4], [2, 6]]), ("20", [[20], [23], [21, 25]])],
)
def test_the_offset_is_added_to_every_label(
    tool: str, tmp_path: Path, offset: str, labels: list[list[float]]
) -> None:
    make(tmp_path, ["0", "1", "2"])
    source = f"{tmp_path}/0\n{tmp_path}/1\t3\n{tmp_path}/2\t1,5\n".encode()
    result = run(tool, "--dest-path", tmp_path / "out", "--label-offset", offset, input=source)
    assert result.returncode == 0, result.stderr
    found = images_of(tool, lines(result.stdout)[0])
    assert found == list(enumerate(labels))


def test_a_negative_offset_is_taken_from_labels(tool: str, tmp_path: Path) -> None:
    make(tmp_path, ["0"])
    args = ["--dest-path", tmp_path / "out", "--label-offset", "-2"]
    result = run(tool, *args, input=f"{tmp_path}/0\t3\n".encode())
    assert images_of(tool, lines(result.stdout)[0]) == [(0, [1])]


@pytest.mark.parametrize(
    ("column", "offset", "words"),
    [
        ("\t1", "-2", "label 1 with the offset -2 is negative"),
        ("", "-1", "label 0 with the offset -1 is negative"),
        ("\t7", str(2**63 - 1), f"label 7 with the offset {2**63 - 1} is over {2**63 - 1}"),
    ],
)
def test_labels_that_the_offset_spoils_are_refused(
    tool: str, tmp_path: Path, column: str, offset: str, words: str
) -> None:
    make(tmp_path, ["0"])
    args = ["--dest-path", tmp_path / "out", "--label-offset", offset]
    result = run(tool, *args, input=f"{tmp_path}/0{column}\n".encode())
    assert result.returncode == 1
    assert f"{tmp_path}/0: {words} (line 1 of the manifest)" in result.stderr.decode()
    skipped = run(tool, *args, "--skip-invalid", input=f"{tmp_path}/0{column}\n".encode())
    assert b"all images were skipped" in skipped.stderr


@pytest.mark.parametrize("offset", [str(2**63), str(-(2**63)), "9" * 400])
def test_an_offset_that_no_label_can_have_is_wrong_usage(
    tool: str, tmp_path: Path, offset: str
) -> None:
    result = run(tool, "--label-offset", offset, cwd=tmp_path)
    assert result.returncode == 2
    assert b"argument --label-offset: must be a whole number up to 9223372036854775807" in (
        result.stderr
    )


def test_labels_count_with_their_offset_when_resuming(tool: str, tmp_path: Path) -> None:
    make(tmp_path, ["0"])
    args = ["--dest-path", tmp_path / "out", "--resume"]
    one, two = f"{tmp_path}/0\t1\n".encode(), f"{tmp_path}/0\t2\n".encode()
    assert run(tool, *args, input=two).returncode == 0
    assert b"(1 there already)" in run(tool, *args, "--label-offset", "1", input=one).stderr
    assert b"can't be resumed" in run(tool, *args, "--label-offset", "2", input=one).stderr


@pytest.mark.parametrize("options", [["--labels-from-dirs"], ["--recursive", "--labels-from-dirs"]])
def test_folders_are_classes_in_the_order_of_their_names(
    tool: str, tmp_path: Path, options: list[str]
) -> None:
    """As torchvision's ImageFolder: plain order, and nested files too."""
    folder = tmp_path / "train"
    make(folder, ["n10/b_10.JPEG", "n10/b_2.JPEG", "n9/x/y.JPEG", "N1/a.JPEG", "n10/.hidden.JPEG"])
    (folder / ".git").mkdir()
    found = packed(tool, tmp_path, "--source-path", folder, *options)
    # N1, n10, n9
    assert found == [(3, [0]), (1, [1]), (0, [1]), (2, [2])]


def test_unlabeled_files_are_ignored_and_counted(tool: str, tmp_path: Path) -> None:
    folder = tmp_path / "train"
    make(folder, ["a/0.jpg", "1.jpg", "2.jpg"])
    args = ["--source-path", folder, "--labels-from-dirs", "--dest-path", tmp_path / "out"]
    result = run(tool, *args)
    assert images_of(tool, lines(result.stdout)[0]) == [(0, [0])]
    warning = f"warning: {folder}: ignored 2 unlabeled files ({folder}/1.jpg …)"
    assert warning in result.stderr.decode()


def test_a_folder_without_folders_has_no_labels_to_give(tool: str, tmp_path: Path) -> None:
    make(tmp_path / "train", ["0.jpg"])
    result = run(tool, "--source-path", tmp_path / "train", "--labels-from-dirs", cwd=tmp_path)
    assert result.returncode == 1
    assert b"no folders to take labels from" in result.stderr


def test_folders_below_are_packed_where_their_names_stand(tool: str, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    make(folder, ["10.jpg", "2.jpg", "3/b.jpg", "3/a/z.jpg", "20/x.jpg", ".h/x.jpg", "3/.x.jpg"])
    found = packed(tool, tmp_path, "--source-path", folder, "--recursive")
    assert found == [(1, [0]), (3, [0]), (2, [0]), (0, [0]), (4, [0])]


def test_below_is_not_packed_unless_asked_for(tool: str, tmp_path: Path) -> None:
    make(tmp_path / "source", ["0.jpg", "1/b.jpg"])
    assert packed(tool, tmp_path, "--source-path", tmp_path / "source") == [(0, [0])]


@pytest.mark.parametrize("option", ["--recursive", "--labels-from-dirs"])
def test_links_in_a_circle_end(tool: str, tmp_path: Path, option: str) -> None:
    folder = tmp_path / "source"
    make(folder, ["a/0.jpg", "a/b/1.jpg"])
    (folder / "a" / "b" / "up").symlink_to("..")
    (folder / "a" / "top").symlink_to(folder)
    (folder / "c").symlink_to("c")
    args = ["--source-path", folder, option, "--dest-path", tmp_path / "out"]
    result = run(tool, *args)
    assert images_of(tool, lines(result.stdout)[0]) == [(0, [0]), (1, [0])]
    assert f"ignored 2 symlink loops ({folder}/a/b/up …)" in (result.stderr.decode())


def test_a_link_to_another_folder_is_followed(tool: str, tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", ["0.jpg"])
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "class").symlink_to(tmp_path / "elsewhere")
    args = ["--source-path", tmp_path / "source", "--labels-from-dirs"]
    assert packed(tool, tmp_path, *args) == [(0, [0])]


@pytest.mark.process
def test_a_tree_of_a_thousand_levels_is_read(tool: str, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    try:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(1000):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        fd = os.open("0.jpg", os.O_WRONLY | os.O_CREAT, dir_fd=here)
        os.write(fd, JPEG + b"#0#")
        os.close(fd)
        os.close(here)
        assert packed(tool, tmp_path, "--source-path", folder, "--recursive") == [(0, [0])]
    finally:  # pytest itself can't remove it.
        subprocess.run(["rm", "-rf", folder], check=True)


@pytest.mark.parametrize(
    "option", ["--recursive", "--labels-from-dirs", "--exclude=x", "--skip-empty-classes"]
)
def test_options_about_folders_need_one(tool: str, tmp_path: Path, option: str) -> None:
    result = run(tool, option, cwd=tmp_path)
    assert result.returncode == 2
    name = option.partition("=")[0]
    assert f"argument {name}: only with --source-path" in result.stderr.decode()


def test_the_python_functions_take_labels_too(tool: str, tmp_path: Path) -> None:
    if tool == "tfrecord":
        from imagine_tfrecord import create_tfrecords as create
    else:
        from imagine_recordio import create_recordio as create  # type: ignore[assignment]

    make(tmp_path / "source", ["a/0.jpg", "b/1.jpg"])
    create(tmp_path / "source", tmp_path / "out", "r", 9, labels_from_dirs=True, label_offset=1)
    path = tmp_path / "out" / f"r0{RECORD_SUFFIX[tool]}"
    assert images_of(tool, path) == [(0, [1]), (1, [2])]
