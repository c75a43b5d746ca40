"""The command `imagine`: runs the tools with the commands and arguments of Imageinary."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, NoReturn

from imagine_common.cli.parser import Parser
from imagine_common.cli.presets import parse_with_preset
from imagine_common.cli.tool import run_tool
from imagine_common.errors import UsageError
from imagine_common.text import did_you_mean


class Command(NamedTuple):
    """A command: its tool's package, and the attributes that its positional arguments set."""

    package: str
    positionals: tuple[str, ...]
    summary: str


_PACK = ("source_path", "dest_path", "name")
COMMANDS = {
    "create-images": Command(
        "imagine_gen", ("path", "name", "image_format"), "generate images (imagine-gen)"
    ),
    "create-tfrecords": Command(
        "imagine_tfrecord", _PACK, "pack images into TFRecord files (imagine-tfrecord)"
    ),
    "create-tfrecord": Command("imagine_tfrecord", _PACK, "the same"),
    "create-recordio": Command(
        "imagine_recordio", _PACK, "pack images into RecordIO files (imagine-recordio)"
    ),
}


def build_parser() -> Parser:
    """Return the parser of the arguments before a command."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    parser = Parser(
        prog="imagine",
        usage="%(prog)s COMMAND [options]",
        description="Run a tool of imagine under the name of the program that it replaces.",
        epilog="\n".join(["commands:", *lines, "", "imagine COMMAND --help shows its options."]),
    )
    parser.add_closing_options(parser.add_argument_group("options"))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named by the first argument and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    command = COMMANDS.get(argv[0]) if argv else None
    if command is None or importlib.util.find_spec(command.package) is None:
        return run_tool(build_parser(), lambda _: None, argv, parse=_refuse)
    tool = importlib.import_module(f"{command.package}.cli")
    parser: Parser = tool.build_parser(prog=f"imagine {argv[0]}")
    if not any(action.dest == "files" for action in parser.actions()):
        parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    parse = partial(name_positionals, names=command.positionals)
    return run_tool(parser, tool.run, argv[1:], parse)


def name_positionals(
    parser: Parser, argv: Sequence[str], names: Sequence[str]
) -> argparse.Namespace:
    """Parse arguments and set attributes from the positional ones, given all or none.

    With `--test` or `--index-only`, positional arguments are the files to check.
    """
    args = parse_with_preset(parser, argv, names)
    args.only_warns = True  # The original packs any file, and stops for none.
    if not args.keep_others:
        args.keep_others = None
    values = args.files
    if values and not (getattr(args, "test", False) or getattr(args, "index_only", False)):
        args.files = []
        if len(values) != len(names):
            wanted = " ".join(names).upper().replace("_PATH", "")
            raise UsageError(
                f"expected the arguments {wanted}, or their options, not: {' '.join(values)}"
            )
        unset = parser.parse_args([])
        types = {action.dest: action.type for action in parser.actions()}
        for name, text in zip(names, values):
            convert = types[name]
            value = convert(text) if callable(convert) else text
            if getattr(args, name) not in (getattr(unset, name), value):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"the argument {text!r} contradicts {option}; give one of them")
            setattr(args, name, value)
    return args


def _refuse(parser: Parser, argv: Sequence[str]) -> NoReturn:
    """Handle arguments that run no tool: --help, --version or invalid ones."""
    name = argv[0] if argv else ""
    if name in COMMANDS:
        tool = COMMANDS[name].package.replace("_", "-")
        raise UsageError(f"{name} needs {tool}; in a checkout: pip install ./packages/{tool}")
    if name.startswith("-"):
        parser.parse_args(argv)
    problem = f"unknown command {name!r}" if name.strip("-") else "no command"
    tools = {command.package.replace("_", "-") for command in COMMANDS.values()}
    tool = f"imagine-{name}"
    meant = f" (did you mean {tool}?)" if tool in tools else did_you_mean(name, COMMANDS)
    raise UsageError(f"{problem}; known commands: {', '.join(COMMANDS)}{meant}")
