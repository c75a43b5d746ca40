"""A worker process: it takes units from a connection, and sends each unit's outcome back.

It ends when the other end is closed, by the run or by the death of its process.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, NamedTuple

from imagine_common.errors import FAILED, ImagineError
from imagine_common.files.temporary import forget_unfinished, remove_unfinished
from imagine_common.host.limits import keep_freed_memory
from imagine_common.host.signals import ENDING_SIGNALS
from imagine_common.host.threads import worker_process
from imagine_common.parallel.begun import finished, is_begun
from imagine_common.parallel.progress import progress

_SECONDS_BETWEEN_SIGNALS = 0.1

_leaving = threading.Event()


class Outcome(NamedTuple):
    """The result of a unit, or its error with a traceback; `images` were not reported before."""

    images: int
    result: Any = None
    error: BaseException | None = None
    traceback: str = ""


def serve(
    connection: Connection,
    function: Callable[[Any], Any],
    shows_progress: bool,
    inherited: Sequence[Connection],
) -> None:
    """Process units until the connection's other end, a copy of which is `inherited`, is closed.

    With `shows_progress`, numbers of images are sent between the outcomes.
    """
    for other in inherited:
        other.close()
    try:
        _prepare(connection)
        progress.take()
        if shows_progress:
            progress.listener = lambda: connection.send(progress.take())
        begun: deque[Any] = deque()
        while True:
            # It waits for a unit once it has begun the next one, or if there is none.
            while begun and (len(begun) > 1 or not is_begun(begun[0]) or not connection.poll()):
                outcome = begun.popleft()
                connection.send_bytes(_outcome(finished, outcome) if is_begun(outcome) else outcome)
            begun.append(_outcome(function, connection.recv()))
    except (EOFError, OSError):
        pass  # The run has ended.
    except RuntimeError as error:
        problem = ImagineError(
            f"can't start worker processes: {error}; allow more processes and memory (ulimit -u,"
            " ulimit -v), or use fewer --workers (--workers 1 starts none)"
        )
        with suppress(OSError):
            connection.send(Outcome(0, error=problem))
            _wait_for_end(connection)  # A process that ends would be a lost worker.
    except MemoryError:
        os._exit(FAILED)


def _outcome(function: Callable[[Any], Any], unit: Any) -> Any:
    """Return the pickled outcome of a unit, or what the function returns for one that has begun."""
    try:
        result = function(unit)
        if is_begun(result):
            return result
        return pickle.dumps(Outcome(progress.take(), result), pickle.HIGHEST_PROTOCOL)
    except BaseException as error:
        import traceback

        trace = "".join(traceback.format_exception(error))
        return pickle.dumps(Outcome(progress.take(), None, error, trace))


def _prepare(connection: Connection) -> None:
    worker_process.set()
    forget_unfinished()
    keep_freed_memory()
    for signum in ENDING_SIGNALS:
        # What the starter ignores (nohup), workers ignore too. Ctrl-C and Ctrl-\ reach all
        # processes of the terminal; the parent alone reacts to them.
        ignored = signal.getsignal(signum) is signal.SIG_IGN
        if signum in (signal.SIGINT, signal.SIGQUIT) or (ignored and signum != signal.SIGTERM):
            signal.signal(signum, signal.SIG_IGN)
        else:
            signal.signal(signum, partial(_leave, connection if ignored else None))
    # Started while signals are blocked, so that the main thread gets them.
    watch = partial(_leave_with_parent, connection, threading.get_ident())
    threading.Thread(target=watch, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _leave(connection: Connection | None, signum: int, _frame: FrameType | None) -> None:
    """End this process; given a connection, only if its other end is closed."""
    # The signal is repeated, which must not interrupt a slow cleanup, such as of a store's uploads.
    # Ignoring it from here on would let Python complain about one that has just arrived.
    if _leaving.is_set() or (connection is not None and not _wait_for_end(connection, 0)):
        return
    _leaving.set()
    remove_unfinished()
    os._exit(128 + signum)


def _leave_with_parent(connection: Connection, main_thread: int) -> None:
    _wait_for_end(connection)
    while True:  # A signal just before the thread begins to wait does not wake it.
        signal.pthread_kill(main_thread, signal.SIGTERM)
        time.sleep(_SECONDS_BETWEEN_SIGNALS)


def _wait_for_end(connection: Connection, seconds: float | None = None) -> bool:
    """Wait until a connection's other end is closed; return whether it is."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)  # no event but the end, which needs no request
    return bool(poll.poll(None if seconds is None else 1000 * seconds))
