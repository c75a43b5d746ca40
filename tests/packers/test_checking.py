"""What both packers' --test do alike."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from support import JPEG, RECORD_SUFFIX, lines, manifest, run


@pytest.fixture
def files(tool: str, tmp_path: Path) -> list[str]:
    """Pack twelve images with labels 0 to 11 into four files."""
    data = b""
    for number in range(12):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(JPEG)
        data += os.fsencode(path) + b"\t%d\n" % number
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "3", "-q"]
    return lines(run(tool, *args, input=data).stdout)


def test_good_files_are_listed_and_summed_up(tool: str, files: list[str]) -> None:
    for result in (
        run(tool, "--test", *files),
        run(tool, "--test", input=manifest(files)),
        run(tool, "--test", "-0", input=manifest(files).replace(b"\n", b"\0")),
        run(tool, "--test", "--workers", "1", *files),
    ):
        assert result.returncode == 0, result.stderr
        assert result.stdout.replace(b"\0", b"\n") == manifest(files)
        (summary,) = result.stderr.decode().splitlines()
        assert summary.startswith(f"imagine-{tool}: 4 good files, 12 records, ")
        assert summary.endswith(" labels 0 to 11")


@pytest.mark.parametrize(
    ("expected", "code", "words"),
    [
        (("--files", "4"), 0, ""),
        (("--records=12",), 0, ""),
        (("--files", "4", "--records", "12"), 0, ""),
        (("--files", "5"), 1, "expected 5 good files, found 4"),
        (("--files", "0"), 1, "expected 0 good files, found 4"),
        (("--records", "13"), 1, "expected 13 records, found 12"),
        (("--files", "4", "--records", "1"), 1, "expected 1 record, found 12"),
    ],
)
def test_files_and_records_are_counted(
    tool: str, files: list[str], expected: tuple[str, ...], code: int, words: str
) -> None:
    for result in (
        run(tool, "--test", *expected, *files),
        run(tool, "--test", *expected, input=manifest(files)),
    ):
        assert result.returncode == code, result.stderr
        assert result.stdout == manifest(files)
        assert result.stderr.decode().count("error: ") == (words != "")
        assert words in result.stderr.decode()


def test_bad_files_do_not_count(tool: str, files: list[str]) -> None:
    os.truncate(files[1], os.path.getsize(files[1]) - 1)
    result = run(tool, "--test", "--files", "3", "--records", "9", *files)
    assert result.returncode == 1
    assert b"1 of 4 files is bad" in result.stderr


@pytest.mark.parametrize("option", ["--files", "--records"])
def test_counts_are_expected_only_by_a_test(tool: str, tmp_path: Path, option: str) -> None:
    result = run(tool, option, "1", "--source-path", tmp_path)
    assert result.returncode == 2
    assert f"argument {option}: only with --test" in result.stderr.decode()


def test_options_may_stand_anywhere(tool: str, files: list[str]) -> None:
    assert run(tool, "--test", *files, "-q").stderr == b""
    assert run(tool, "-q", "--test", files[0]).stdout == manifest(files[:1])


def test_a_bad_file_exits_1_and_the_others_are_still_tested(tool: str, files: list[str]) -> None:
    os.truncate(files[1], os.path.getsize(files[1]) - 1)
    Path(files[3]).write_bytes(b"")
    for more in ([], ["-q"]):
        result = run(tool, "--test", *more, *files, "missing")
        assert result.returncode == 1
        assert lines(result.stdout) == [files[0], files[2]]
        errors = [line for line in result.stderr.decode().splitlines() if ": error: " in line]
        for line in errors:
            assert line.startswith(f"imagine-{tool}: error: ")
        assert f"{files[1]}: record 2 at byte " in errors[0]
        assert "cut off: the file ends 1 bytes too early" in errors[0]
        assert f"{files[3]}: record 0 at byte 0: the file is empty" in errors[1]
        assert "missing: No such file or directory" in errors[2]
        assert errors[3].endswith("3 of 5 files are bad")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    before = os.getcwd()
    os.chdir(path.parent)  # since a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_fifo, "found a FIFO"),
        (make_socket, "found a socket"),
        (make_device, "found a character device"),
        (Path.mkdir, "found a directory"),
        (make_loop, "Too many levels"),
    ],
)
def test_special_files_are_not_opened(tool: str, tmp_path: Path, make: Any, words: str) -> None:
    make(tmp_path / "x")
    result = run(tool, "--test", tmp_path / "x")
    assert result.returncode == 1
    assert words in result.stderr.decode()


def test_a_huge_sparse_file_is_refused_at_once(tool: str, tmp_path: Path) -> None:
    path = tmp_path / f"sparse{RECORD_SUFFIX[tool]}"
    path.touch()
    os.truncate(path, 2**42)
    result = run(tool, "--test", path)
    assert result.returncode == 1
    assert "record 0 at byte 0: " in result.stderr.decode()


def test_any_name_can_be_tested(tool: str, files: list[str]) -> None:
    name = os.fsencode(files[0]) + b"\n\xff"
    os.rename(files[0], name)
    if tool == "recordio":
        os.unlink(files[0].replace(".rec", ".idx"))
    result = run(tool, "--test", "-0", input=name + b"\0")
    assert result.stdout == name + b"\0"


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_wrong_workers_exit_2(tool: str, files: list[str], workers: str) -> None:
    assert run(tool, "--test", files[0], "--workers", workers).returncode == 2


def test_options_may_stand_between_files(tool: str, files: list[str]) -> None:
    result = run(tool, "--test", files[0], "--workers", "1", files[1])
    assert lines(result.stdout) == files[:2]


def test_a_bad_line_is_reported_with_its_number(tool: str, files: list[str]) -> None:
    result = run(tool, "--test", input=manifest(files[:1]) + b"\n")
    assert result.returncode == 1
    assert b"the path is empty (line 2 of the manifest)" in result.stderr


def test_an_index_is_not_taken_for_its_file(tool: str, files: list[str]) -> None:
    index = files[0].removesuffix(".rec") + ".idx"
    if tool == "tfrecord":
        Path(index).write_bytes(b"0 1\n")
    result = run(tool, "--test", index)
    assert result.returncode == 1
    assert f"{index}: an index; give the " in result.stderr.decode()


def test_an_index_that_is_given_with_its_file_is_tested_with_it(
    tool: str, files: list[str], tmp_path: Path
) -> None:
    """As in `--test records/*`."""
    indexes = ["--index"] if tool == "tfrecord" else []
    args = ["--dest-path", tmp_path / "indexed", "--img-per-file", "5", "-q", *indexes]
    run(tool, *args, "--source-path", tmp_path)
    paths = sorted(str(path) for path in (tmp_path / "indexed").iterdir())
    good = [path for path in paths if not path.endswith(".idx")]
    assert (len(paths), len(good)) == (6, 3)
    for order in (paths, paths[::-1]):
        for result in (run(tool, "--test", *order), run(tool, "--test", input=manifest(order))):
            assert result.returncode == 0, result.stderr
            assert sorted(lines(result.stdout)) == good
            assert b": 3 good files, 12 records, " in result.stderr
    index = next(path for path in paths if path.endswith(".idx"))
    Path(index).write_bytes(b"x\n")
    result = run(tool, "--test", *paths)
    assert (result.returncode, len(lines(result.stdout))) == (1, 2)
    assert f"{index}: " in result.stderr.decode()
    assert b"1 of 3 files is bad" in result.stderr


def test_another_packers_index_is_left_alone(tool: str, files: list[str]) -> None:
    """The packers name their indexes alike."""
    index = Path(files[0].removesuffix(".rec") + ".idx")
    index.write_bytes(b"0\t0\n" if tool == "tfrecord" else b"0 100\n")
    assert run(tool, "--test", files[0]).returncode == 1
    (index.with_suffix(".rec") if tool == "tfrecord" else index.with_suffix("")).touch()
    result = run(tool, "--test", files[0])
    assert result.returncode == 0, result.stderr
    index.write_bytes(b"garbage\n")
    assert run(tool, "--test", files[0]).returncode == 1


def test_an_empty_manifest_exits_1(tool: str) -> None:
    result = run(tool, "--test", input=b"")
    assert result.returncode == 1
    assert b"the manifest is empty" in result.stderr


def test_findings_of_a_file_are_limited(tool: str, tmp_path: Path) -> None:
    path = tmp_path / "0.jpg"
    path.write_bytes(JPEG)
    args = ["--dest-path", tmp_path, "--img-per-file", "100", "-q"]
    (packed,) = lines(run(tool, *args, input=manifest([path] * 100)).stdout)
    data = bytearray(Path(packed).read_bytes())
    size = len(data) // 100
    for number in range(100):
        # The data's last byte: in TFRecord, under its CRC; in RecordIO, padding.
        data[size * (number + 1) - (5 if tool == "tfrecord" else 1)] ^= 1
    Path(packed).write_bytes(data)
    errors = run(tool, "--test", packed).stderr.decode().splitlines()
    expected = 100 if (len(JPEG) + 24) % 4 or tool == "tfrecord" else 0
    if expected:
        assert f"{packed}: 90 more findings" in errors[10]


@pytest.mark.parametrize(
    "option",
    [
        *("--resume", "--skip-invalid", "--fsync", "--source-path=x", "--dest-path=.", "--name=x"),
        *("--img-per-file=1000", "--label-offset=0", "--writer=native"),
    ],
)
def test_test_excludes_options_that_write(tool: str, files: list[str], option: str) -> None:
    result = run(tool, "--test", option, *files)
    assert result.returncode == 2
    assert f"argument {option.split('=')[0]}: not with --test" in result.stderr.decode()


def test_stdin_at_a_terminal_is_an_error_with_a_hint(tool: str) -> None:
    leader, follower = os.openpty()
    with open(follower, "rb", buffering=0) as stdin:
        result = run(tool, "--test", stdin=stdin)
    os.close(leader)
    assert result.returncode == 2
    assert b"name the files, or" in result.stderr
