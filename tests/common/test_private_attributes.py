"""Private attributes of the standard library that imagine uses do what it expects of them."""

from __future__ import annotations

import argparse
import contextlib
import sys

import pytest

from imagine_common.cli.options import add_null_option
from imagine_common.cli.parser import Parser
from imagine_common.errors import ImagineError


def make_parser() -> Parser:
    parser = Parser("tool", usage="%(prog)s", description="")
    group = parser.add_argument_group("options")
    group.add_argument("--count", type=int)
    group.add_argument("files", nargs="*")
    add_null_option(group, "stdout")
    parser.add_closing_options(group)
    return parser


def test_argparse_knows_options_and_positionals_by_their_attributes() -> None:
    attributes = [action.dest for action in make_parser().actions()]
    assert attributes == ["count", "files", "delimiter", "help", "version"]


def test_argparse_takes_negative_numbers_as_values_beside_the_option_0() -> None:
    assert make_parser().parse_args(["--count", "-1", "-0"]).count == -1


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_argparse_prints_through_the_parser(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    discarded: list[int] = []
    monkeypatch.setattr("imagine_common.cli.parser.discard", discarded.append)
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(ImagineError, match=r"^standard output: No space left on device$"):
            make_parser().parse_args([option])
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert discarded == [1]


def test_argparse_sets_defaults_from_its_actions() -> None:
    parser = make_parser()
    for action in parser.actions():
        action.default = argparse.SUPPRESS
    assert vars(parser.parse_args(["--count=1"])) == {"count": 1}
