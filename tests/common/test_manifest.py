from __future__ import annotations

import os
import pty
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagine_common.errors import ImagineError, StdoutClosed
from imagine_common.exchange import manifest
from imagine_common.exchange.manifest import (
    NEWLINE,
    NUL,
    Entry,
    ManifestWriter,
    format_line,
    parse_line,
    read_lines,
)

INT64_MAX = 2**63 - 1

# Arbitrary bytes seldom look like labels; these do.
PATHS = st.one_of(
    st.binary(min_size=1).filter(lambda path: NUL not in path),
    st.lists(st.sampled_from([b"\t", b"1", b"0", b",", b"-", b"a", b"\n", b"\r", b"\xff"])).map(
        lambda parts: b"a" + b"".join(parts)
    ),
)
LABELS = st.lists(st.integers(0, INT64_MAX), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("line", "path", "labels"),
    [
        (b"a.jpg\t7", b"a.jpg", (7,)),
        (b"a.jpg\t0", b"a.jpg", (0,)),
        (b"a.jpg\t007", b"a.jpg", (7,)),
        (b"a.jpg\t1,20,3", b"a.jpg", (1, 20, 3)),
        (b"a b\tc\t3", b"a b\tc", (3,)),
        (b"a\t1\t2", b"a\t1", (2,)),
        (b"a\n\t5", b"a\n", (5,)),
        (b"a\t\t5", b"a\t", (5,)),
        (b"\xff\t5", b"\xff", (5,)),
        (b"a\t9223372036854775807", b"a", (INT64_MAX,)),
    ],
)
def test_digits_after_the_last_tab_are_labels(
    line: bytes, path: bytes, labels: tuple[int, ...]
) -> None:
    assert parse_line(line) == Entry(path, labels)


@pytest.mark.parametrize(
    "line",
    [
        b"a.jpg",
        b"folder/a b.jpg",
        b"7",
        b"a 7",
        b"a\tb",
        b"a\t",
        b"a\t7 ",
        b"a\t 7",
        b"a\t7\t",
        b"a\t7\r",
        b"a\t7\n",
        b"a\t-7",
        b"a\t+7",
        b"a\t7.5",
        b"a\t7e1",
        b"a\t1_0",
        b"a\t1,",
        b"a\t,1",
        b"a\t1,,2",
        b"a\t1, 2",
        b"a\t\xd9\xa3",  # ARABIC-INDIC DIGIT THREE
        b"a\r",
        b"\r",
        b"\xef\xbb\xbfa.jpg",
        b"\xff\xfe.jpg",
        b'"a.jpg"',
        b"# a.jpg",
        b" a.jpg ",
        b"a\nb",
    ],
)
def test_any_other_line_is_all_path(line: bytes) -> None:
    assert parse_line(line) == Entry(line, ())
    assert format_line(Entry(line)) == line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "the path is empty"),
        (b"\t5", "the path is empty"),
        (b"a\t9223372036854775808", "a: label 9223372036854775808 is over 9223372036854775807"),
        (b"a\t1,9223372036854775808", "a: label 9223372036854775808 is over"),
        (b"a\t" + b"9" * 5000, "a: a label is over"),
    ],
)
def test_invalid_manifest_line_is_refused(line: bytes, words: str) -> None:
    with pytest.raises(ImagineError, match=f"^{words}"):
        parse_line(line)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (Entry(b"a.jpg", (7,)), b"a.jpg\t7"),
        (Entry(b"a.jpg", (1, 0, INT64_MAX)), b"a.jpg\t1,0,9223372036854775807"),
        (Entry(b"a\tb", (7,)), b"a\tb\t7"),
        (Entry(b"a\t5"), b"a\t5\t0"),
        (Entry(b"a\t5,6"), b"a\t5,6\t0"),
        (Entry(b"a\n\t5"), b"a\n\t5\t0"),
        (Entry(b"a\t5", (7,)), b"a\t5\t7"),
    ],
)
def test_line_is_written_so_that_its_path_reads_back(entry: Entry, line: bytes) -> None:
    assert format_line(entry) == line
    assert parse_line(line).path == entry.path


@settings(max_examples=300)
@given(path=PATHS, labels=LABELS)
def test_written_entries_read_back(path: bytes, labels: tuple[int, ...]) -> None:
    entry = parse_line(format_line(Entry(path, labels)))
    assert entry.path == path
    assert entry.labels == labels or (not labels and entry.labels == (0,))


def flat(batches: Iterator[list[bytes] | None]) -> list[bytes]:
    return [line for batch in batches if batch is not None for line in batch]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for fd in (reading, writing):
        with suppress(OSError):  # where the test has closed it
            os.close(fd)


def piped(pipe: tuple[int, int], data: bytes) -> int:
    """Return a descriptor from which data, and then the end, is read."""
    assert len(data) < 1 << 16
    reading, writing = pipe
    os.write(writing, data)
    os.close(writing)
    return reading


def test_lines_are_given_as_they_arrive(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    batches = read_lines(reading, NEWLINE)
    os.write(writing, b"one\ntwo\nth")
    assert next(batches) == [b"one", b"two"]
    os.write(writing, b"re")
    assert next(batches) is None
    os.write(writing, b"e\n")
    assert next(batches) == [b"three"]
    os.write(writing, b"\nfive\n")
    assert next(batches) == [b"", b"five"]
    os.close(writing)
    assert list(batches) == []


def test_a_pipe_that_does_not_block_is_waited_for(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of the pipeline may have made it so, and another reader may be faster."""
    os.set_blocking(pipe[0], False)
    batches = read_lines(pipe[0], NEWLINE)
    with monkeypatch.context() as patch:
        patch.setattr("select.select", lambda *_: ([pipe[0]], [], []))
        assert next(batches) is None
    os.write(pipe[1], b"a\n")
    assert next(batches) == [b"a"]


def test_silent_pipe_ticks(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    batches = read_lines(reading, NEWLINE)
    assert next(batches) is None
    assert next(batches) is None
    os.write(writing, b"one\n")
    assert next(batches) == [b"one"]
    assert next(batches) is None


@settings(max_examples=150)
@given(
    lines=st.lists(
        st.binary(max_size=12).map(lambda line: line.replace(NUL, b"").replace(b"\n", b""))
    ),
    chunk=st.integers(1, 20),
    delimiter=st.sampled_from([NEWLINE, NUL]),
)
def test_lines_do_not_depend_on_chunks(lines: list[bytes], chunk: int, delimiter: bytes) -> None:
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "_CHUNK", chunk)
        file.write(b"".join(line + delimiter for line in lines))
        file.seek(0)
        assert flat(read_lines(file.fileno(), delimiter)) == lines


def test_manifest_larger_than_a_pipe_is_read_whole(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    lines = [b"folder/image_%d.jpg" % number for number in range(20_000)]
    data = b"".join(line + b"\n" for line in lines)

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(data)

    thread = Thread(target=write)
    thread.start()
    assert flat(read_lines(reading, NEWLINE)) == lines
    thread.join()


def test_newlines_are_bytes_of_names_between_nuls(pipe: tuple[int, int]) -> None:
    fd = piped(pipe, b"a\nb\0\nc\0")
    assert flat(read_lines(fd, NUL)) == [b"a\nb", b"\nc"]


def test_carriage_return_and_byte_order_mark_are_bytes_of_names(pipe: tuple[int, int]) -> None:
    fd = piped(pipe, b"\xef\xbb\xbfa\r\nb\r\n")
    assert flat(read_lines(fd, NEWLINE)) == [b"\xef\xbb\xbfa\r", b"b\r"]


@pytest.mark.parametrize("delimiter", [NEWLINE, NUL])
def test_unterminated_last_line_of_an_existing_file_is_accepted(
    pipe: tuple[int, int], tmp_path: Path, delimiter: bytes
) -> None:
    path = os.fsencode(tmp_path / "a.jpg")
    Path(os.fsdecode(path)).touch()
    fd = piped(pipe, b"other" + delimiter + path)
    assert flat(read_lines(fd, delimiter)) == [b"other", path]


@pytest.mark.parametrize(
    ("delimiter", "last", "words"),
    [
        (NEWLINE, b"a.jp", r"line 3 \(.*/a\.jp\), has no newline at its end"),
        (NUL, b"a.jp", r"line 3 \(.*/a\.jp\), has no NUL at its end"),
        (NEWLINE, b"a.jpg\t1", r"line 3 \(.*/a\.jpg\\t1\), has no newline at its end"),
        (NEWLINE, b"a.jpg\t1,2", "may be cut off"),
        (NEWLINE, b"a.jpg\t", "may be cut off"),
    ],
)
def test_last_line_that_may_be_cut_off_is_refused(
    pipe: tuple[int, int], tmp_path: Path, delimiter: bytes, last: bytes, words: str
) -> None:
    (tmp_path / "a.jpg").touch()
    # The name exists, tab and digits and all: the label may still be cut.
    (tmp_path / "a.jpg\t1").touch()
    path = os.path.join(os.fsencode(tmp_path), last)
    batches = read_lines(piped(pipe, delimiter.join([b"one", b"two", path])), delimiter)
    assert next(batches) == [b"one", b"two"]
    with pytest.raises(ImagineError, match=words):
        next(batches)


def test_nul_byte_between_newlines_is_refused(pipe: tuple[int, int]) -> None:
    with pytest.raises(ImagineError, match=r"NUL byte in the manifest.*-0"):
        list(read_lines(piped(pipe, b"a\0b\0"), NEWLINE))


def test_line_over_a_mebibyte_is_refused() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"one\ntwo\n" + b"x" * (1 << 21))
        file.seek(0)
        batches = read_lines(file.fileno(), NEWLINE)
        assert next(batches) == [b"one", b"two"]
        with pytest.raises(ImagineError, match="line 3 of the manifest is over 1 MiB"):
            flat(batches)
        # What is no manifest is not read to its end, which may never come.
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) < 3 << 19


def test_line_of_a_mebibyte_is_accepted() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * (1 << 20) + b"\n")
        file.seek(0)
        assert list(map(len, flat(read_lines(file.fileno(), NEWLINE)))) == [1 << 20]


def test_unreadable_descriptor_is_an_error(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(ImagineError, match=r"^standard input: Is a directory$"):
            next(read_lines(fd, NEWLINE))
    finally:
        os.close(fd)


def test_lines_are_written_at_once(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = ManifestWriter(fd=writing)
    writer.write([Entry(b"a", (1, 2)), Entry(b"b\t5")])
    assert os.read(reading, 100) == b"a\t1,2\nb\t5\t0\n"
    writer.write(iter([Entry(b"c")]))
    assert os.read(reading, 100) == b"c\n"


def test_lines_are_ended_by_nul(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    ManifestWriter(NUL, writing).write([Entry(b"a\nb"), Entry(b"c")])
    assert os.read(reading, 100) == b"a\nb\0c\0"


def test_short_writes_are_continued(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = pipe
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:3]))
    ManifestWriter(fd=writing).write([Entry(b"abcdefgh", (1,)), Entry(b"i")])
    assert os.read(reading, 100) == b"abcdefgh\t1\ni\n"


def test_closed_pipe_raises_stdout_closed(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(reading)
    with pytest.raises(StdoutClosed):
        ManifestWriter(fd=writing).write([Entry(b"a")])


def test_full_disk_under_stdout_is_an_error() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        writer = ManifestWriter(fd=full.fileno())
        with pytest.raises(ImagineError, match=r"^standard output: No space left") as raised:
            writer.write([Entry(b"a")])
    assert not isinstance(raised.value, StdoutClosed)


def test_terminal_is_spared_the_paths() -> None:
    terminal, fd = pty.openpty()
    try:
        ManifestWriter(fd=fd).write([Entry(b"a")])
        os.write(fd, b"<end>")
        assert os.read(terminal, 100) == b"<end>"
    finally:
        os.close(terminal)
        os.close(fd)
