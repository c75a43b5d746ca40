"""Size lists: the files that `--size-list` reads, and those that come with the tool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from imagine_common.errors import ImagineError, UsageError
from imagine_gen.dataset.dimensions import SizeList, load_size_list, size_list_names
from support import lines, run


def write(folder: Path, data: bytes) -> str:
    path = folder / "list"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"500 375", SizeList(((500, 375),), (1,))),
        (b"500 375 7\n375 500\n", SizeList(((500, 375), (375, 500)), (7, 1))),
        (b"# sizes\n\n \t\n  1\t2  3  # a comment\r\n", SizeList(((1, 2),), (3,))),
        (b"\xef\xbb\xbf1 2\n1 2 5\n", SizeList(((1, 2), (1, 2)), (1, 5))),
        (b"#\xff\n9999999999 1 9999999999", SizeList(((9999999999, 1),), (9999999999,))),
    ],
)
def test_lines_are_widths_heights_and_weights(
    tmp_path: Path, data: bytes, expected: SizeList
) -> None:
    assert load_size_list(write(tmp_path, data)) == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", r"list: no line with a width and a height$"),
        (b"# nothing\n\n", r"list: no line"),
        (b"5 5\n500\n", r"list: line 2: expected WIDTH HEIGHT \[WEIGHT\], .* not '500'$"),
        (b"5 5\n\n1 2 3 4\n", r"line 3: expected .* not '1 2 3 4'$"),
        (b"500x375", r"line 1: expected .* not '500x375'$"),
        (b"0 5", r"line 1: expected .* from 1 on, not '0 5'$"),
        (b"5 0", r"line 1"),
        (b"5 5 0", r"line 1"),
        (b"-5 5", r"line 1"),
        (b"5 5 0.5", r"line 1: .* not '5 5 0\.5'$"),
        (b"5 5 1e3", r"line 1"),
        (b"12345678901 5", r"line 1"),
        ("٥ 5".encode(), r"line 1"),
        (b"\xff\xfe5 \0\x1b[31m5", r"line 1: .* not '\\xff\\xfe5 \\x00\\x1b\[31m5'$"),
        (b"5 5\n" + b"x" * 9999, rf"line 2: .* not '{'x' * 40}'$"),
        (b"\x89PNG\r\n\x1a\n", r"line 1"),
        (b"5 5\n" * 2**20 + b"5", r"list: more than 4194304 bytes"),
    ],
)
def test_an_invalid_list_is_refused_with_file_and_line(
    tmp_path: Path, data: bytes, words: str
) -> None:
    with pytest.raises(UsageError, match=f"^argument --size-list: .*{words}"):
        load_size_list(write(tmp_path, data))


def test_a_missing_list_names_those_that_come_with_the_tool(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none: no such file; lists that come .*: imagenet"):
        load_size_list(str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"argument --size-list: .*null"):
        load_size_list("a\0b")


def test_a_list_may_be_named_by_a_url(tmp_path: Path) -> None:
    source = write(tmp_path, b"40 30\n")
    assert load_size_list(f"file://{source}") == load_size_list(source)


def test_a_list_in_a_store_is_refused() -> None:
    with pytest.raises(UsageError, match=r"argument --size-list: not with an object store, s3://b"):
        load_size_list("s3://b/x")


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImagineError, match=r"expected a list of sizes, found a directory"):
        load_size_list(str(tmp_path))


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with (
        open("/dev/zero", "rb") as file,
        pytest.raises(UsageError, match=r"^argument --size-list: .* more than 4194304 bytes"),
    ):
        load_size_list(f"/dev/fd/{file.fileno()}")


def test_a_fifo_is_refused_and_a_pipe_of_the_shell_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ImagineError, match=r"fifo: expected a list of sizes, found a FIFO"):
        load_size_list(str(tmp_path / "fifo"))
    reader, writer = os.pipe()
    os.write(writer, b"3 4 5\n")
    os.close(writer)
    assert load_size_list(f"/dev/fd/{reader}") == SizeList(((3, 4),), (5,))
    os.close(reader)


def test_a_file_with_a_shipped_name_needs_a_folder_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imagenet").write_text("1 1")
    assert len(load_size_list("imagenet").sizes) > 1
    assert load_size_list("./imagenet").sizes == ((1, 1),)


@pytest.mark.parametrize("name", size_list_names())
def test_shipped_lists_name_their_source_and_fit_pools_as_they_are(name: str) -> None:
    import imagine_gen

    folder = Path(imagine_gen.__file__).parent / "dataset" / "size_lists"
    assert (folder / f"{name}.txt").read_text().startswith("# ")
    sizes = load_size_list(name)
    assert sizes.pooled() == sizes
    assert len(set(sizes.sizes)) == len(sizes.sizes)


def test_imagenets_list_has_the_published_mean() -> None:
    sizes = load_size_list("imagenet")
    total = sum(sizes.weights)
    means = [
        sum(size[side] * weight for size, weight in zip(sizes.sizes, sizes.weights)) / total
        for side in (0, 1)
    ]
    assert means == pytest.approx([482, 415], rel=0.01)
    assert total == 100


@pytest.mark.parametrize("options", [(), ("--direct",), ("--image-format", "png", "--pooled")])
def test_images_have_the_dimensions_of_the_list(tmp_path: Path, options: tuple[str, ...]) -> None:
    source = write(tmp_path, b"40 30 3\n30 40\n")
    args = ["--path", tmp_path / "im", "--count", "40", "--size-list", source, *options]
    result = run("gen", *args)
    assert result.returncode == 0, result.stderr
    found = []
    for path in lines(result.stdout):
        with Image.open(path) as image:
            found.append(image.size)
    assert set(found) == {(40, 30), (30, 40)}
    assert found.count((40, 30)) > found.count((30, 40))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"70000 4", "argument --size-list: widths: must be from 1 to 65500, not 70000"),
        (b"4 70000", "argument --size-list: heights: must be from 1 to 65500, not 70000"),
    ],
)
def test_impossible_sizes_from_a_list_are_reported_with_the_list(
    tmp_path: Path, line: bytes, words: str
) -> None:
    source = write(tmp_path, b"40 30\n" + line)
    result = run("gen", "--path", tmp_path / "im", "--size-list", source)
    assert result.returncode == 2
    assert words in result.stderr.decode()
    assert not (tmp_path / "im").exists()


@pytest.mark.parametrize("option", ["--width", "--height"])
def test_a_list_excludes_a_width_or_height(tmp_path: Path, option: str) -> None:
    result = run("gen", "--path", tmp_path / "im", "--size-list", "imagenet", option, "9")
    assert result.returncode == 2
    assert f"argument {option}: not with --size-list".encode() in result.stderr
    assert not (tmp_path / "im").exists()
