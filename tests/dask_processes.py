"""A Dask cluster for tests: a scheduler and workers as processes of their own, on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from support import wait_for

TESTS = str(Path(__file__).parent)


class DaskProcesses:
    """Scheduler and workers, which have folders of their own and end with the `with` block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, workers: int = 2, threads: int = 1, **env: str) -> DaskProcesses:
        """Start a scheduler and workers, all with the same more variables in their environment."""
        args = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
        self.scheduler = self._start("scheduler", [*args, "--scheduler-file", self.file], env)
        wait_for(self._has_address)
        for _ in range(workers):
            self.add_worker(threads, **env)
        return self

    def add_worker(self, threads: int = 1, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        args: list[Any] = ["--scheduler-file", self.file, "--host", "127.0.0.1", "--no-dashboard"]
        args += ["--no-nanny", "--nthreads", threads, "--memory-limit", 0]
        self.workers.append(self._start("worker", args, env))
        return self.workers[-1]

    def _has_address(self) -> bool:
        """Return whether the scheduler's file exists and is complete."""
        try:
            return bool(self.address)
        except (OSError, ValueError):
            return False

    @property
    def address(self) -> str:
        """Return the scheduler's address."""
        address: str = json.loads(self.file.read_text())["address"]
        return address

    def _start(self, what: str, args: list[Any], env: dict[str, str]) -> subprocess.Popen[bytes]:
        folder = self.folder / f"{what}-{len(self._processes)}"
        folder.mkdir(parents=True)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *map(str, args)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": TESTS, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def __enter__(self) -> DaskProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self._processes:
            process.wait()


@contextmanager
def client_of(cluster: DaskProcesses) -> Iterator[Any]:
    """Give a client of Dask's own."""
    from distributed import Client

    client = Client(cluster.address, set_as_default=False)
    try:
        yield client
    finally:
        client.close()


def tasks_of(cluster: DaskProcesses) -> tuple[int, int]:
    """Return how many tasks the scheduler knows, and how many its workers are working on."""
    with client_of(cluster) as client:
        known = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
        executing = client.run(lambda dask_worker: dask_worker.state.executing_count)
    return known, sum(executing.values())
