from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import NEWLINE, NUL
from imagine_common.exchange.names import Part
from imagine_common.packers.shards.slices import Slice, cut_here, cut_slices
from support import unfinished


def paths(count: int) -> list[bytes]:
    return [b"image_%d" % number for number in range(count)]


def cut(
    folder: Path, size: int, batches: Iterable[list[bytes] | None], delimiter: bytes = NEWLINE
) -> Generator[Slice | None]:
    return cut_slices(batches, os.fsencode(folder), size, delimiter)


def existing(parts: Iterator[Slice | None]) -> list[Slice]:
    return [part for part in parts if part is not None]


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [
        (1, 1, [1]),
        (1, 1000, [1]),
        (3, 1, [1, 1, 1]),
        (6, 3, [3, 3]),
        (7, 3, [3, 3, 1]),
        (8, 3, [3, 3, 2]),
        (1000, 999, [999, 1]),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 5, 1000])
def test_slices_are_full_but_for_the_last(
    tmp_path: Path, count: int, size: int, sizes: list[int], batch: int
) -> None:
    lines = paths(count)
    batches = [lines[start : start + batch] for start in range(0, count, batch)]
    parts = existing(cut(tmp_path, size, batches))
    assert [part.number for part in parts] == list(range(len(sizes)))
    assert [part.first for part in parts] == [size * number for number in range(len(sizes))]
    read = [list(part.lines(NEWLINE)) for part in parts]
    assert list(map(len, read)) == sizes
    assert list(chain(*read)) == list(enumerate(lines))


@settings(max_examples=60)
@given(
    batches=st.lists(
        st.none()
        | st.lists(st.binary(min_size=1, max_size=9).map(lambda line: line.hex().encode()))
    ),
    size=st.integers(1, 7),
    delimiter=st.sampled_from([NEWLINE, NUL]),
)
def test_no_line_is_lost_however_they_arrive(
    batches: list[list[bytes] | None], size: int, delimiter: bytes
) -> None:
    lines = [line for batch in batches if batch for line in batch]
    with tempfile.TemporaryDirectory() as folder:
        parts = existing(cut(Path(folder), size, batches, delimiter))
        read = [list(part.lines(delimiter)) for part in parts]
    assert all(len(entries) == size for entries in read[:-1])
    assert list(chain(*read)) == list(enumerate(lines))


@pytest.mark.parametrize(("count", "single"), [(1, True), (3, True), (4, False), (6, False)])
def test_a_lone_slice_is_recognized(tmp_path: Path, count: int, single: bool) -> None:
    parts = cut(tmp_path, 3, [paths(count)])
    assert upcoming(parts).is_single == single
    parts.close()


def test_slice_is_not_given_before_it_is_known_whether_it_is_the_last(tmp_path: Path) -> None:
    seen = []

    def batches() -> Iterator[list[bytes]]:
        for batch in ([b"a", b"b"], [b"c"]):
            seen.append(batch)
            yield batch

    parts = cut(tmp_path, 2, batches())
    upcoming(parts)
    assert len(seen) == 2
    parts.close()


def test_full_slice_does_not_wait_for_a_silent_source(tmp_path: Path) -> None:
    source = iter([[b"a"], None, [b"b"], None, None, [b"c"]])
    parts = cut(tmp_path, 2, source)
    first = upcoming(parts)
    assert list(first.lines(NEWLINE)) == [(0, b"a"), (1, b"b")]
    assert not first.is_single
    assert next(source) is None  # The one before the last line: no more has been read.
    last = upcoming(parts)
    assert list(last.lines(NEWLINE)) == [(2, b"c")]
    assert not last.is_single
    assert existing(parts) == []


def test_others_get_their_turn_after_every_batch(tmp_path: Path) -> None:
    parts = cut(tmp_path, 10, [[b"a"], [b"b"], [b"c"]])
    assert [next(parts), next(parts), next(parts)] == [None, None, None]
    assert len(existing(parts)) == 1


def upcoming(parts: Iterator[Slice | None]) -> Slice:
    return next(part for part in parts if part is not None)


def test_nothing_is_cut_from_nothing(tmp_path: Path) -> None:
    assert existing(cut(tmp_path / "none", 2, [None, [], None])) == []
    assert not (tmp_path / "none").exists()


def test_folder_is_created_for_the_first_line(tmp_path: Path) -> None:
    parts = cut(tmp_path / "a" / "b", 2, [[b"x"]])
    upcoming(parts)
    assert len(unfinished(tmp_path / "a" / "b")) == 1


def test_lines_in_waiting_are_removed_when_closed_early(tmp_path: Path) -> None:
    parts = cut(tmp_path, 2, [[b"a"], None, [b"b", b"c"]])
    assert next(parts) is None
    assert len(unfinished(tmp_path)) == 1
    parts.close()
    assert os.listdir(tmp_path) == []


def test_lines_in_waiting_are_removed_when_the_source_fails(tmp_path: Path) -> None:
    def batches() -> Iterator[list[bytes]]:
        yield [b"a"]
        raise ImagineError("cut off")

    with pytest.raises(ImagineError, match="cut off"):
        list(cut(tmp_path, 2, batches()))
    assert os.listdir(tmp_path) == []


def test_a_slice_whose_first_lines_were_removed_is_an_error(tmp_path: Path) -> None:
    batches = cut(tmp_path, 10, [[b"a"], [b"b"]])
    assert next(batches) is None
    (spool,) = tmp_path.iterdir()
    spool.unlink()
    with pytest.raises(ImagineError, match="No such file"):
        existing(batches)


def test_lines_can_be_read_again(tmp_path: Path) -> None:
    (part,) = existing(cut(tmp_path, 2, [[b"a", b"b"]]))
    assert os.listdir(tmp_path) == [os.fsdecode(os.path.basename(part.spool))]
    assert list(part.lines(NEWLINE)) == list(part.lines(NEWLINE)) == [(0, b"a"), (1, b"b")]


def test_names_with_newlines_travel_between_nuls(tmp_path: Path) -> None:
    lines = [b"a\nb", b"\n", b"c\t5\t0"]
    (part,) = existing(cut(tmp_path, 9, [lines], NUL))
    assert [line for _, line in part.lines(NUL)] == lines


@pytest.mark.parametrize("delimiter", [NEWLINE, NUL])
def test_slice_of_many_lines_is_read_whole(tmp_path: Path, delimiter: bytes) -> None:
    lines = [b"folder/of/images/image_%d.jpg\t%d" % (number, number) for number in range(10_000)]
    (part,) = existing(cut(tmp_path, 10_000, [lines], delimiter))
    assert [line for _, line in part.lines(delimiter)] == lines


def test_uncreatable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImagineError, match=r"/file: File exists, and it is not a folder$"):
        list(cut(tmp_path / "file", 2, [[b"a"]]))


@pytest.mark.parametrize("lines", [50, 5000])
def test_full_disk_is_an_error_that_names_the_folder(tmp_path: Path, lines: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(ImagineError, match=rf"^{tmp_path}: File too large$"):
            list(cut(tmp_path, 10_000, [[b"x" * 100]] * lines))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


@settings(max_examples=60)
@given(
    batches=st.lists(st.none() | st.lists(st.integers())),
    size=st.integers(1, 7),
    total=st.integers(1, 3),
)
def test_parts_cut_in_this_process_make_up_the_whole(
    batches: list[list[int] | None], size: int, total: int
) -> None:
    items = [item for batch in batches if batch for item in batch]
    shards = {}
    for number in range(total):
        copies = [None if batch is None else list(batch) for batch in batches]
        for shard, numbered in cut_here(copies, size, Part(number, total)):
            assert shard % total == number
            shards[shard] = list(numbered)
    expected = list(enumerate(items))
    assert [shards[shard] for shard in sorted(shards)] == [
        expected[start : start + size] for start in range(0, len(expected), size)
    ]


def test_a_full_shard_in_this_process_does_not_wait_for_the_next_item() -> None:
    source = iter([["a"], ["b"], ["c"]])
    _, numbered = next(cut_here(source, 2))
    assert list(numbered) == [(0, "a"), (1, "b")]
    assert next(source) == ["c"]
