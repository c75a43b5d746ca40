"""Missing schedulers are reported in time, before anything is written."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dask_processes import DaskProcesses
from support import PATH_OPTION, TOOLS, run_process

# What else there is to wait for may take as long as it takes.
NO_SCHEDULER = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
NO_WORKERS = {"DASK_IMAGINE__WORKERS_TIMEOUT": "1s"}


def ask(
    tool: str, scheduler: str | Path, folder: Path, impatient: dict[str, str] = NO_SCHEDULER
) -> tuple[int, str]:
    args = (PATH_OPTION[tool], folder / "x", "--scheduler", scheduler)
    result = run_process(tool, *args, input=b"x\n", env={**os.environ, **impatient}, cwd=folder)
    *notices, line = result.stderr.decode().splitlines()
    assert all(notice.endswith("; waiting") for notice in notices)
    assert not (folder / "x").exists()
    return result.returncode, line


@pytest.fixture
def silent() -> Iterator[int]:
    """Return the port of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "scheduler",
    ["", "localhost", "127.0.0.1:8786", "tcp://x", "tcp://x:70000", "inproc://x:1", "tcp://a b:1"],
)
def test_an_invalid_address_is_wrong_usage(scheduler: str, tmp_path: Path) -> None:
    for tool in TOOLS:
        code, line = ask(tool, scheduler, tmp_path)
        assert code == 2
        assert "argument --scheduler: " in line


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as held:  # so that nobody else takes the port
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        code, line = ask("gen", f"tcp://127.0.0.1:{port}", tmp_path)
    assert (code, f"tcp://127.0.0.1:{port}: no Dask scheduler has answered" in line) == (1, True)


def test_somebody_else_there(tmp_path: Path, silent: int) -> None:
    code, line = ask("gen", f"tcp://127.0.0.1:{silent}", tmp_path)
    assert (code, "no Dask scheduler has answered for 1 s" in line) == (1, True)


@pytest.fixture
def other() -> Iterator[int]:
    """Return the port of a server that sends what is not of Dask's protocol."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    with server.accept()[0] as connection:
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 10)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_server_of_another_protocol(tmp_path: Path, other: int) -> None:
    code, line = ask("gen", f"tcp://127.0.0.1:{other}", tmp_path)
    assert code == 1
    assert f"error: tcp://127.0.0.1:{other}: " in line


def test_tls_without_its_configuration(tmp_path: Path) -> None:
    code, line = ask("gen", "tls://127.0.0.1:1", tmp_path)
    assert code == 1
    assert "error: tls://127.0.0.1:1: can't talk to what answers (TLS expects" in line
    assert "is TLS configured here" in line


@pytest.mark.parametrize("quiet", [True, False])
def test_a_wait_is_reported_before_it_ends(tmp_path: Path, quiet: bool) -> None:
    args = ["--path", tmp_path, "--scheduler", "s.json", *["--quiet"] * quiet]
    patience = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}
    result = run_process("gen", *args, env={**os.environ, **patience}, cwd=tmp_path)
    notice, *others = result.stderr.decode().splitlines()
    if not quiet:
        assert notice == "imagine-gen: s.json: No such file or directory; waiting"
    assert len(others) == 1 - quiet


def test_no_workers(tmp_path: Path) -> None:
    with DaskProcesses(tmp_path / "cluster") as cluster:
        cluster.start(workers=0)
        code, line = ask("gen", cluster.address, tmp_path, NO_WORKERS)
    assert (code, "the Dask cluster has had no workers for 1 s" in line) == (1, True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it does not contain a scheduler's address"),
        (b"[" * 100_000, "it does not contain a scheduler's address"),
        (b'{"address": 5}', "it does not contain a scheduler's address"),
        (b'{"address": "file:///etc/passwd"}', "it does not contain a scheduler's address"),
        (b"\xff\xfe", "it does not contain a scheduler's address"),
    ],
)
def test_a_file_without_an_address(content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "s.json").write_bytes(content)
    code, line = ask("gen", "s.json", tmp_path)
    assert (code, f"s.json: {reason}; has the Dask scheduler started?" in line) == (1, True)
