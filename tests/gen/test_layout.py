"""Labels, and the folders that images go into."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from support import lines, run

SMALL = ("--width", "8", "--height", "8", "--image-format", "png")
WRONG = [
    (["--layout", "tree"], "argument --layout: must be one of flat, imagefolder, dlio, not 'tree'"),
    (["--layout", "imagefolder"], "argument --layout imagefolder: only with --classes"),
    (["--classes", "0"], "argument --classes: must be from 1 to 1000000000, not 0"),
    (["--files-per-dir", "0"], "argument --files-per-dir: must be from 1"),
    (
        ["--layout", "imagefolder", "--classes", "2", "--files-per-dir", "3"],
        "argument --files-per-dir: not with --layout imagefolder",
    ),
    (["--subfolders", "1"], "argument --subfolders: must be from 2"),
    (["--subfolders", "2", "--files-per-dir", "3"], "argument --files-per-dir: not with --sub"),
    (["--layout", "dlio", "--files-per-dir", "3"], "argument --files-per-dir: not with --layout"),
    (["--name", "a", "--name-format", "{index}"], "argument --name: not with --name-format"),
    (["--name-format", "a"], "argument --name-format: a has no {index}"),
    (["--name-format", "a/{index}"], "argument --name-format: a/ has a slash"),
    (["--name-format", "a\n{index}"], "a name with a newline needs -0 (--null)"),
    (["--name-format", "{index}{count}", "--start", "1"], "argument --start: not with {count}"),
    (["--name-format", "{index:0*}", "--start", "1"], "argument --start: not with {count}"),
    (["--extension", "jpg"], "argument --extension: must be png, not 'jpg'"),
    (["--extension", ".png"], "argument --extension: must be png, not"),
    (["--extension", ""], "argument --extension: must be png, not"),
]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_labels_stand_behind_the_paths(tmp_path: Path) -> None:
    made = run("gen", "--path", tmp_path, *SMALL, "--count", "5", "--classes", "3", "--start", "7")
    names = [os.path.basename(line) for line in lines(made.stdout)]
    assert names == [f"image_{number}.png\t{number % 3}" for number in range(7, 12)]


def test_each_class_has_a_folder_in_the_order_of_labels(tmp_path: Path) -> None:
    options = (*SMALL, "--count", "25", "--classes", "12", "--layout", "imagefolder")
    made = run("gen", "--path", tmp_path, *options, "--workers", "2", "--chunksize", "2")
    assert made.returncode == 0, made.stderr
    assert lines(made.stdout)[11:14] == [
        f"{tmp_path}/class_11/image_11.png\t11",
        f"{tmp_path}/class_00/image_12.png\t0",
        f"{tmp_path}/class_01/image_13.png\t1",
    ]
    folders = sorted(os.listdir(tmp_path))
    assert [int(name.removeprefix("class_")) for name in folders] == list(range(12))
    assert len(tree(tmp_path)) == 25


def test_so_many_files_go_into_each_folder(tmp_path: Path) -> None:
    made = run("gen", "--path", tmp_path, *SMALL, "--count", "7", "--files-per-dir", "3")
    assert lines(made.stdout)[2:4] == [
        f"{tmp_path}/000000/image_2.png",
        f"{tmp_path}/000001/image_3.png",
    ]
    assert [len(os.listdir(tmp_path / name)) for name in sorted(os.listdir(tmp_path))] == [3, 3, 1]


def test_files_have_the_names_and_folders_that_dlio_gives_them(tmp_path: Path) -> None:
    dlio = ("--name-format", "img_{index:0*}_of_{count}", "--extension", "jpeg", "--layout", "dlio")
    size = ("--width", "8", "--height", "8", "--count", "10", "--workers", "1")
    options = ["--path", tmp_path, *size, *dlio, "--subfolders", "10"]
    for part in range(3):
        assert run("gen", *options, "--part", f"{part}/3").returncode == 0
    assert tree(tmp_path) == [f"train/{at:02}/img_{at:02}_of_10.jpeg" for at in range(10)]
    assert sorted(os.listdir(tmp_path)) == ["train", "valid"]
    assert os.listdir(tmp_path / "valid") == []
    assert run("gen", *options, "--verify").returncode == 0
    tar = run("gen", "--tar", *options[2:])
    with tarfile.open(fileobj=io.BytesIO(tar.stdout)) as archive:
        assert archive.getnames() == tree(tmp_path)

    # Another count gives other names, and fewer folders leave files in the others.
    fewer = [*options, "--count", "9", "--subfolders", "3"]
    refused = run("gen", *fewer)
    assert refused.returncode == 2
    assert b"has 10 files of another run (train/00/img_00_of_10.jpeg to" in refused.stderr
    assert run("gen", *fewer, "--clean").returncode == 0
    assert tree(tmp_path) == [
        f"train/{at % 3}/img_{at}_of_9.jpeg" for at in (0, 3, 6, 1, 4, 7, 2, 5, 8)
    ]
    assert sorted(os.listdir(tmp_path / "train")) == ["0", "1", "2"]


def test_extensions_are_those_of_the_format_in_any_case(tmp_path: Path) -> None:
    for kind, extension in (("jpeg", "JPE"), ("png", "Png"), ("bmp", "dib"), ("tiff", "tif")):
        options = ("--path", tmp_path / kind, *SMALL[:4], "--image-format", kind)
        named = (*options, "--extension", extension)
        made = run("gen", *named)
        assert lines(made.stdout) == [f"{tmp_path}/{kind}/image_0.{extension}"]
        packed = run("tfrecord", "--dest-path", tmp_path / "r", "-q", input=made.stdout)
        assert packed.returncode == 0, packed.stderr
        assert b"1 there already" in run("gen", *named, "--resume").stderr
    assert lines(run("gen", "--path", tmp_path / "j", "--image-format", "jpeg").stdout) == [
        f"{tmp_path}/j/image_0.jpg"
    ]


def test_from_python_a_part_names_the_whole_count(tmp_path: Path) -> None:
    from imagine_gen import DatasetSpec, UsageError, create_images, generate

    create_images(tmp_path / "a", count=2, width=8, height=8, name_format="{index}-{count}")
    spec = DatasetSpec(tmp_path, count=2, start=8, width=8, height=8, whole_count=10,
                       name_format="{index:0*}", subfolders=3)  # fmt: skip
    assert [image.path for image in generate(spec)] == [
        f"{tmp_path}/2/08.jpg",
        f"{tmp_path}/0/09.jpg",
    ]
    assert tree(tmp_path / "a") == ["0-2.jpg", "1-2.jpg"]
    with pytest.raises(UsageError, match=r"start.*: not with {count}"):
        create_images(tmp_path, count=2, start=1, name_format="{index}-{count}")


@pytest.mark.parametrize(
    "layout",
    [
        ("--classes", "3", "--layout", "imagefolder"),
        ("--files-per-dir", "3"),
        ("--subfolders", "3"),
        ("--layout", "dlio", "--subfolders", "8"),
    ],
    ids=["imagefolder", "files-per-dir", "subfolders", "dlio"],
)
def test_resume_and_verify_know_the_folders(tmp_path: Path, layout: tuple[str, ...]) -> None:
    options = ("--path", tmp_path, *SMALL, "--count", "8", *layout)
    made = run("gen", *options)
    again = run("gen", *options, "--resume")
    assert again.stdout == made.stdout
    assert b"8 there already" in again.stderr
    good = run("gen", *options, "--verify")
    assert (good.returncode, good.stdout) == (0, made.stdout)

    # One of another class, and one beyond the count, are not of the dataset.
    first, second = (line.split("\t")[0] for line in lines(made.stdout)[2:4])
    shutil.copy(first, os.path.join(os.path.dirname(second), os.path.basename(first)))
    shutil.copy(first, os.path.join(os.path.dirname(first), "image_8.png"))
    bad = run("gen", *options, "--verify")
    assert bad.returncode == 1
    assert b"0 missing, 0 different, 2 extra" in bad.stderr


def test_a_dead_processs_files_are_removed(tmp_path: Path) -> None:
    options = ("--path", tmp_path, *SMALL, "--count", "4", "--files-per-dir", "2")
    run("gen", *options)
    from imagine_common.files.temporary import temporary_name

    name = Path(os.fsdecode(temporary_name(os.fsencode(tmp_path / "000001"))))
    left = name.with_name(name.name.replace(f"-{os.getpid()}-", "-999999999-"))
    left.write_bytes(b"half")
    run("gen", *options)
    assert not left.exists()
    left.write_bytes(b"half")
    few = ("--path", tmp_path, *SMALL, "--count", "2", "--files-per-dir", "2")
    run("gen", *few, "--part", "0/2")  # which does not visit all folders
    assert left.exists()
    assert run("gen", *few, "--clean").returncode == 0
    assert not left.exists()


def test_a_folder_removed_between_runs_of_one_process_is_made_again(tmp_path: Path) -> None:
    from imagine_gen import create_images

    for _ in range(2):
        create_images(tmp_path / "d", "i", 8, 8, 2, "png", classes=2, layout="imagefolder")
        assert tree(tmp_path / "d") == ["class_0/i0.png", "class_1/i1.png"]
        shutil.rmtree(tmp_path / "d")


def test_a_file_in_a_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "000000").write_bytes(b"mine")
    result = run("gen", "--path", tmp_path, *SMALL, "--files-per-dir", "2")
    assert result.returncode == 1
    assert b"000000: File exists, and it is not a folder" in result.stderr
    assert (tmp_path / "000000").read_bytes() == b"mine"


def test_size_counts_all_folders(tmp_path: Path) -> None:
    options = ("--path", tmp_path, *SMALL, "--count", "4", "--files-per-dir", "2", "--size")
    result = run("gen", *options)
    total = sum(path.stat().st_size for path in tmp_path.rglob("*.png"))
    assert f"size, in bytes: {total}\n".encode() in result.stderr


@pytest.mark.parametrize(("args", "words"), WRONG)
def test_invalid_layouts_are_wrong_usage(tmp_path: Path, args: list[str], words: str) -> None:
    result = run("gen", "--path", tmp_path / "new", *SMALL, *args)
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert not (tmp_path / "new").exists()
