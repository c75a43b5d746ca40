"""Presets: the options of known workloads.

A preset is a JSON file in the folder `presets`: a summary, its source, notes on where its numbers
come from, and the options of each tool by their long names. Options given together with a preset
override it; they also drop the preset's options that contradict them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from imagine_common.cli.tool import Parser
from imagine_common.errors import UsageError

_FOLDER = os.path.join(os.path.dirname(__file__), "presets")
_TOOLS = ("gen", "tfrecord", "recordio")

# An option that is given drops these options of a preset.
_DROPPED_BY = {
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
    """A workload; `options` maps a tool to its options, named without dashes."""

    name: str
    summary: str
    source: str
    options: dict[str, dict[str, str | int | bool]]


def add_preset_option(parser: Parser, tool: str) -> None:
    """Add `--preset` and a list of the presets that have options for a tool (`gen`, ...)."""
    parser.preset_tool = tool
    parser.late_epilog = lambda: _listing(tool)
    parser.add_argument_group("preset").add_argument(
        "--preset",
        metavar="NAME",
        help="set the options of a known workload, listed below; options given together with it"
        " override it",
    )


def parse_with_preset(
    parser: Parser, argv: Sequence[str] | None, positionals: Sequence[str] = ()
) -> argparse.Namespace:
    """Parse arguments and add the options of a preset if `--preset` names one.

    `positionals` are the attributes that positional arguments will set. In the result, `given` is
    the set of the attributes that the arguments themselves set, and `preset_options` maps each
    option that the preset set to its spelling as an argument.
    """
    args = parser.parse_intermixed_args(argv)
    given = _given(parser, argv)
    args.given, args.preset_options = frozenset(given), {}
    if getattr(args, "preset", None) is None:
        return args
    preset = find_preset(args.preset, parser.preset_tool)
    if "files" in given:
        given |= set(positionals)
    words = _words(parser, preset.options[parser.preset_tool], given)
    try:
        parser.parse_args([*words.values()])
    except UsageError as error:
        raise UsageError(f"preset {preset.name}: {error}") from error
    # Later arguments override earlier ones.
    args = parser.parse_intermixed_args(
        [*words.values(), *(sys.argv[1:] if argv is None else argv)]
    )
    args.given, args.preset_options = frozenset(given), words
    return args


def find_preset(name: str, tool: str) -> Preset:
    """Return a preset, or raise a `UsageError` if it is unknown or not for a tool."""
    presets = {preset.name: preset for preset in load_presets()}
    names = [preset.name for preset in presets.values() if tool in preset.options]
    if name in names:
        return presets[name]
    problem = f"{name} has no options for this tool" if name in presets else f"no preset {name!r}"
    raise UsageError(f"argument --preset: {problem}; known presets: {', '.join(names)}")


@lru_cache(maxsize=1)
def load_presets() -> tuple[Preset, ...]:
    """Return all presets, sorted by name."""
    import json

    presets = []
    for file_name in os.listdir(_FOLDER):
        name, suffix = os.path.splitext(file_name)
        if suffix == ".json":
            with open(os.path.join(_FOLDER, file_name), encoding="utf-8") as file:
                data = json.load(file)
            options = {tool: data[tool] for tool in _TOOLS if tool in data}
            presets.append(Preset(name, data["summary"], data["source"], options))
    return tuple(sorted(presets))


def _words(
    parser: Parser, options: Mapping[str, str | int | bool], given: set[str]
) -> dict[str, str]:
    """Return a preset's options as arguments, without those that given ones override or drop."""
    attributes = {
        word: action.dest for action in parser.actions() for word in action.option_strings
    }
    dropped = {
        other
        for option, others in _DROPPED_BY.items()
        if attributes.get(f"--{option}") in given
        for other in others
    }
    return {
        f"--{name}": f"--{name}" if value is True else f"--{name}={value}"
        for name, value in options.items()
        if name not in dropped and attributes.get(f"--{name}") not in given
    }


def _given(parser: Parser, argv: Sequence[str] | None) -> set[str]:
    """Return the attributes that arguments set, to their defaults or not."""
    defaults = [(action, action.default) for action in parser.actions()]
    try:
        for action, _ in defaults:
            action.default = argparse.SUPPRESS
        return set(vars(parser.parse_intermixed_args(argv)))
    finally:
        for action, default in defaults:
            action.default = default


def _listing(tool: str) -> str:
    """Return the help's list of the presets for a tool."""
    presets = [preset for preset in load_presets() if tool in preset.options]
    width = max((len(preset.name) for preset in presets), default=0)
    lines = [f"  {preset.name:{width}}  {preset.summary} ({preset.source})" for preset in presets]
    return "\n".join(["presets:", *lines])
