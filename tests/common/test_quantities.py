from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from imagine_common.cli.quantities import byte_count, whole_number


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("114660", 114_660),
        ("115K", 115_000),
        ("115k", 115_000),
        ("115KB", 115_000),
        ("115kb", 115_000),
        ("7B", 7),
        ("2M", 2_000_000),
        ("2mb", 2_000_000),
        ("1G", 10**9),
        ("112KiB", 114_688),
        ("112kib", 114_688),
        ("112Ki", 114_688),
        ("2MiB", 2**21),
        ("3GiB", 3 * 2**30),
    ],
)
def test_units_of_bytes_are_decimal_or_binary(text: str, count: int) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize(
    "text",
    ["", "K", "-1", "+1", "1.5M", "1e6", "1 K", "1iB", "1T", "0x10", "1_000", "٣", "9" * 19],
)
def test_other_words_are_no_bytes(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"^expected bytes, such as 114660, .*, not"):
        byte_count(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-7", -7),
        ("1000", 1000),
        ("1k", 1000),
        ("1K", 1000),
        ("2m", 2_000_000),
        ("2M", 2_000_000),
        ("1G", 10**9),
        ("-3k", -3000),
        (str(2**64), 2**64),
    ],
)
def test_whole_numbers_may_have_a_unit(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "k", "1.5k", "1e6", "1kk", "1KB", "1Ki", "0x10", "9" * 5000])
def test_other_words_are_no_whole_number(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"^expected a whole number, such as 1000, 5k"):
        whole_number(text)
