"""Presets: the options of known workloads, for each tool that has a part in one.

A preset is a file in the folder `presets`: what it is, who says so, notes on where its numbers come
from, and for each tool the options, by their long names. An option that is given beside a preset
wins. Some say the same thing in different ways (a list of sizes, or a width), or go with some
formats only: giving one leaves out what the preset says to the contrary.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from imagine_common.cli.tool import Parser
from imagine_common.errors import UsageError

_FOLDER = os.path.join(os.path.dirname(__file__), "presets")
_SUFFIX = ".json"
_TOOLS = ("gen", "tfrecord", "recordio")

# What a preset says of these is left out where an option is given.
_LEFT_OUT_BY = {
    "width": {"size-list"},
    "height": {"size-list"},
    "size-list": {"width", "height"},
    "quality": {"target-size", "target-size-stdev"},
    "target-size": {"quality", "target-size-stdev"},
    "target-size-stdev": {"quality"},
    "image-format": {"subsampling", "target-size", "target-size-stdev", "compress-level"},
    "mode": {"subsampling"},
    "layout": {"files-per-dir"},
    "files-per-dir": {"layout"},
    "path": {"tar"},
    "tar": {"path"},
    "name": {"name-format"},
    "name-format": {"name"},
    "index": {"index-path"},
    "index-path": {"index"},
}


class Preset(NamedTuple):
    """A workload; `options` are those of each tool that has some, by their names without dashes."""

    name: str
    summary: str
    source: str
    options: dict[str, dict[str, str | int | bool]]


def add_preset_option(parser: Parser, tool: str) -> None:
    """Add `--preset`, with the presets that have options for a tool (`gen`, `tfrecord`…)."""
    parser.preset_tool = tool
    parser.add_late_epilog(lambda: _listing(tool))
    parser.add_argument_group("preset").add_argument(
        "--preset",
        metavar="NAME",
        help="set the options of a known workload, of which there is a list below; options given"
        " beside it win",
    )


def parse_with_preset(
    parser: Parser, argv: Sequence[str] | None, positionals: Sequence[str] = ()
) -> argparse.Namespace:
    """Parse arguments, completed by the options of a preset where one is named.

    Parameters
    ----------
    parser : Parser
    argv : sequence of str, optional
        The process's arguments unless given.
    positionals : sequence of str
        For which attributes the positional arguments stand, where there are some.

    Returns
    -------
    argparse.Namespace
        In it also `given`: the attributes that the arguments set themselves, if to their defaults;
        and `preset_options`: what the preset has set, as it could have been given.

    Raises
    ------
    UsageError
        Where arguments can't be parsed, and where the preset is unknown or has nothing for the
        tool.
    """
    args = parser.parse_intermixed_args(argv)
    given = _given(parser, argv)
    args.given, args.preset_options = frozenset(given), {}
    if getattr(args, "preset", None) is None:
        return args
    preset = find_preset(args.preset, parser.preset_tool)
    if "files" in given:
        given |= set(positionals)
    words = {
        f"--{name}": f"--{name}" if value is True else f"--{name}={value}"
        for name, value in _options_beside(parser, preset, given).items()
    }
    try:
        parser.parse_args([*words.values()])
    except UsageError as error:
        raise UsageError(f"preset {preset.name}: {error}") from error
    # Those that come later win.
    args = parser.parse_intermixed_args([*words.values(), *_arguments(argv)])
    args.given, args.preset_options = frozenset(given), words
    return args


def blame_preset(args: argparse.Namespace, error: UsageError) -> UsageError:
    """Return an error about options, with those that a preset has set told as such."""
    words: dict[str, str] = getattr(args, "preset_options", {})
    told = [word for option, word in words.items() if re.search(rf"{option}(?![-\w])", str(error))]
    if not told:
        return error
    return UsageError(f"{error} (preset {args.preset} has {' '.join(told)})")


def find_preset(name: str, tool: str) -> Preset:
    """Return a preset that has options for a tool.

    Raises
    ------
    UsageError
        Where there is none, with those that there are.
    """
    having = [preset for preset in load_presets() if tool in preset.options]
    for preset in having:
        if preset.name == name:
            return preset
    known = any(preset.name == name for preset in load_presets())
    problem = f"{name} has nothing for this tool" if known else f"no preset {name!r}"
    names = ", ".join(preset.name for preset in having)
    raise UsageError(f"argument --preset: {problem}; there are {names}")


@lru_cache(maxsize=1)
def load_presets() -> tuple[Preset, ...]:
    """Return all presets, in the order of their names."""
    import json

    presets = []
    for file_name in os.listdir(_FOLDER):
        if file_name.endswith(_SUFFIX):
            with open(os.path.join(_FOLDER, file_name), encoding="utf-8") as file:
                data = json.load(file)
            name = file_name.removesuffix(_SUFFIX)
            options = {tool: data[tool] for tool in _TOOLS if tool in data}
            presets.append(Preset(name, data["summary"], data["source"], options))
    return tuple(sorted(presets))


def _options_beside(parser: Parser, preset: Preset, given: set[str]) -> dict[str, str | int | bool]:
    """Return a preset's options but for those that others, given, replace or leave out."""
    left_out = set()
    for option, others in _LEFT_OUT_BY.items():
        if _destination(parser, option) in given:
            left_out |= others
    return {
        name: value
        for name, value in preset.options[parser.preset_tool].items()
        if name not in left_out and _destination(parser, name) not in given
    }


def _destination(parser: Parser, option: str) -> str | None:
    """Return the attribute that an option sets, or None where the parser doesn't know it."""
    action = parser._option_string_actions.get(f"--{option}")
    return action.dest if action else None


def _given(parser: Parser, argv: Sequence[str] | None) -> set[str]:
    """Return the attributes that arguments set, other than by default."""
    defaults: list[tuple[argparse.Action, Any]] = [
        (action, action.default) for action in parser._actions
    ]
    try:
        for action, _ in defaults:
            action.default = argparse.SUPPRESS
        return set(vars(parser.parse_intermixed_args(argv)))
    finally:
        for action, default in defaults:
            action.default = default


def _arguments(argv: Sequence[str] | None) -> Sequence[str]:
    return sys.argv[1:] if argv is None else argv


def _listing(tool: str) -> str:
    """Return the lines of the help about the presets that have options for a tool."""
    having = [preset for preset in load_presets() if tool in preset.options]
    width = max((len(preset.name) for preset in having), default=0)
    lines = [f"  {preset.name:{width}}  {preset.summary} ({preset.source})" for preset in having]
    return "\n".join(["presets:", *lines])
