"""The tools without their start: `main(argv)` in forks of one process that has imported them.

A tool that is started costs 0.1 to 0.3 s, nearly all of it for imports; a fork costs a few
milliseconds. A fork has descriptors, environment, working folder, signals and module state of its
own, as a process that was started has, and no thread. This process is the client; the server is
this file, run as a script. What the server can't show are the start itself (the interpreter's
variables and options, what is imported when, a signal that comes early) and limits on memory.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import marshal
import os
import pkgutil
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagine_common.lazy import quiet_interrupts

PACKAGES = ("imagine", "imagine_common", "imagine_gen", "imagine_tfrecord", "imagine_recordio")
LIBRARIES = ("google_crc32c", "numpy.random", "PIL.Image", "tqdm", "zlib_ng.zlib_ng")
EXECUTORS = ("multiprocessing.connection", "multiprocessing.popen_fork")
# With more, an import would start threads, which a fork loses.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_LENGTH = 8  # bytes, in front of a message
_LEAKED = 97  # the exit code of a tool that leaves something behind


class _Server:
    """The process that forks, seen from here."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.address = f"{self._folder.name}/socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.address)
        listener.listen()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.PIPE,
        )
        listener.close()

    def commands(self) -> str:
        """Return a folder with the tools' commands, which run as forks."""
        folder = Path(self._folder.name) / "bin"
        if not folder.exists():
            folder.mkdir()
            for package in PACKAGES:
                command = folder / package.replace("_", "-")
                command.write_text(_COMMAND.format(sys.executable, self.address, package))
                command.chmod(0o755)
        return str(folder)

    def close(self) -> None:
        """End the process that forks."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


# It imports next to nothing: this start takes a twentieth of a tool's.
_COMMAND = """#!{} -IS
import _socket, marshal, os, sys
channel = _socket.socket(_socket.AF_UNIX)
channel.connect({!r})
request = dict(package={!r}, args=sys.argv[1:], cwd=os.getcwd(), limits=[])
data = marshal.dumps(dict(request, environment=dict(os.environ)))
fds = b"".join(fd.to_bytes(4, sys.byteorder) for fd in range(3))
rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)]
channel.sendmsg([len(data).to_bytes(8, "little")], rights)
sent = 0
while sent < len(data):
    sent += channel.send(data[sent:])
channel.recv(8, _socket.MSG_WAITALL)
code = channel.recv(8, _socket.MSG_WAITALL)
os._exit(int.from_bytes(code, "little", signed=True) & 255)
"""

_servers: list[_Server] = []


def _server() -> _Server:
    if not _servers:
        _servers.append(_Server())
        atexit.register(_servers[0].close)
    return _servers[0]


def commands() -> str:
    """Return a folder for the PATH, with the tools' commands, which run as forks."""
    return _server().commands()


class _Fork:
    """A tool that runs as a fork, with these descriptors as 0, 1 and 2."""

    def __init__(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        data = marshal.dumps(request)
        fds = array.array("i", descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
        self._channel = socket.socket(socket.AF_UNIX)
        self._channel.connect(_server().address)
        self._channel.sendmsg([len(data).to_bytes(_LENGTH, "little")], ancillary)
        self._channel.sendall(data)
        self._pid = self._receive()

    def __enter__(self) -> _Fork:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def wait(self, seconds: float) -> int:
        """Return its exit code; raise a `TimeoutError` where it takes longer, and kill it."""
        self._channel.settimeout(max(0.001, seconds))
        try:
            return self._receive()
        except TimeoutError:
            os.kill(self._pid, signal.SIGKILL)
            raise

    def _receive(self) -> int:
        data = self._channel.recv(_LENGTH, socket.MSG_WAITALL)
        assert len(data) == _LENGTH, "the process that forks has died"
        return int.from_bytes(data, "little", signed=True)


def run_fork(
    package: str,
    args: Sequence[str],
    *,
    timeout: float,
    data: bytes = b"",
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    limits: Mapping[int, int] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool's `main` to its end, in a fork, with this process's environment.

    Descriptors that are not given are pipes, as with `subprocess.run`. A tool that returns with a
    descriptor, a thread or a child process more than it began with, or with other handlers of
    signals, fails here.
    """
    request = {
        "package": package,
        "args": list(args),
        "cwd": os.fspath(cwd or os.getcwd()),
        "limits": list((limits or {}).items()),
        "environment": dict(os.environ if env is None else env),
    }
    pipes = [os.pipe() for given in (stdin, stdout, stderr) if given is None]
    ends = iter(pipes)
    reader, writer = (stdin, None) if stdin is not None else next(ends)
    output, out = (None, stdout) if stdout is not None else next(ends)
    errors, err = (None, stderr) if stderr is not None else next(ends)
    assert reader is not None
    assert out is not None
    assert err is not None
    deadline = time.monotonic() + timeout
    try:
        fork = _Fork(request, (reader, out, err))
    finally:
        for fd, given in ((reader, stdin), (out, stdout), (err, stderr)):
            if given is None:
                os.close(fd)
    with fork:
        readers = [fd for fd in (output, errors) if fd is not None]
        found = _exchange(writer, data, readers, deadline)
        said = None if output is None else found[output]
        complaint = None if errors is None else found[errors]
        try:
            code = fork.wait(deadline - time.monotonic())
        except TimeoutError:
            raise subprocess.TimeoutExpired([package, *args], timeout, said, complaint) from None
    assert code != _LEAKED, (complaint or b"").decode(errors="replace")
    return subprocess.CompletedProcess([package, *args], code, said, complaint)


def _exchange(
    writer: int | None, data: bytes, readers: Sequence[int], deadline: float
) -> dict[int, bytes]:
    """Write to one pipe and read from others, until all are closed or it is too late."""
    found: dict[int, list[bytes]] = {fd: [] for fd in readers}
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        if writer is not None:
            os.set_blocking(writer, False)
            selector.register(writer, selectors.EVENT_WRITE)
        for fd in readers:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(deadline - time.monotonic()):
                done = False
                if key.fd == writer:
                    try:
                        rest = rest[os.write(key.fd, rest) :]
                        done = not rest
                    except BrokenPipeError:
                        done = True
                else:
                    found[key.fd].append(os.read(key.fd, 1 << 16))
                    done = not found[key.fd][-1]
                if done:
                    selector.unregister(key.fd)
                    os.close(key.fd)
        for key in list(selector.get_map().values()):
            os.close(key.fd)
    return {fd: b"".join(chunks) for fd, chunks in found.items()}


def _import_all() -> dict[str, Callable[[Sequence[str]], int]]:
    """Import every installed module that the tools import, and return their `main`."""
    for name in (*LIBRARIES, *EXECUTORS):
        with suppress(ImportError):
            importlib.import_module(name)
    _import_below("PIL", "ImagePlugin")
    mains = {}
    for name in PACKAGES:
        _import_below(name)
        main = getattr(sys.modules.get(f"{name}.__main__"), "main", None)
        if main is not None:
            mains[name] = main
    return mains


def _import_below(name: str, suffix: str = "") -> None:
    with suppress(ImportError):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name.endswith(suffix):
                with suppress(ImportError):
                    importlib.import_module(module.name)


def _state() -> dict[str, object]:
    """Return what a tool has to leave as it was."""
    return {
        "descriptors": _descriptors(),
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "threads": threading.enumerate(),
        "children": _has_children(),
    }


def _descriptors() -> dict[int, str]:
    found = {}
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2:  # A tool may redirect the first three.
            with suppress(FileNotFoundError):  # that of the listing itself
                found[fd] = os.readlink(f"/proc/self/fd/{fd}")
    return found


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _work(main: Callable[[Sequence[str]], int], request: dict[str, Any], fds: Sequence[int]) -> int:
    """Run a tool in this process, a fork, and return its exit code."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    for kind, limit in request["limits"]:
        resource.setrlimit(kind, (limit, limit))
    quiet_interrupts()  # as a tool does first; it stays so
    before = _state()
    try:
        code = main(request["args"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        return 1
    gc.collect()  # what an error and its traceback hold in a cycle
    after = _state()
    changed = [name for name in before if before[name] != after[name]]
    for name in changed:
        print(
            f"left behind: {name}: {after[name]}, not {before[name]}", file=sys.stderr, flush=True
        )
    return _LEAKED if changed else code


def _serve(listener: socket.socket) -> None:
    """Fork for each request, and answer with the process and then its exit code."""
    mains = _import_all()
    gc.freeze()  # A fork's garbage collections then touch, and copy, only its own objects.
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    return  # Closed: the tests are at their end.
                if key.fileobj is listener:
                    channel = listener.accept()[0]
                    pid = _fork(channel, mains)
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, channel))
                else:
                    pid, channel = key.data
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with channel, suppress(BrokenPipeError):
                        channel.sendall(code.to_bytes(_LENGTH, "little", signed=True))


def _fork(channel: socket.socket, mains: dict[str, Callable[[Sequence[str]], int]]) -> int:
    data, ancillary, _, _ = channel.recvmsg(_LENGTH, socket.CMSG_SPACE(3 * 4))
    fds = array.array("i", ancillary[0][2])
    length = int.from_bytes(data, "little")
    request = marshal.loads(channel.recv(length, socket.MSG_WAITALL))
    pid = os.fork()
    if not pid:
        code = 1
        try:
            _close_others(fds)
            code = _work(mains[request["package"]], request, fds)
        finally:
            os._exit(code)
    for fd in fds:
        os.close(fd)
    channel.sendall(pid.to_bytes(_LENGTH, "little", signed=True))
    return pid


def _close_others(fds: Sequence[int]) -> None:
    """Close all that a process that was started would not have: other tools' ends, say."""
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
        if fd > 2 and fd not in fds:
            with suppress(OSError):
                os.close(fd)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
