"""The parser of every command line: two lengths of help, and errors that suggest what was meant."""

from __future__ import annotations

import argparse
import copy
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from imagine_common import __version__
from imagine_common.cli.report import discard, write_text
from imagine_common.errors import ImagineError, StdoutClosed, UsageError
from imagine_common.text import did_you_mean

_UNKNOWN = "unrecognized arguments: "
# Words that other programs use for an option.
_OTHER_WORDS = {
    "path": "o out output output-dir outdir dest dir directory folder",
    "dest-path": "o out output output-dir outdir path dir directory folder",
    "source-path": "i in input input-dir src images",
    "count": "n num number num-images images samples length",
    "img-per-file": "shard-size per-file images-per-shard images-per-file batch-size",
    "image-format": "type format ext",
    "width": "resolution dimensions shape",
    "workers": "j p jobs threads processes procs",
    "name": "prefix",
}


class Parser(argparse.ArgumentParser):
    """An argument parser with two lengths of help, no abbreviations, and errors of one line.

    `examples` are command lines; the short help shows the first three. `common` are the options of
    the short help, which shows their help up to the first semicolon or bracket. A pattern in
    `hints` that is found in an error adds its text, expanded by `re.Match.expand`.
    """

    def __init__(
        self,
        prog: str,
        usage: str,
        description: str,
        epilog: str = "",
        examples: Sequence[str] = (),
        common: str = "",
        hints: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            add_help=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.preset_tool = ""
        self.examples = examples
        self.late_epilog: Callable[[], str] | None = None  # before the epilog; slow to make
        self.libraries: Callable[[], Iterable[str]] = tuple  # with versions; bytes depend on them
        self._common = common.split()
        self._hints = hints or {}

    def format_help(self) -> str:
        """Return the help."""
        late = [self.late_epilog()] if self.late_epilog else []
        examples = ["\n  ".join(("examples:", *self.examples))] if self.examples else []
        epilog = self.epilog or ""
        self.epilog = "\n\n".join((*late, *examples, epilog))
        try:
            return super().format_help()
        finally:
            self.epilog = epilog

    def format_short_help(self) -> str:
        """Return the usage, three examples and the common options, which fit on a screen."""
        formatter = argparse.RawDescriptionHelpFormatter(self.prog, max_help_position=26)
        formatter.add_usage(self.usage, [], [])
        formatter.start_section("examples")
        formatter.add_text("\n".join(self.examples[:3]))
        formatter.end_section()
        formatter.start_section("common options")
        for option in self._common:
            action = copy.copy(self._option_string_actions[option])
            action.help = re.split(r"; | \(", action.help or "")[0]
            formatter.add_argument(action)
        formatter.end_section()
        formatter.add_text(f"All options: {self.prog} --help")
        return formatter.format_help()

    def actions(self) -> list[argparse.Action]:
        """Return the parser's options and positional arguments."""
        # Private to argparse; checked with Python 3.10 to 3.13.
        return self._actions

    def add_closing_options(self, group: argparse._ArgumentGroup) -> None:
        """Add the options at the end of every tool's help."""
        # With -0 as an option, argparse would also parse a value such as -1 as an option.
        # Private to argparse; checked with Python 3.10 to 3.13.
        self._has_negative_number_optionals.clear()
        names = ["-h", "--help"]
        if self._common:
            text = "show the common options and exit"
            group.add_argument(names.pop(0), action=_Show, const=self.format_short_help, help=text)
        group.add_argument(*names, action="help", help="show this help and exit")
        text = "show the version, and the libraries that bytes depend on, and exit"
        group.add_argument("--version", action=_Show, const=self._versions, help=text)

    def _versions(self) -> str:
        return "".join(f"{line}\n" for line in (f"{self.prog} {__version__}", *self.libraries()))

    def show(self, text: str) -> NoReturn:
        """Print a text on stdout and exit."""
        self._print_message(text, sys.stdout)
        self.exit()

    def _print_message(self, message: str, file: object = None) -> None:
        # argparse ignores a closed stdout. Private to argparse; checked with Python 3.10 to 3.13.
        try:
            write_text(sys.stderr if file == sys.stderr else sys.stdout, message)
        except OSError as error:
            discard(1)
            if isinstance(error, BrokenPipeError):
                raise StdoutClosed from None
            raise ImagineError(f"standard output: {error.strerror}") from error

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message about the arguments as a `UsageError`, with a suggestion."""
        for pattern, text in self._hints.items():
            if match := re.search(pattern, message):
                raise UsageError(f"{message}; {match.expand(text)}")
        unknown = re.match(rf"{_UNKNOWN}(?:.* )?(--?[^ =]+)", message)
        raise UsageError(message + (self._closest_option(unknown[1]) if unknown else ""))

    def _closest_option(self, word: str) -> str:
        """Return a suggestion for an option: by a word in common, or by spelling."""
        wanted = word.strip("-").replace("_", "-").lower()
        known = [
            option.removeprefix("--")
            for action in self._actions
            if action.help != argparse.SUPPRESS
            for option in action.option_strings
            if option.startswith("--")
        ]
        for name in known:
            if wanted in _OTHER_WORDS.get(name, "").split():
                return f" (did you mean --{name}?)"
        parts = {*wanted.split("-")}
        for name in known:
            if len(wanted) > 2 and (name.startswith(wanted) or parts & {*name.split("-")}):
                return f" (did you mean --{name}?)"
        return did_you_mean(wanted, known, "--")


class _Show(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **kwargs)

    def __call__(self, parser: Any, *_: object) -> None:
        parser.show(self.const())
