"""Presets in arguments: `--preset` sets the options of a known workload.

Options given together with a preset override it; they also drop the preset's options that
contradict them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from imagine_common.cli.options import add_option
from imagine_common.cli.parser import Parser
from imagine_common.cli.preset_files import Preset, find_preset, load_presets
from imagine_common.errors import UsageError

# An option that is given drops these options of a preset.
_DROPPED_BY = {
    "width": "size-list",
    "height": "size-list",
    "size-list": "width height",
    "quality": "target-size target-size-stdev direct",
    "target-size": "quality target-size-stdev",
    "target-size-stdev": "quality",
    "direct": "quality content",
    "image-format": "compress-level quality subsampling target-size target-size-stdev direct"
    " extension",
    "mode": "subsampling",
    "layout": "files-per-dir subfolders",
    "files-per-dir": "layout subfolders",
    "subfolders": "files-per-dir",
    "shard-samples": "layout subfolders name-format",
    "shard-bytes": "layout subfolders name-format",
    "path": "tar",
    "tar": "path",
    "name": "name-format",
    "name-format": "name",
    "index": "index-path",
    "index-path": "index",
}


def add_preset_option(parser: Parser, tool: str) -> None:
    """Add `--preset` and a list of the presets that have options for a tool (`gen`, ...)."""
    parser.preset_tool = tool
    parser.late_epilog = lambda: _listing(tool)
    group = parser.add_argument_group("preset")
    text = (
        "set the options of a known workload; listed below, or a file such as ./NAME.json; options"
        " given together with it override it"
    )
    add_option(group, "--preset", text, "NAME")
    add_option(group, "--describe", "show what the preset sets and exit")


def parse_with_preset(
    parser: Parser, argv: Sequence[str], positionals: Sequence[str] = ()
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
        if getattr(args, "describe", False):
            raise UsageError("argument --describe: only with --preset")
        return args
    preset = find_preset(args.preset, parser.preset_tool)
    if args.describe:
        parser.show(_description(preset))
    if "files" in given:
        given |= set(positionals)
    words = _words(parser, preset.options[parser.preset_tool], given)
    try:
        parser.parse_args([*words.values()])
    except UsageError as error:
        raise UsageError(f"preset {preset.name}: {error}") from error
    # Later arguments override earlier ones.
    args = parser.parse_intermixed_args([*words.values(), *argv])
    args.given, args.preset_options = frozenset(given), words
    return args


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
        for other in others.split()
    }
    return {
        f"--{name}": _word(name, value)
        for name, value in options.items()
        if name not in dropped and attributes.get(f"--{name}") not in given
    }


def _given(parser: Parser, argv: Sequence[str]) -> set[str]:
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
    try:
        presets = [preset for preset in load_presets() if tool in preset.options]
    except UsageError as error:
        return f"presets:\n  {error}"
    width = max((len(preset.name) for preset in presets), default=0)
    lines = [f"  {preset.name:{width}}  {preset.title}" for preset in presets]
    return "\n".join(["presets:", *lines])


def _description(preset: Preset) -> str:
    from shlex import join
    from textwrap import fill

    notes = [fill(note, 80, initial_indent="- ", subsequent_indent="  ") for note in preset.notes]
    commands = [
        join([f"imagine-{tool}", *(_word(*item) for item in options.items())])
        for tool, options in preset.options.items()
    ]
    return "\n".join([f"{preset.name}: {preset.title}", *notes, *commands, ""])


def _word(name: str, value: str | int | bool) -> str:
    return f"--{name}" if value is True else f"--{name}={value}"
