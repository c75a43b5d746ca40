"""Write man pages and shell completions into the packages: `python docs/update_manuals.py`.

They are made from the parsers. A wheel installs the folder `share` of its package. The files are
part of the repository, so that Hatchling alone builds a wheel, from a checkout or an sdist.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from imagine.cli import COMMANDS
from imagine.cli import build_parser as build_facade
from imagine_common.cli.parser import Parser
from imagine_common.cli.preset_files import load_presets
from imagine_gen.dataset.formats import CHANNELS, FORMATS
from imagine_gen.dataset.options import OPTIONS
from imagine_recordio.names import WRITERS as RECORDIO_WRITERS
from imagine_tfrecord.names import SCHEMAS
from imagine_tfrecord.names import WRITERS as TFRECORD_WRITERS

PACKAGES = Path(__file__).parents[1] / "packages"
TOOLS = ("gen", "tfrecord", "recordio")
COMPLETIONS = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}
# Values of options, by tool and attribute.
CHOICES: dict[str, Mapping[str, Sequence[str]]] = {
    "gen": {
        "image_format": tuple(FORMATS),
        "mode": tuple(CHANNELS),
        **{option.field: option.choices for option in OPTIONS if option.choices},
    },
    "tfrecord": {"schema": SCHEMAS, "writer": TFRECORD_WRITERS},
    "recordio": {"writer": RECORDIO_WRITERS},
}


def main() -> None:
    """Write the files of all packages."""
    for path, text in manuals().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def manuals() -> dict[Path, str]:
    """Return the text of each file."""
    os.environ.pop("IMAGINE_PRESETS", None)  # Its presets are those of this host.
    files = dict(_files("imagine-common", build_facade(), _facade()))
    for tool in TOOLS:
        files.update(_files(f"imagine-{tool}", _tool(tool), _completed(tool)))
    return files


def _files(
    package: str, parser: Parser, completed: argparse.ArgumentParser
) -> Iterator[tuple[Path, str]]:
    share = PACKAGES / package / "share"
    yield share / "man" / "man1" / f"{parser.prog}.1", _man_page(parser)
    for shell, name in COMPLETIONS.items():
        text = shtab.complete(completed, shell)
        yield share / name.format(parser.prog), re.sub(r"\n{3,}", "\n\n", text)


def _tool(tool: str, prog: str = "") -> Parser:
    module = importlib.import_module(f"imagine_{tool}.cli")
    parser: Parser = module.build_parser(prog or f"imagine-{tool}")
    return parser


def _completed(tool: str, prog: str = "") -> Parser:
    """Return a tool's parser with the values of its options, as shtab expects them."""
    parser = _tool(tool, prog)
    presets = [preset.name for preset in load_presets() if tool in preset.options]
    choices = {**CHOICES[tool], "preset": presets}
    for action in parser.actions():
        action.choices = choices.get(action.dest, action.choices)
        if action.metavar in ("DIR", "FILE"):
            kind = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
            action.complete = kind  # type: ignore[attr-defined]
        elif isinstance(action.metavar, str):
            action.metavar = action.metavar.replace(":", "")  # It separates fields for zsh.
    return parser


def _facade() -> argparse.ArgumentParser:
    """Return a parser of all commands with their options; the real one imports the tools late."""

    def parser_of(prog: str, **_: object) -> Parser:
        return _completed(COMMANDS[prog.split()[-1]].package.partition("_")[2], prog)

    parser = argparse.ArgumentParser("imagine", description=build_facade().description)
    commands = parser.add_subparsers(dest="command", parser_class=parser_of)  # type: ignore[call-overload]
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.summary)
    return parser


def _man_page(parser: Parser) -> str:
    """Return a man page: the sections of the help, and what is below them."""
    name = parser.prog
    late = parser.late_epilog() if parser.late_epilog else ""
    epilog, parser.epilog = parser.epilog or "", None
    page = Manpage(parser)
    page.date, page.manual = "", "imagine"
    description = (parser.description or "").rstrip(".")
    page.description = description[0].lower() + description[1:]
    usage = parser.format_usage().removeprefix("usage: ")
    others = ("imagine", *(f"imagine-{tool}" for tool in TOOLS))
    sections = {
        "synopsis": _lines(usage),
        "presets": _lines(late.partition("\n")[2]),
        "examples": _lines("\n".join(parser.examples)),
        "notes": _lines(epilog),
        "see also": _lines(", ".join(f"{other}(1)" for other in others if other != name)),
    }
    for heading, text in sections.items():
        if text:
            page.add_section(heading, "=", text)
    return str(page)


def _lines(text: str) -> str:
    """Return lines of text for roff, which keeps them as they are."""
    if not text:
        return ""
    escaped = text.strip("\n").replace("\\", r"\e").replace("-", r"\-")
    lines = [re.sub(r"^([.'])", r"\&\1", line.strip()) for line in escaped.splitlines()]
    return "\n".join([".nf", *lines, ".fi"])


if __name__ == "__main__":
    main()
