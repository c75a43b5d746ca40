"""--part I/N: all parts together are what one run makes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from imagine_common.errors import UsageError
from imagine_common.exchange.names import Part, parse_part
from support import JPEG, contents, lines, manifest, run

SMALL = ("--width", "16", "--height", "16", "--count", "23")


def images(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{n}.jpg" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(JPEG + b"#%d#" % n)
    return paths


@pytest.mark.parametrize(("count", "total"), [(23, 5), (5, 5), (3, 7), (1, 1), (2**63 - 1, 3)])
def test_ranges_are_in_order_and_leave_nothing_out(count: int, total: int) -> None:
    end = 0
    sizes = set()
    for number in range(total):
        first, size = Part(number, total).span(count)
        assert first == end
        end += size
        sizes.add(size)
    assert end == count
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5/5", "there is no part 5/5; the last of 5 is 4/5"),
        ("0/0", "there is no part 0/0$"),
        ("", "expected I/N, such as 0/8 for the first, not ''"),
        ("1", "expected I/N"),
        ("-1/3", "expected I/N"),
        ("1/3/5", "expected I/N"),
        ("a/b", "expected I/N"),
        (" 1/3", "expected I/N"),
        ("٠/٣", "expected I/N"),
        ("1/" + "9" * 19, "expected I/N"),
    ],
)
def test_an_invalid_part_is_wrong_usage(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_part(text)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--pooled", "--image-format", "png"),
        ("--width", "10:20", "--classes", "4", "--layout", "imagefolder"),
        ("--start", "100", "--files-per-dir", "6"),
    ],
    ids=" ".join,
)
def test_parts_of_images_are_the_whole(tmp_path: Path, options: tuple[str, ...]) -> None:
    args = (*SMALL, *options)
    whole = run("gen", "--path", tmp_path / "w", *args)
    listed: dict[int, list[str]] = {}
    for number in (3, 0, 4, 2, 1):
        part = run("gen", "--path", tmp_path / "p", *args, "--part", f"{number}/5")
        assert part.returncode == 0, part.stderr
        listed[number] = lines(part.stdout)
    joined = [line for number in range(5) for line in listed[number]]
    assert joined == [line.replace("/w/", "/p/") for line in lines(whole.stdout)]
    assert contents(tmp_path / "p") == contents(tmp_path / "w")
    verified = run("gen", "--path", tmp_path / "p", *args, "--part", "2/5", "--verify")
    assert (verified.returncode, lines(verified.stdout)) == (0, listed[2])


def test_a_part_without_images_makes_nothing(tmp_path: Path) -> None:
    made = run("gen", "--path", tmp_path / "p", *SMALL, "--part", "0/99")
    assert (made.returncode, made.stdout) == (0, b"")
    assert b"imagine-gen: 0 images" in made.stderr
    assert not (tmp_path / "p").exists()
    streamed = run("gen", "--tar", *SMALL, "--part", "0/99")
    with tarfile.open(fileobj=io.BytesIO(streamed.stdout)) as archive:
        assert archive.getnames() == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_parts_of_files_are_the_whole(packer: str, tmp_path: Path, workers: str) -> None:
    source = manifest(images(tmp_path / "images", 23))
    args = ("--img-per-file", "3", "--workers", workers)
    whole = run(packer, "--dest-path", tmp_path / "w", *args, input=source)
    listed = {}
    for number in (1, 2, 0):
        option = ("--part", f"{number}/3")
        part = run(packer, "--dest-path", tmp_path / "p", *args, *option, input=source)
        assert part.returncode == 0, part.stderr
        assert b"warning" not in part.stderr
        listed[number] = lines(part.stdout)
    expected = [line.replace("/w/", "/p/") for line in lines(whole.stdout)]
    assert [listed[number] for number in range(3)] == [expected[n::3] for n in range(3)]
    assert contents(tmp_path / "p") == contents(tmp_path / "w")


def test_parts_of_a_tar_stream_are_the_whole(packer: str, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in images(tmp_path / "images", 10):
            archive.add(path, path.name)
    args = ("--tar", "--img-per-file", "3")
    run(packer, "--dest-path", tmp_path / "w", *args, input=stream.getvalue())
    for number in range(3):
        option = ("--part", f"{number}/3")
        part = run(packer, "--dest-path", tmp_path / "p", *args, *option, input=stream.getvalue())
        assert part.returncode == 0, part.stderr
    assert len(contents(tmp_path / "w")) >= 4
    assert contents(tmp_path / "p") == contents(tmp_path / "w")


def test_a_part_without_files_writes_nothing(packer: str, tmp_path: Path) -> None:
    source = manifest(images(tmp_path / "images", 5))
    result = run(packer, "--dest-path", tmp_path / "p", "--part", "3/9", input=source)
    assert (result.returncode, result.stdout) == (0, b"")
    assert not (tmp_path / "p").exists()


def test_only_bad_images_of_the_part_are_in_its_way(packer: str, tmp_path: Path) -> None:
    paths = images(tmp_path / "images", 6)
    paths[4].write_bytes(b"no image")
    args = ("--dest-path", tmp_path / "p", "--img-per-file", "2", "--part")
    assert run(packer, *args, "0/3", input=manifest(paths)).returncode == 0
    bad = run(packer, *args, "2/3", input=manifest(paths))
    assert bad.returncode == 1
    assert b"4.jpg: not an image" in bad.stderr
    assert b"(line 5 of the manifest)" in bad.stderr


def test_a_part_is_resumed_and_planned(packer: str, tmp_path: Path) -> None:
    source = manifest(images(tmp_path / "images", 9))
    args = ("--dest-path", tmp_path / "p", "--img-per-file", "2", "--part", "1/2")
    planned = run(packer, *args, "--dry-run", input=source)
    assert b"would write 2 files, 4 images" in planned.stderr
    first = run(packer, *args, input=source)
    again = run(packer, *args, "--resume", input=source)
    assert again.stdout == first.stdout
    assert b"2 files (2 there already)" in again.stderr


def test_options_that_need_all_parts_are_wrong_usage(packer: str, tmp_path: Path) -> None:
    options: list[tuple[str, ...]] = [("--name-format", "f-{shard}-of-{total}")]
    options += [("--merged-index",)] if packer == "recordio" else []
    for option in options:
        args = ("--dest-path", tmp_path / "p", "--part", "0/2", *option)
        result = run(packer, *args, input=manifest(images(tmp_path / option[0], 2)))
        assert result.returncode == 2
        assert b"argument --part: not with " in result.stderr
        assert not (tmp_path / "p").exists()
