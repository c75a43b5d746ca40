"""Options that several tools share, and the workers that they choose.

A function named `add_...` adds one option or two to a parser.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imagine_common.cli.quantities import whole_number
from imagine_common.cli.report import print_stderr
from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NEWLINE, NUL
from imagine_common.text import printable

if TYPE_CHECKING:
    from imagine_common.parallel.ordered_map import Workers

_RUN_OPTIONS = {"workers", "scheduler", "delimiter", "quiet", "verbose", "summary_json"}
_LOGGERS = ("distributed", "tornado", "asyncio")


def add_option(
    group: argparse._ActionsContainer,
    names: str,
    text: str,
    metavar: str | None = None,
    default: object = None,
    parse: Callable[[str], object] = str,
    **kwargs: Any,
) -> None:
    """Add an option and, if it is not None, its default to the help; a flag without `metavar`."""
    if metavar is None:
        group.add_argument(*names.split(), action="store_true", help=text)
        return
    if default not in (None, ()):
        text += " (default: %(default)s)"
    group.add_argument(names, metavar=metavar, default=default, type=parse, help=text, **kwargs)


def add_alias(parser: argparse._ActionsContainer, spelling: str, dest: str, **kwargs: Any) -> None:
    """Accept another spelling of an option, which the help does not show."""
    hidden = argparse.SUPPRESS
    parser.add_argument(spelling, dest=dest, default=hidden, help=hidden, **kwargs)


def add_null_option(parser: argparse._ActionsContainer, where: str) -> None:
    """Add `-0`, which ends paths with NUL on the streams named by `where`."""
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
    """Add `--workers` and `--scheduler`; each worker does `what`."""
    text = f"processes, each of which {what} (default: the number of usable CPUs)"
    add_option(parser, "--workers", text, "N", None, whole_number)
    text = "work on a Dask cluster that shares the files: tcp://HOST:PORT or a scheduler file"
    add_option(parser, "--scheduler", text, "ADDRESS")


def add_part_option(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--part`, which selects `what`."""
    text = f"do only part I of N, counted from 0: {what}; all parts give what one run gives"
    add_option(parser, "--part", text, "I/N")


def add_others_options(parser: argparse._ActionsContainer) -> None:
    """Add `--clean` and `--keep-others`."""
    text = "remove files of other runs that are named like these, instead of refusing to run"
    add_option(parser, "--clean", text)
    add_option(parser, "--keep-others", "leave such files there")


def keep_others_of_parts(args: argparse.Namespace, *options: str) -> None:
    """Keep other files if one of the options divides the dataset: they are those of other parts."""
    for option in options:
        if was_given(args, option) or option in args.preset_options:
            if args.clean:
                raise UsageError(
                    f"argument --clean: not with {option}, which leaves files to other parts"
                )
            args.keep_others = True


def add_fsync_option(parser: argparse._ActionsContainer) -> None:
    """Add `--fsync`."""
    text = "write each file to the disk before listing it, to survive a power failure"
    add_option(parser, "--fsync", text)


def was_given(args: argparse.Namespace, option: str) -> bool:
    """Return whether the arguments themselves, not a preset, include an option."""
    return option[2:].replace("-", "_") in args.given


def refuse_others(args: argparse.Namespace, mode: str, *allowed: str) -> None:
    """Refuse options without a use in a mode: those that are not allowed there, or in any run."""
    for name in sorted(args.given - _RUN_OPTIONS - {*allowed}):
        raise UsageError(f"argument --{name.replace('_', '-')}: not with {mode}")


def add_message_options(parser: argparse._ActionsContainer) -> None:
    """Add `--quiet`, `--verbose` and `--summary-json`."""
    add_option(parser, "-q --quiet", "no progress, no summary: errors and warnings")
    add_option(parser, "-v --verbose", "show a traceback with an error")
    text = "write the numbers of the run, its exit code and its error into FILE, as JSON"
    add_option(parser, "--summary-json", text, "FILE", None, os.fsencode)


@contextmanager
def open_workers(
    args: argparse.Namespace, tool: str, packages: Sequence[str] = ()
) -> Iterator[Workers | None]:
    """Yield the workers for `--workers` and `--scheduler`, or None for the default number.

    A cluster must have the tool's package and further `packages` in the versions of this host.
    """
    if args.scheduler is None:
        yield args.workers
        return
    if args.workers is not None:
        raise UsageError("argument --workers: not with --scheduler; a cluster has its own workers")
    import warnings

    try:
        from imagine_common.parallel.cluster.connection import DaskCluster
    except ImportError as error:
        raise UsageError(
            "argument --scheduler: needs Dask; in a checkout: pip install"
            f" './packages/imagine-common[dask]' ({error})"
        ) from error

    def notify(message: str) -> None:
        if not args.quiet:
            print_stderr(f"{args.prog}: {printable(message)}")

    cluster = DaskCluster(args.scheduler, ("imagine-common", tool, *packages), notify)
    with warnings.catch_warnings():
        if not args.verbose:
            warnings.simplefilter("ignore")
            _silence_loggers()
        with cluster:
            yield cluster


def _silence_loggers() -> None:
    """Keep Dask's log off stderr: what matters is raised as an error."""
    import logging  # Slow to import, and --help does not need it.

    known = list(logging.root.manager.loggerDict)
    for name in {*_LOGGERS, *(name for name in known if name.startswith(_LOGGERS))}:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
