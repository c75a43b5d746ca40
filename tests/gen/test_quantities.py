from __future__ import annotations

import pytest

from imagine_common.errors import UsageError
from imagine_gen.dataset.options import parse_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("114660", 114_660),
        ("115K", 115_000),
        ("2M", 2_000_000),
        ("1G", 10**9),
        ("112KiB", 114_688),
        ("2MiB", 2**21),
        ("3GiB", 3 * 2**30),
    ],
)
def test_suffixes_are_decimal_or_binary(text: str, count: int) -> None:
    assert parse_bytes("--x", text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "K",
        "-1",
        "+1",
        "1.5M",
        "1e6",
        "1 K",
        "1k",
        "1KB",
        "1kib",
        "0x10",
        "1_000",
        "٣",
        "9" * 19,
    ],
)
def test_other_words_are_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match=r"argument --x: expected bytes, such as 114660, .*not"):
        parse_bytes("--x", text)
