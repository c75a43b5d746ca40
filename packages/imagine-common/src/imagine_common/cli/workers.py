"""Workers for a tool's options: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError

if TYPE_CHECKING:
    from imagine_common.parallel.ordered_map import Workers

_LOGGERS = ("distributed", "tornado", "asyncio")


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
            f"argument --scheduler: needs Dask; run: pip install '{tool}[dask]' ({error})"
        ) from error
    cluster = DaskCluster(args.scheduler, ("imagine-common", tool, *packages))
    with warnings.catch_warnings():
        if not args.verbose:
            warnings.simplefilter("ignore")
            _silence_loggers()
        with cluster:
            yield cluster


def refuse_scheduler(args: argparse.Namespace, option: str, reason: str) -> None:
    """Refuse `--scheduler` together with an option whose work is done in this process."""
    if args.scheduler is not None:
        raise UsageError(f"argument --scheduler: not with {option}, {reason}")


def _silence_loggers() -> None:
    """Keep Dask's log off stderr: what matters is raised as an error."""
    import logging  # Slow to import, and --help does not need it.

    known = list(logging.root.manager.loggerDict)
    for name in {*_LOGGERS, *(name for name in known if name.startswith(_LOGGERS))}:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
