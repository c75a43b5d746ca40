"""What both packers do alike: where images come from, how they are cut, and bad input."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support import (
    JPEG,
    PNG,
    RECORD_SUFFIX,
    Record,
    command,
    lines,
    manifest,
    read_recordio,
    read_tfrecords,
    run,
    unfinished,
    wait_for,
)

GIF = b"GIF89a" + bytes(7) + b";"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def numbered(folder: Path, count: int) -> list[Path]:
    """Make images that end with different numbers."""
    paths = [folder / f"img_{n}.jpg" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(JPEG + b"#%d#" % n)
    return paths


def records(tool: str, path: str | Path) -> list[Record]:
    read = read_tfrecords if tool == "tfrecord" else read_recordio
    return list(read(Path(path).read_bytes()))


def numbers(tool: str, paths: list[str]) -> list[list[int]]:
    """Return the numbers of the images in each file, in order."""
    return [[int(r.data.split(b"#")[-2]) for r in records(tool, path)] for path in paths]


def error_line(result: subprocess.CompletedProcess[bytes], code: int = 1) -> str:
    assert result.returncode == code
    (line,) = result.stderr.decode().splitlines()
    assert ": error: " in line
    return line


@pytest.mark.parametrize("workers", ["1", "3"])
def test_order_is_the_manifests_with_any_number_of_workers(
    tool: str, tmp_path: Path, folder: Path, workers: str
) -> None:
    paths = numbered(folder, 20)[::-1]
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "3", "--workers", workers]
    result = run(tool, *args, input=manifest(paths))
    assert numbers(tool, lines(result.stdout)) == [
        [19, 18, 17],
        [16, 15, 14],
        [13, 12, 11],
        [10, 9, 8],
        [7, 6, 5],
        [4, 3, 2],
        [1, 0],
    ]


@pytest.mark.parametrize(
    ("count", "img_per_file", "sizes"),
    [(5, 5, [5]), (5, 10**30, [5]), (6, 3, [3, 3]), (1, 1, [1]), (3, 1, [1, 1, 1])],
)
def test_the_last_file_has_the_rest(
    tool: str, tmp_path: Path, folder: Path, count: int, img_per_file: int, sizes: list[int]
) -> None:
    args = ["--dest-path", tmp_path / "out", "--img-per-file", str(img_per_file)]
    result = run(tool, *args, input=manifest(numbered(folder, count)))
    assert [len(records(tool, path)) for path in lines(result.stdout)] == sizes


def test_a_file_holds_a_thousand_images_by_default(tool: str, tmp_path: Path, folder: Path) -> None:
    (path,) = numbered(folder, 1)
    result = run(tool, "--dest-path", tmp_path / "out", input=manifest([path] * 1001))
    assert [len(records(tool, path)) for path in lines(result.stdout)] == [1000, 1]


def test_a_folder_is_packed_in_natural_order_without_subfolders_and_hidden_files(
    tool: str, tmp_path: Path, folder: Path
) -> None:
    numbered(folder, 12)
    (folder / "below").mkdir()
    (folder / "below" / "img_99.jpg").write_bytes(JPEG)
    (folder / ".hidden.jpg").write_bytes(JPEG)
    args = ["--source-path", folder, "--dest-path", tmp_path / "out"]
    result = run(tool, *args)
    assert numbers(tool, lines(result.stdout)) == [list(range(12))]
    assert b"ignored" not in result.stderr
    warning, _ = result.stderr.decode().splitlines()
    words = f"{folder}: left out 1 subfolder ({folder}/below); --recursive packs their images"
    assert words in warning


def test_non_image_files_in_a_folder_are_ignored_before_cutting(
    tool: str, tmp_path: Path, folder: Path
) -> None:
    numbered(folder, 6)
    (folder / "img_1.txt").write_bytes(b"text")
    (folder / "img_2.empty").write_bytes(b"")
    os.mkfifo(folder / "img_3.fifo")
    (folder / "img_4.dangling").symlink_to("nowhere")
    args = ["--source-path", folder, "--dest-path", tmp_path / "out", "--img-per-file", "3"]
    result = run(tool, *args)
    assert result.returncode == 0
    assert numbers(tool, lines(result.stdout)) == [[0, 1, 2], [3, 4, 5]]
    warning, _ = result.stderr.decode().splitlines()
    assert f"warning: {folder}: ignored 4 non-image files ({folder}/img_1.txt" in warning


def test_odd_names_in_a_folder_are_packed(tool: str, tmp_path: Path, folder: Path) -> None:
    for n, name in enumerate([b"a\nb", b"c\t7", b"d\xff", b"e \r"]):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(JPEG + b"#%d#" % n)
    result = run(tool, "--source-path", folder, "--dest-path", tmp_path / "out")
    assert numbers(tool, lines(result.stdout)) == [[0, 1, 2, 3]]


def test_a_folder_wins_over_stdin_which_is_not_read(
    tool: str, tmp_path: Path, folder: Path
) -> None:
    numbered(folder, 1)
    reader, writer = os.pipe()
    with open(reader, "rb") as stdin:
        args = ["--source-path", folder, "--dest-path", tmp_path / "out"]
        result = run(tool, *args, stdin=stdin)
        assert result.returncode == 0
        os.write(writer, b"unread")
        assert os.read(reader, 10) == b"unread"
    os.close(writer)


@pytest.mark.parametrize("data", [JPEG, PNG, GIF], ids=["jpeg", "png", "gif"])
def test_files_are_packed_as_they_are(tool: str, tmp_path: Path, folder: Path, data: bytes) -> None:
    (folder / "x").write_bytes(data)
    run(tool, "--source-path", folder, "--dest-path", tmp_path / "out", "--name", "r")
    (record,) = records(tool, tmp_path / "out" / f"r0{RECORD_SUFFIX[tool]}")
    assert record.data.endswith(data)


def test_underscore_spellings_are_taken(tool: str, tmp_path: Path, folder: Path) -> None:
    numbered(folder, 3)
    args = ["--source_path", folder, "--dest_path", tmp_path / "out", "--img_per_file=2"]
    assert len(lines(run(tool, *args).stdout)) == 2


@pytest.mark.process
def test_shards_go_out_while_the_manifest_is_still_being_written(
    tool: str, tmp_path: Path, folder: Path
) -> None:
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--workers", "2"]
    process = subprocess.Popen(
        command(tool, *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(manifest(numbered(folder, 2)))
    process.stdin.flush()
    first = process.stdout.readline()
    assert first == os.fsencode(tmp_path / "out") + b"/%s_0%s\n" % (
        tool.encode(),
        RECORD_SUFFIX[tool].encode(),
    )
    process.communicate()
    assert process.returncode == 0


def make_directory(path: Path) -> None:
    path.mkdir()


def make_socket(path: Path) -> None:
    before = os.getcwd()
    os.chdir(path.parent)  # since a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


def make_sparse(path: Path) -> None:
    path.write_bytes(JPEG)
    os.truncate(path, 2**31)


BAD_IMAGES = [
    ("missing", lambda path: None, "No such file or directory"),
    ("empty", lambda path: path.write_bytes(b""), "the file is empty"),
    ("directory", make_directory, "expected an image file, found a directory"),
    ("fifo", os.mkfifo, "expected an image file, found a FIFO"),
    ("socket", make_socket, "expected an image file, found a socket"),
    ("no image", lambda path: path.write_bytes(b"plain text"), "not an image"),
    ("loop", lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ("over the limit", make_sparse, "2147483648 bytes are over the record format's"),
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in BAD_IMAGES], ids=lambda c: "")
def test_a_bad_image_in_a_manifest_is_named_with_its_line(
    tool: str, tmp_path: Path, folder: Path, make: object, words: str
) -> None:
    bad = folder / "bad"
    make(bad)  # type: ignore[operator]
    paths = [*numbered(folder, 5), bad, *numbered(folder, 2)]
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--workers", "2"]
    result = run(tool, *args, input=manifest(paths))
    line = error_line(result)
    assert f"error: {bad}: {words}" in line
    assert line.endswith("(line 6 of the manifest)")
    # Files finished before stay; the unfinished one goes.
    assert [len(records(tool, path)) for path in lines(result.stdout)] == [2, 2]
    assert unfinished(tmp_path / "out") == []
    assert not (tmp_path / "out" / f"{tool}_2{RECORD_SUFFIX[tool]}").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "standard input: the manifest is empty"),
        (b"\n", "the path is empty (line 1 of the manifest)"),
        (b"IMAGE\n\n", "the path is empty (line 2 of the manifest)"),
        (b"IMAGE\nIMAG", "line 2 (IMAG), has no newline at its end and may be cut off"),
        (b"IMAGE\nIMAGE\t1", "line 2 (IMAGE\\t1), has no newline at its end and may be cut off"),
        (b"IMAGE\r\n", "carriage return: does the manifest have CRLF line ends?"),
        (b"\xef\xbb\xbfIMAGE\n", "byte-order mark"),
        (b"IMAGE\0IMAGE\0", "a NUL byte in the manifest; does it need -0 (--null)?"),
        (b"IMAGE\t9223372036854775808\n", "IMAGE: label 9223372036854775808 is over"),
        (b"IMAGE\t-1\n", "IMAGE\\t-1: No such file"),
        (b"x" * 2_000_000 + b"\n", "line 1 of the manifest is over 1 MiB"),
    ],
)
def test_a_bad_manifest_exits_1_with_the_reason(
    tool: str, tmp_path: Path, data: bytes, words: str
) -> None:
    (tmp_path / "IMAGE").write_bytes(JPEG)
    result = run(tool, "--dest-path", "out", input=data, cwd=tmp_path)
    assert words in error_line(result)
    assert result.stdout == b""
    assert not (tmp_path / "out" / f"{tool}_0{RECORD_SUFFIX[tool]}").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_manifest_with_a_bad_end_keeps_the_files_before_it(
    tool: str, tmp_path: Path, folder: Path, workers: str
) -> None:
    data = manifest(numbered(folder, 5)) + b"cut o"
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--workers", workers]
    result = run(tool, *args, input=data)
    assert "line 6 (cut o)" in error_line(result)
    assert numbers(tool, lines(result.stdout)) == [[0, 1], [2, 3]]
    assert unfinished(tmp_path / "out") == []


@pytest.mark.parametrize("data", [b"IMAGE\nIMAGE\n", b"IMAGE\nIMAGE", b"IMAGE\t3\nIMAGE"])
def test_a_last_line_needs_no_end_where_it_names_a_file(
    tool: str, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "IMAGE").write_bytes(JPEG)
    result = run(tool, input=data, cwd=tmp_path)
    assert result.returncode == 0
    assert len(records(tool, tmp_path / f"{tool}_0{RECORD_SUFFIX[tool]}")) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.write_bytes(b""), "Not a directory"),
        (make_directory, "no images in this folder"),
    ],
)
def test_a_bad_source_folder_exits_1_naming_it(
    tool: str, tmp_path: Path, make: object, words: str
) -> None:
    source = tmp_path / "source"
    make(source)  # type: ignore[operator]
    result = run(tool, "--source-path", source, "--dest-path", tmp_path / "out")
    assert f"error: {source}: {words}" in error_line(result)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--img-per-file", "0"], "--img-per-file: must be at least 1"),
        (["--img-per-file", "-5"], "--img-per-file: must be at least 1, not -5"),
        (
            ["--img-per-file", "x"],
            "--img-per-file: expected a whole number, such as 1000, 5k or 2M, not 'x'",
        ),
        (["--writer", "pencil"], "--writer: unknown writer 'pencil'"),
        (["--img-per-fil", "5"], "unrecognized arguments: --img-per-fil (did you mean --img-"),
        (["stray"], "unrecognized arguments: stray; files are only for --tar"),
        (["/"], "unrecognized arguments: /; to pack a folder: --source-path /"),
        (["a.tar"], "unrecognized arguments: a.tar; to pack an archive: --tar a.tar"),
        (["--writer", "nativ"], "(did you mean native?)"),
        (["--preset", "imagenat"], "no preset 'imagenat'"),
        (["--dest-path", ""], "the folder's name is empty"),
    ],
)
def test_wrong_usage_exits_2_and_writes_nothing(
    tool: str, tmp_path: Path, folder: Path, args: list[str], words: str
) -> None:
    paths = numbered(folder, 1)
    result = run(tool, "--dest-path", "out", *args, input=manifest(paths), cwd=tmp_path)
    assert words in error_line(result, 2)
    assert sorted(os.listdir(tmp_path)) == ["source"]


def test_stdin_at_a_terminal_is_an_error_with_a_hint(tool: str, tmp_path: Path) -> None:
    leader, follower = os.openpty()
    with open(follower, "rb", buffering=0) as stdin:
        result = run(tool, stdin=stdin, cwd=tmp_path)
    os.close(leader)
    line = error_line(result, 2)
    assert "pipe a manifest" in line
    assert "--source-path" in line


@pytest.mark.process
def test_a_closed_stdin_exits_1(tool: str, tmp_path: Path) -> None:
    script = ["bash", "-c", 'exec "$0" <&-', *command(tool)]
    result = subprocess.run(script, capture_output=True, cwd=tmp_path)
    assert "standard input: Bad file descriptor" in error_line(result)


@pytest.mark.process
def test_an_image_that_vanishes_before_its_turn_is_named(
    tool: str, tmp_path: Path, folder: Path
) -> None:
    first, second = numbered(folder, 2)
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "1"]
    process = subprocess.Popen(
        command(tool, *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(manifest([first]))
    process.stdin.flush()
    wait_for(lambda: (tmp_path / "out" / f"{tool}_0{RECORD_SUFFIX[tool]}").exists())
    second.unlink()
    stdout, stderr = process.communicate(manifest([second]))
    assert process.returncode == 1
    assert f"{second}: No such file" in stderr.decode()
    assert len(lines(stdout)) == 1


def test_repeated_paths_are_packed_as_often_as_they_come(
    tool: str, tmp_path: Path, folder: Path
) -> None:
    paths = numbered(folder, 2)
    result = run(tool, "--dest-path", tmp_path / "out", input=manifest(paths * 3))
    assert numbers(tool, lines(result.stdout)) == [[0, 1, 0, 1, 0, 1]]


@pytest.mark.process
@pytest.mark.parametrize("img_per_file", ["100000", "2000"], ids=["one shard", "several"])
def test_memory_does_not_grow_with_the_manifest(
    tool: str, tmp_path: Path, folder: Path, img_per_file: str
) -> None:
    (path,) = numbered(folder, 1)
    line = os.fsencode(path.parent) + b"/." * 1000 + b"/" + path.name.encode() + b"\n"
    peaks = []
    for count in (20, 8_000):
        (tmp_path / "manifest").write_bytes(line * count)
        args = ["-q", "--dest-path", str(tmp_path / "out"), "--img-per-file", img_per_file]
        with open(tmp_path / "manifest", "rb") as stdin:
            measured = subprocess.run(
                [sys.executable, "-c", PEAK_MEMORY, *command(tool, *args)],
                stdin=stdin,
                capture_output=True,
                check=True,
            )
        peaks.append(int(measured.stdout.splitlines()[-1]))
    # The second manifest is 16 MB long; what several processes need to be imported is 3 MB.
    assert peaks[1] - peaks[0] < 8_000


# A process of its own: a child's peak begins with the memory of the process that starts it.
PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)  # KiB, of the largest process
"""
