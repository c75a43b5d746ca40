"""im2rec's list as the source: indexes, labels and paths."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_common.errors import ImagineError
from imagine_recordio.lst import ListSource
from support import JPEG, lines, read_recordio, run

RecordLabels = list[tuple[int, list[float]]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    for name in ("a.jpg", "b c.jpg", "d/e.jpg"):
        (root / name).write_bytes(JPEG)
    return root


def pack(
    tmp_path: Path, root: Path, text: str | bytes, *more: object
) -> subprocess.CompletedProcess[bytes]:
    (tmp_path / "x.lst").write_bytes(text if isinstance(text, bytes) else text.encode())
    args = ["--lst", tmp_path / "x.lst", "--root", root, "--dest-path", tmp_path / "out"]
    return run("recordio", *args, *more)


def headers(path: str | Path) -> RecordLabels:
    """Return each record's id and labels."""
    found = []
    for record in read_recordio(Path(path).read_bytes()):
        flag, label, number, _ = struct.unpack_from("<IfQQ", record.data)
        labels = struct.unpack_from(f"<{flag}f", record.data, 24) if flag else (label,)
        found.append((number, list(labels)))
    return found


def test_key_and_id_are_the_lists_index_and_labels_its_floats(tmp_path: Path, root: Path) -> None:
    text = "7\t3.000000\ta.jpg\n0\t1\t0.5\t-2.25\tb c.jpg\n4000000000\t0.1\td/e.jpg\n"
    result = pack(tmp_path, root, text)
    assert result.returncode == 0, result.stderr
    (path,) = lines(result.stdout)
    tenth = struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert headers(path) == [(7, [3]), (0, [1, 0.5, -2.25]), (4_000_000_000, [tenth])]
    index = Path(path).with_suffix(".idx").read_text()
    assert [line.split("\t")[0] for line in index.splitlines()] == ["7", "0", "4000000000"]
    assert run("recordio", "--test", path).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "1\t2\ta.jpg\r\n",
        "  1 \t 2 \t a.jpg  \n",
        "1\t2.\ta.jpg",
        "1\t+2e0\ta.jpg\n",
        "01\t0.2E1\ta.jpg\t\n",
    ],
)
def test_lines_are_read_as_im2rec_reads_them(tmp_path: Path, root: Path, text: str) -> None:
    result = pack(tmp_path, root, text)
    assert result.returncode == 0, result.stderr
    assert headers(tmp_path / "out" / "recordio_0.rec") == [(1, [2])]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "expected index, label and path"),
        ("1\ta.jpg", "separated by tabs; found 2 fields"),
        ("a.jpg", "separated by tabs; found 1 field"),
        ("x\t1\ta.jpg", "x: not an index"),
        ("-1\t1\ta.jpg", "-1: not an index"),
        ("1.0\t1\ta.jpg", "1.0: not an index"),
        (f"{2**63}\t1\ta.jpg", "not an index, a whole number up to 9223372036854775807"),
        ("9" * 5000 + "\t1\ta.jpg", "not an index"),
        ("1\tcat\ta.jpg", "cat: not a label"),
        ("1\tnan\ta.jpg", "nan: not a label"),
        ("1\tinf\ta.jpg", "inf: not a label"),
        ("1\t1e999\ta.jpg", "1e999: not a label"),
        ("1\t0x1\ta.jpg", "0x1: not a label"),
        ("1\t1_0\ta.jpg", "1_0: not a label"),
        ("1\t" + "1" * 9999 + "\ta.jpg", "not a label"),
        ("1\t\ta.jpg", "not a label"),
        ("1\t16777217\ta.jpg", "label 16777217 has no exact float32"),
        ("1\t16777217.000000\ta.jpg", "label 16777217 has no exact float32"),
        ("1\t9007199254740993\ta.jpg", "label 9007199254740993 has no exact float32"),
        ("1\t1e39\ta.jpg", "has no exact float32"),
        ("1\t1" + "0" * 39 + "\ta.jpg", "has no exact float32"),
        ("1\t1\tnone.jpg", "none.jpg: No such file"),
        ("1\t1\t..", "expected an image file, found a directory"),
        ("1\t1\ta\0b", "the path contains a NUL byte"),
    ],
)
def test_a_bad_line_is_an_error_or_skipped(
    tmp_path: Path, root: Path, line: str, words: str
) -> None:
    text = f"5\t1\ta.jpg\n{line}\n6\t1\ta.jpg\n"
    result = pack(tmp_path, root, text)
    assert result.returncode == 1
    assert words in result.stderr.decode()
    assert f"(line 2 of {tmp_path}/x.lst)" in result.stderr.decode()
    assert pack(tmp_path, root, text, "--skip-invalid").returncode == 0
    assert headers(tmp_path / "out" / "recordio_0.rec") == [(5, [1]), (6, [1])]


@pytest.mark.parametrize("first", [3, 64, 2**63 - 1])
def test_an_index_that_comes_again_is_an_error(tmp_path: Path, root: Path, first: int) -> None:
    text = "".join(f"{index}\t1\ta.jpg\n" for index in (first, 2, 65, first))
    for more in ((), ("--skip-invalid",)):
        result = pack(tmp_path, root, text, *more)
        assert result.returncode == 1
        assert f"the index {first} is repeated (line 4 of " in result.stderr.decode()


@given(st.lists(st.integers(0, 300) | st.integers(0, 2**63 - 1), min_size=1, max_size=60))
def test_indexes_come_again_only_if_they_do(indexes: list[int]) -> None:
    read, write = os.pipe()
    os.write(write, b"".join(b"%d\t1\tx\n" % index for index in indexes))
    os.close(write)
    source = ListSource(b"/dev/fd/%d" % read, b".")
    try:
        if len(set(indexes)) == len(indexes):
            assert sum(len(lines or ()) for lines in source.lines()) == len(indexes)
        else:
            with pytest.raises(ImagineError, match="is repeated"):
                list(source.lines())
    finally:
        os.close(read)


@given(st.binary(max_size=60))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    try:
        image = ListSource(b"x.lst", b"root").parse(line, 0)
    except ImagineError:
        return
    assert 0 <= image.position < 2**63
    assert image.path.startswith((b"root/", b"/"))
    assert image.labels


@pytest.mark.parametrize("text", ["", b""])
def test_an_empty_list_is_an_error(tmp_path: Path, root: Path, text: str | bytes) -> None:
    result = pack(tmp_path, root, text)
    assert result.returncode == 1
    assert b"x.lst: the list is empty" in result.stderr


def test_a_line_without_end_is_refused_before_it_fills_memory(tmp_path: Path, root: Path) -> None:
    result = pack(tmp_path, root, b"1\t1\ta.jpg\n" + b"1" * (2 << 20))
    assert result.returncode == 1
    assert b"a line of over 1 MiB (line 2 of " in result.stderr


def test_a_fifo_is_refused_and_a_pipe_of_the_shell_is_read(tmp_path: Path, root: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    result = run("recordio", "--lst", "fifo", cwd=tmp_path)
    assert result.returncode == 1
    assert b"error: fifo: expected a list, found a FIFO" in result.stderr
    for pipe in ("/dev/fd/0", "/dev/stdin"):
        result = run(
            "recordio", "--lst", pipe, "--root", root, input=b"1\t1\ta.jpg\n", cwd=tmp_path
        )
        assert lines(result.stdout) == ["./recordio_0.rec"]


@pytest.mark.parametrize("path", ["missing.lst", "."])
def test_an_unreadable_list_is_named(tmp_path: Path, path: str) -> None:
    result = run("recordio", "--lst", path, "--dest-path", "out", cwd=tmp_path)
    assert result.returncode == 1
    assert f"error: {path}: " in result.stderr.decode()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--lst", "x", "--source-path", "."], "argument --lst: not with --source-path"),
        (["--lst", "x", "--tar"], "argument --lst: not with --tar"),
        (["--lst", "x", "--recursive"], "argument --recursive: only with --source-path"),
        (["--root", "."], "argument --root: only with --lst"),
        (["--lst", "s3://x/y"], "argument --lst: not with an object store, s3://x/y"),
        (["--lst", "x", "--test"], "argument --lst: not with --test"),
        (["--merged-index", "--test"], "argument --merged-index: not with --test"),
    ],
)
def test_contradictory_options_are_refused(tmp_path: Path, args: list[str], words: str) -> None:
    result = run("recordio", *args, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr.decode()


def test_the_root_is_here_unless_given_and_stdin_is_not_read(tmp_path: Path, root: Path) -> None:
    (root / "x.lst").write_text("1\t1\ta.jpg\n")
    result = run("recordio", "--lst", "x.lst", input=b"nothing.jpg\n", cwd=root)
    assert lines(result.stdout) == ["./recordio_0.rec"]
    (tmp_path / "y.lst").write_text(f"1\t1\t{root}/a.jpg\n")
    result = run("recordio", "--lst", "y.lst", "--root", "elsewhere", cwd=tmp_path)
    assert result.returncode == 0


def test_list_and_root_may_be_urls(tmp_path: Path, root: Path) -> None:
    (tmp_path / "x.lst").write_text("1\t1\ta.jpg\n")
    args = ["--lst", f"file://{tmp_path}/x.lst", "--root", f"file://{root}"]
    result = run("recordio", *args, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_list_is_resumed(tmp_path: Path, root: Path) -> None:
    text = "".join(f"{9 - n}\t{n}.5\ta.jpg\n" for n in range(7))
    more = ["--img-per-file", "3", "--merged-index"]
    pack(tmp_path, root, text, *more)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "out" / "recordio_1.idx").unlink()
    assert b"(2 there already)" in pack(tmp_path, root, text, *more, "--resume").stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    result = pack(tmp_path, root, text.replace("9\t0.5", "9\t0.25"), *more, "--resume")
    assert b"can't be resumed" in result.stderr


def test_the_offset_is_added_to_fractions_too(tmp_path: Path, root: Path) -> None:
    pack(tmp_path, root, "1\t0.5\t-3\ta.jpg\n", "--label-offset", "2")
    assert headers(tmp_path / "out" / "recordio_0.rec") == [(1, [2.5, -1])]
