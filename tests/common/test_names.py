from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NEWLINE, NUL
from imagine_common.exchange.name_format import NameFormat
from imagine_common.exchange.names import check_names, natural_key


@pytest.mark.parametrize(
    "ordered",
    [
        [b"image_2", b"image_10"],
        [b"0", b"1", b"9", b"10", b"99", b"100"],
        [b"a", b"a0", b"a1"],
        [b"x9y2", b"x9y10", b"x10y1"],
        [b"image-1", b"image0", b"image1", b"image:", b"image_1"],
        [b"a01", b"a1", b"a02", b"a2"],
        [b"a0", b"a00", b"a1"],
        [b"a1", b"a1.jpg", b"a1b"],
        [b"B1", b"a1", b"\xff1"],
        [b"n" + b"9" * 200, b"n1" + b"0" * 200],
        [b"9" * 255],
        [b"n" + b"9" * 300, b"n1" + b"0" * 300, b"n" + b"9" * 1000],  # of objects in a store
    ],
)
def test_numbers_in_names_sort_by_value(ordered: list[bytes]) -> None:
    backwards = ordered[::-1]
    assert sorted(backwards, key=natural_key) == ordered


def key_by_ints(name: bytes) -> tuple[list[tuple[int, int]], bytes]:
    runs = re.findall(rb"[0-9]+|[^0-9]", name, re.DOTALL)
    return [(ord("0"), int(run)) if run.isdigit() else (ord(run), -1) for run in runs], name


NAMES = st.one_of(
    st.binary(max_size=20),
    st.lists(st.sampled_from([b"0", b"1", b"9", b"a", b"/", b":", b"\0", b"\n", b"_"])).map(
        b"".join
    ),
)


@settings(max_examples=300)
@given(names=st.lists(NAMES, max_size=12))
def test_natural_order_is_that_of_the_numbers(names: list[bytes]) -> None:
    assert sorted(names, key=natural_key) == sorted(names, key=key_by_ints)


@settings(max_examples=100)
@given(names=st.lists(st.binary(max_size=4), unique=True))
def test_different_names_have_different_keys(names: list[bytes]) -> None:
    assert len(set(map(natural_key, names))) == len(names)


@pytest.mark.parametrize(
    ("prefix", "suffix", "count", "found"),
    [
        (b"x", b"", 0, [b"x0", b"x1", b"x2", b"x10", b"x100"]),
        (b"x", b"", 2, [b"x2", b"x10", b"x100"]),
        (b"x", b"", 101, []),
        (b"x", b".rec", 0, [b"x2.rec", b"x11.rec"]),
        (b"x", b".rec", 3, [b"x11.rec"]),
        (b"x1", b"", 0, [b"x10"]),
        (b"", b"", 0, [b"7"]),
        (b".+", b"", 0, [b".+3"]),
        (b"\xff", b"", 0, [b"\xff4"]),
    ],
)
def test_numbered_names_are_found_in_order(
    tmp_path: Path, prefix: bytes, suffix: bytes, count: int, found: list[bytes]
) -> None:
    folder = os.fsencode(tmp_path)
    others = [b"x", b"x01", b"x-1", b"x1_", b"y1", b"ax1", b"x.rec", b"x2.recs", b"x2-rec", b"x\n1"]
    ours = [b"x100", b"x10", b"x2", b"x1", b"x0", b"x11.rec", b"x2.rec", b"7", b".+3", b"\xff4"]
    for name in others + ours:
        with open(os.path.join(folder, name), "wb"):
            pass
    names = NameFormat.from_prefix(prefix, ("index", "count"))
    others_found = names.others(folder, suffix, lambda number, _: number < count)
    assert list(others_found) == found


def test_missing_folder_has_no_numbered_names(tmp_path: Path) -> None:
    names = NameFormat.from_prefix(b"x", ("index", "count"))
    assert list(names.others(os.fsencode(tmp_path / "none"), b"", lambda *_: False)) == []


def test_numbers_are_as_long_as_the_total(tmp_path: Path) -> None:
    for text, name in {
        b"img_{index:0*}_of_{count}": b"img_0007_of_1000",
        b"{index:0*d}": b"0007",
        b"100%{index:03d}{{}}%d": b"100%007{}%d",
        b"{index}{index:5}-{count:06}": b"7    7-001000",
    }.items():
        assert NameFormat.from_format(text, ("index", "count")).name(7, 1000) == name
    for other in ("07", "007", "0007", "1007", "0x07", "00007.png"):
        (tmp_path / f"{other}.jpg").touch()
    names = NameFormat.from_format(b"{index:0*}", ("index", "count"))
    found = names.others(os.fsencode(tmp_path), b".jpg", lambda _, name: len(name) == 8)
    assert list(found) == [b"007.jpg", b"07.jpg"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"img", "has no {index}"),
        (b"{count}", "has no {index}"),
        (b"{shard}", "fields are {index} and {count}"),
        (b"{index!r}", "fields are"),
        (b"{index:>5}", "fields are"),
        (b"{index:*}", "fields are"),
        (b"{index:0999}", "fields are"),
        (b"{index.real}", "fields are"),
        (b"{index:{count}}", "fields are"),
        (b"{index", "expected '}'"),
        (b"i" * 230 + b"{index}", "longer than 230 bytes"),
    ],
)
def test_formats_have_known_fields_with_widths(text: bytes, words: str) -> None:
    with pytest.raises(UsageError, match="argument --name-format: ") as error:
        NameFormat.from_format(text, ("index", "count"))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("folder", "prefix", "delimiter"),
    [
        (b"images", b"image_", NEWLINE),
        (b"a/b", b"", NEWLINE),
        (b"/", b".", NEWLINE),
        (b"\xff", b"\xff", NEWLINE),
        (b"a\nb", b"c\n", NUL),
        (b"a\tb", b"c\t", NEWLINE),
    ],
)
def test_usable_names_are_accepted(folder: bytes, prefix: bytes, delimiter: bytes) -> None:
    check_names(folder, prefix, delimiter)


@pytest.mark.parametrize(
    ("folder", "prefix", "delimiter", "words"),
    [
        (b"", b"x", NEWLINE, "the folder's name is empty"),
        (b"a", b"b/c", NEWLINE, "argument --name: b/c has a slash"),
        (b"a\nb", b"x", NEWLINE, r"a\\nb/x: a name with a newline needs -0"),
        (b"a", b"x\n", NEWLINE, r"a/x\\n: a name with a newline needs -0"),
        (b"a\0b", b"x", NUL, r"a\\x00b/x"),
    ],
)
def test_unusable_names_are_wrong_usage(
    folder: bytes, prefix: bytes, delimiter: bytes, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        check_names(folder, prefix, delimiter)
