"""Options that several tools share, each a function that gives it to a parser."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NEWLINE, NUL


def add_alias(parser: argparse._ActionsContainer, spelling: str, dest: str, **kwargs: Any) -> None:
    """Accept another spelling of an option, without showing it."""
    hidden = argparse.SUPPRESS
    parser.add_argument(spelling, dest=dest, default=hidden, help=hidden, **kwargs)


def add_null_option(parser: argparse._ActionsContainer, where: str) -> None:
    """Add `-0`: NUL instead of newline, on the streams that `where` names."""
    parser.add_argument(
        "-0",
        "--null",
        dest="delimiter",
        action="store_const",
        const=NUL,
        default=NEWLINE,
        help=f"end paths with NUL instead of newline, on {where}",
    )


def add_workers_option(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--workers`, of which each does `what`, and `--scheduler`, for workers elsewhere."""
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help=f"processes, each of which {what} (default: the CPUs that this process may use)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="work on a Dask cluster that shares the files: tcp://HOST:PORT or a scheduler file",
    )


def add_part_option(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--part`, which divides `what`."""
    parser.add_argument(
        "--part",
        metavar="I/N",
        help=f"do only part I, from 0, of N: {what}; all parts together are the whole",
    )


def add_fsync_option(parser: argparse._ActionsContainer) -> None:
    """Add `--fsync`."""
    parser.add_argument(
        "--fsync",
        action="store_true",
        help="have each file on the disk before it is listed, to survive a loss of power",
    )


def refuse_options(args: argparse.Namespace, options: Sequence[str], mode: str) -> None:
    """Refuse options that write beside one that writes nothing; a preset may have them.

    Raises
    ------
    UsageError
        Naming the first of `options` that was given.
    """
    for option in options:
        if was_given(args, option):
            raise UsageError(f"argument {option}: not with {mode}, which writes nothing")


def was_given(args: argparse.Namespace, option: str) -> bool:
    """Tell whether an option was given, if with its default, other than by a preset."""
    return option[2:].replace("-", "_") in args.given


def add_message_options(parser: argparse._ActionsContainer) -> None:
    """Add `--quiet` and `--verbose`."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="say nothing on stderr but errors"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show a traceback with an error"
    )
