"""From a tool's options to who works: processes of this machine, or a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError

if TYPE_CHECKING:
    from imagine_common.parallel.ordered_map import Workers

_PACKAGE = "imagine-common"
_LOGGERS = ("distributed", "tornado", "asyncio")


@contextmanager
def open_workers(
    args: argparse.Namespace, tool: str, packages: Sequence[str] = ()
) -> Iterator[Workers | None]:
    """Give the workers that `--workers` and `--scheduler` ask for, or None for the usual number.

    `tool` is the package that works, and `packages` those besides it that a cluster must have in
    the same version.

    Raises
    ------
    UsageError
        Where both are given, or what a cluster needs is not installed here.
    ImagineError
        As `DaskCluster` does.
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
            f"argument --scheduler: needs Dask; run: pip install '{tool}[dask]' ({error})"
        ) from error
    cluster = DaskCluster(args.scheduler, (_PACKAGE, tool, *packages))
    with warnings.catch_warnings():
        if not args.verbose:
            warnings.simplefilter("ignore")
            _silence_loggers()
        with cluster:
            yield cluster


def refuse_scheduler(args: argparse.Namespace, option: str, reason: str) -> None:
    """Refuse a cluster for what this process does itself.

    Raises
    ------
    UsageError
    """
    if args.scheduler is not None:
        raise UsageError(f"argument --scheduler: not with {option}, {reason}")


def _silence_loggers() -> None:
    """Keep Dask from writing on stderr: what matters of it arrives as an error."""
    import logging  # which takes a tenth of the time of --help

    known = list(logging.root.manager.loggerDict)
    for name in {*_LOGGERS, *(name for name in known if name.startswith(_LOGGERS))}:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
