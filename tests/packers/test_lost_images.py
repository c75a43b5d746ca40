"""No image is lost in silence: what promises one is packed, or named and counted."""

from __future__ import annotations

from pathlib import Path
from warnings import catch_warnings, simplefilter

import pytest

import imagine
from labeled import images_of, make, packed
from support import JPEG, PNG, RECORD_SUFFIX, lines, manifest, run, run_process, write_images
from tars import archive

TOO_LONG = "x" * 300  # As the target of a link, it makes stat() fail, though not with ENOENT.


def stderr_of(tool: str, *args: object, code: int = 0, **kwargs: object) -> str:
    result = run(tool, *args, **kwargs)
    assert result.returncode == code, result.stderr
    return result.stderr.decode()


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    folder = tmp_path / "c"
    make(folder, ["n01/0.jpg", "n02/a/1.jpg"])
    for name in ("lost+found", "__MACOSX", "@eaDir"):
        (folder / name).mkdir()
    (folder / "@eaDir" / "Thumbs.db").write_bytes(b"no image")
    return folder


def test_class_folders_without_images_are_an_error(
    tool: str, tmp_path: Path, classes: Path
) -> None:
    args = ["-q", "--source-path", classes, "--labels-from-dirs", "--dest-path", tmp_path / "out"]
    assert stderr_of(tool, *args, code=1) == (
        f"imagine-{tool}: error: {classes}: class folders without images: @eaDir, __MACOSX,"
        " lost+found; leave them out with --exclude PATTERN or --skip-empty-classes\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "remedy",
    [["--skip-empty-classes"], ["--exclude", "[@_]*", "--exclude", "lost+found/"]],
    ids=lambda remedy: remedy[0],
)
def test_labels_are_those_of_the_folders_with_images(
    tool: str, tmp_path: Path, classes: Path, remedy: list[str]
) -> None:
    args = ["--source-path", classes, "--labels-from-dirs", *remedy]
    assert packed(tool, tmp_path, *args) == [(0, [0]), (1, [1])]


def test_many_class_folders_without_images_are_counted(tool: str, tmp_path: Path) -> None:
    for n in range(25):
        (tmp_path / "c" / f"n{n:02}").mkdir(parents=True)
    text = stderr_of(tool, "--source-path", tmp_path / "c", "--labels-from-dirs", code=1)
    assert "n08, n09 and 15 more; leave" in text


def test_a_class_folder_that_cannot_be_looked_at_is_an_error(
    tool: str, tmp_path: Path, classes: Path
) -> None:
    (classes / "n00").symlink_to(TOO_LONG)
    args = ["--source-path", classes, "--labels-from-dirs", "--skip-empty-classes"]
    text = stderr_of(tool, *args, "--skip-invalid", "--dest-path", tmp_path / "out", code=1)
    assert f"{classes}/n00: File name too long" in text
    assert len(packed(tool, tmp_path, *args, "--exclude", "n00")) == 2


@pytest.mark.parametrize("place", [".", "a_records", "a/records"])
def test_own_output_is_never_input(tool: str, tmp_path: Path, classes: Path, place: str) -> None:
    make(classes, ["n01/0.jpg", "n02/1.jpg"])
    args = ["--source-path", classes, "--dest-path", classes / place, "--labels-from-dirs"]
    args += ["--skip-empty-classes"] if place != "a/records" else ["--exclude", "[_@l]*"]
    index = ["--index"] if tool == "tfrecord" else ["--merged-index"]
    outputs = set()
    for more in ([], index, []):
        result = run(tool, *args, *more)
        assert result.returncode == 0
        assert b"unlabeled" not in result.stderr
        outputs.add(str(images_of(tool, lines(result.stdout)[0])))
    assert len(outputs) == 1


def test_own_output_is_not_counted_as_ignored(tool: str, tmp_path: Path) -> None:
    make(tmp_path, ["0.jpg", "1.jpg"])
    for _ in range(2):
        text = stderr_of(tool, "--source-path", ".", "--recursive", cwd=tmp_path)
        assert text.count("\n") == 1


@pytest.fixture
def promises(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    make(folder, ["0.jpg", "1.jpg", "2.jpg", "3.jpg"])
    (folder / "1.jpg").write_bytes(b"")
    (folder / "2.jpg").write_bytes(b"<html>")
    (folder / "4.JPEG").symlink_to("nowhere")
    (folder / "Thumbs.db").write_bytes(b"no image")
    return folder


def test_a_name_with_an_images_extension_keeps_its_promise(
    tool: str, tmp_path: Path, promises: Path
) -> None:
    text = stderr_of(tool, "-q", "--source-path", promises, code=1, cwd=tmp_path)
    assert text == f"imagine-{tool}: error: {promises}/1.jpg: the file is empty\n"


def test_lost_images_are_named_and_counted_also_if_quiet(
    tool: str, tmp_path: Path, promises: Path
) -> None:
    args = ["--source-path", promises, "--skip-invalid", "--dest-path", tmp_path / "out"]
    expected = [
        f"{promises}/1.jpg: the file is empty; skipped",
        f"{promises}/2.jpg: not an image (first bytes: 3c 68 74 6d 6c 3e); skipped",
        f"{promises}/4.JPEG: No such file or directory; skipped",
        f"{promises}: ignored 1 non-image file ({promises}/Thumbs.db)",
    ]
    quiet = stderr_of(tool, "-q", *args).splitlines()
    assert quiet == [f"imagine-{tool}: warning: {line}" for line in expected]
    *warnings, summary = stderr_of(tool, *args).splitlines()
    assert warnings == quiet
    assert summary.endswith(", 3 images skipped")
    plan = stderr_of(tool, *args, "--dry-run")
    assert "2 images" in plan
    assert plan.splitlines()[4].endswith("bytes), 3 images skipped")


def test_the_python_functions_return_what_was_lost(
    tool: str, tmp_path: Path, promises: Path
) -> None:
    if tool == "tfrecord":
        from imagine_tfrecord import create_tfrecords as create
    else:
        from imagine_recordio import create_recordio as create  # type: ignore[assignment]

    summary = create(promises, tmp_path / "out", "r", 9, skip_invalid=True, exclude=["*.JPEG"])
    assert summary.records == 2
    assert [text.split(": ")[1] for text in summary.skipped] == [
        "the file is empty",
        "not an image (first bytes",
    ]
    assert summary.warnings == (f"{promises}: ignored 1 non-image file ({promises}/Thumbs.db)",)


@pytest.mark.parametrize("option", [[], ["--skip-invalid"]], ids=["stops", "skips"])
@pytest.mark.parametrize("name", ["image_1b.jpg", "no_extension"])
def test_a_file_that_cannot_be_looked_at_is_no_missing_file(
    tool: str, tmp_path: Path, name: str, option: list[str]
) -> None:
    make(tmp_path / "source", ["image_0.jpg"])
    (tmp_path / "source" / name).symlink_to(TOO_LONG)
    args = ["-q", "--source-path", tmp_path / "source", "--dest-path", tmp_path / "out", *option]
    text = stderr_of(tool, *args, code=0 if option else 1)
    assert f"{tmp_path}/source/{name}: File name too long" in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["class_0/0.jpg", "class_1/0.jpg"], "; found class_0/…; add --recursive or --labels"),
        (["a/b/0.jpg", "A/x"], "; found A/…; add --recursive or --labels-from-dirs\n"),
    ],
)
def test_a_tree_of_images_comes_with_the_option_for_it(
    tool: str, tmp_path: Path, names: list[str], words: str
) -> None:
    make(tmp_path / "tree", names)
    (tmp_path / "tree" / "empty").mkdir()
    text = stderr_of(tool, "--source-path", tmp_path / "tree", code=1, cwd=tmp_path)
    assert f"{tmp_path}/tree: no images in this folder{words}" in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("http://h/a.jpg", "http://h: a web server is not an object store"),
        ("s3:///x", "s3:///x: the URL has no bucket, as in s3://BUCKET/PREFIX"),
        ("file://x/a.jpg", "file://x/a.jpg: a file:// URL has three slashes and an absolute path"),
    ],
)
def test_an_invalid_url_in_a_manifest_is_an_invalid_image(
    tool: str, tmp_path: Path, line: str, words: str
) -> None:
    make(tmp_path, ["0.jpg", "1.jpg"])
    data = manifest([f"{tmp_path}/0.jpg", line, f"{tmp_path}/1.jpg"])
    args = ["-q", "--dest-path", tmp_path / "out", "--img-per-file", "1"]
    text = stderr_of(tool, *args, input=data, code=1)
    assert text == f"imagine-{tool}: error: {words} (line 2 of the manifest)\n"
    text = stderr_of(tool, *args, "--skip-invalid", input=data)
    assert text == f"imagine-{tool}: warning: {words} (line 2 of the manifest); skipped\n"


@pytest.mark.process
@pytest.mark.parametrize(("size", "code"), [("2", 2), ("1", 1)], ids=["first", "later"])
def test_a_store_without_its_package_is_wrong_usage_if_nothing_is_written(
    tool: str, tmp_path: Path, size: str, code: int
) -> None:
    """It ends the run also with --skip-invalid, which would lose all of the store's images."""
    make(tmp_path, ["0.jpg"])
    data = manifest([f"{tmp_path}/0.jpg", "oss2://bucket/a.jpg"])
    args = ["-q", "--skip-invalid", "--img-per-file", size]
    result = run_process(tool, *args, input=data, cwd=tmp_path)
    assert result.returncode == code
    assert result.stderr.startswith(f"imagine-{tool}: error: oss2:// URLs ".encode())
    assert b"(line 2 of the manifest)" in result.stderr


def test_a_bad_url_among_files_to_test_is_a_bad_file(tool: str, tmp_path: Path) -> None:
    make(tmp_path, ["0.jpg"])
    (path,) = lines(run(tool, "--source-path", tmp_path, "--dest-path", tmp_path / "r").stdout)
    result = run(tool, "--test", input=manifest([path, "s3:///x"]))
    assert (result.returncode, lines(result.stdout)) == (1, [path])
    assert b"error: s3:///x: the URL has no bucket" in result.stderr
    assert b"1 of 2 files is bad" in result.stderr


@pytest.mark.parametrize("form", ["create-tfrecords", "create-recordio"])
def test_the_command_that_replaces_another_only_warns(
    tmp_path: Path, classes: Path, promises: Path, form: str
) -> None:
    tool = "tfrecord" if form == "create-tfrecords" else "recordio"
    result = run("imagine", form, promises, tmp_path / "out", "r_")
    assert result.returncode == 0
    assert b"1.jpg: the file is empty; skipped" in result.stderr
    result = run("imagine", form, classes, tmp_path / "out", "s_", "--labels-from-dirs")
    assert images_of(tool, lines(result.stdout)[0]) == [(0, [3]), (1, [4])]
    words = "class folders without images: @eaDir, __MACOSX, lost+found, which have labels"
    assert words in result.stderr.decode()


@pytest.mark.parametrize("image", [JPEG, PNG], ids=["JPEG", "PNG"])
@pytest.mark.parametrize("source", ["folder", "manifest", "tar"])
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_an_image_that_is_cut_off_is_lost(
    tool: str, tmp_path: Path, image: bytes, source: str, more: list[str]
) -> None:
    """Bytes after the end, which cameras add, do no harm."""
    data = [JPEG, image + b"\0\0", image[:-20], image[:-20] + bytes(20)]
    paths = write_images(tmp_path / "source", data)
    inputs: dict[str, tuple[list[object], bytes]] = {
        "folder": (["--source-path", tmp_path / "source"], b""),
        "manifest": ([], manifest(paths)),
        "tar": (["--tar"], archive((path.name, path.read_bytes()) for path in paths)),
    }
    args, stdin = inputs[source]
    args = [*args, "--dest-path", tmp_path / "out", *more]
    text = stderr_of(tool, *args, code=1, input=stdin)
    assert "2.jpg: the image is cut off: it has no end" in text
    text = stderr_of(tool, *args, "--skip-invalid", input=stdin)
    assert "2.jpg: the image is cut off: it has no end" in text
    assert "3.jpg: the image is cut off: it has no end" in text
    assert ", 2 images skipped" in text


def test_the_functions_that_replace_others_only_warn(
    tool: str, tmp_path: Path, classes: Path, promises: Path
) -> None:
    create = getattr(imagine, "create_tfrecords" if tool == "tfrecord" else "create_recordio")
    with catch_warnings(record=True) as warnings:
        simplefilter("always")
        assert create(promises, tmp_path / "out", "r", 9).records == 2
        create(classes, tmp_path / "out", "s", 9, labels_from_dirs=True)
    found = [str(warning.message) for warning in warnings]
    assert found[0] == f"{promises}/1.jpg: the file is empty; skipped"
    assert found[3] == f"{promises}: ignored 1 non-image file ({promises}/Thumbs.db)"
    assert "class folders without images: @eaDir, __MACOSX" in found[-1]
    path = tmp_path / "out" / f"s0{RECORD_SUFFIX[tool]}"
    assert images_of(tool, path) == [(0, [3]), (1, [4])]
