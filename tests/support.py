"""What the tests share: the tools as processes, images that need no library, reference readers."""

from __future__ import annotations

import base64
import os
import re
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from forks import commands, run_fork

PACKERS = ("tfrecord", "recordio")
TOOLS = ("gen", *PACKERS)
PATH_OPTION = {"gen": "--path", "tfrecord": "--dest-path", "recordio": "--dest-path"}
RECORD_SUFFIX = {"tfrecord": "", "recordio": ".rec"}

# What takes longer than so many seconds hangs: no test is about speed, and a machine may be slow.
PATIENCE = 300.0

JPEG = base64.b64decode(  # 8x8, gray; made with Pillow
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdA"
    "SFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAA"
    "AAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEI"
    "I0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1"
    "dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi"
    "4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AMWv/9k="
)
PNG = base64.b64decode(  # 2x2, RGB; made with Pillow
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGNkZGJmYGBgYmBgYGBgAAAA"
    "cAAKM8X3iAAAAABJRU5ErkJggg=="
)

_BIN = Path(sys.executable).parent


def command(tool: str, *args: object) -> list[str]:
    """Return the command line of a tool as installed beside this Python."""
    name = tool if tool == "imagine" else f"imagine-{tool}"
    return [str(_BIN / name), *map(str, args)]


def run(tool: str, *args: object, **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a tool to its end without its start: see forks.py. stdin is empty unless given.

    `stdin`, `stdout` and `stderr` are files or descriptors, and otherwise pipes; `limits` are those
    of `resource.setrlimit`.
    """
    if sys.platform != "linux":
        return run_process(tool, *args, **kwargs)
    check = kwargs.pop("check", False)
    data = kwargs.pop("input", b"")
    for name in ("stdin", "stdout", "stderr"):
        if name in kwargs and not isinstance(kwargs[name], int):
            kwargs[name] = kwargs[name].fileno()
    kwargs.setdefault("timeout", PATIENCE)
    package = tool if tool == "imagine" else f"imagine_{tool}"
    result = run_fork(package, [str(arg) for arg in args], data=data, **kwargs)
    if check:
        result.check_returncode()
    return result


def run_process(tool: str, *args: object, **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a tool to its end as a process of its own; stdin is empty unless given."""
    if "stdin" not in kwargs:
        kwargs.setdefault("input", b"")
    kwargs.setdefault("timeout", PATIENCE)
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    limits = kwargs.pop("limits", {})

    def limit() -> None:
        for kind, number in limits.items():
            resource.setrlimit(kind, (number, number))

    return subprocess.run(command(tool, *args), preexec_fn=limit if limits else None, **kwargs)


def shell(script: str, cwd: Path, *, installed: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a bash script in which the tools are on the PATH: as forks, or as they are installed."""
    folder = str(_BIN) if installed or sys.platform != "linux" else commands()
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{_BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=env,
        input="",
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )


def lines(data: bytes, end: bytes = b"\n") -> list[str]:
    """Return the lines of a manifest, each of which must have its end."""
    assert not data or data.endswith(end)
    return [os.fsdecode(line) for line in data.split(end)[:-1]]


def manifest(paths: list[Path] | list[str]) -> bytes:
    """Return the manifest of some paths."""
    return b"".join(os.fsencode(path) + b"\n" for path in paths)


def write_images(folder: Path, data: Iterable[bytes]) -> list[Path]:
    """Write files `0.jpg`, `1.jpg` and so on into a new folder."""
    folder.mkdir()
    paths = []
    for number, image in enumerate(data):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(image)
    return paths


def in_python(words: str) -> str:
    """Return a message about options as a Python function gives it, about its parameters."""
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda option: option[1].replace("-", "_"), words)


def contents(folder: Path, *, hidden: bool = True) -> dict[str, bytes]:
    """Return the files below a folder, with those that are temporary or hidden."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (hidden or not path.name.startswith(".")) and path.is_file()
    }


def finished(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder that have their final names."""
    return contents(folder, hidden=False)


def wait_for(condition: Any, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started (and not yet waited for)."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # The thread has ended meanwhile.
            found += map(int, task.read_text().split())
    return found


def alive(pid: int) -> bool:
    """Return whether a process is still running."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def session_members(session: int) -> list[int]:
    """Return the processes at work in a session."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and alive(int(name)):
                    found.append(int(name))
    return found


def unfinished(folder: Path) -> list[str]:
    """Return the names of temporary files in a folder."""
    return [name for name in os.listdir(folder) if name.startswith(".")] if folder.exists() else []


class Record(NamedTuple):
    """A record read back: where it starts, and its data."""

    offset: int
    data: bytes


def _crc32c_of_octet(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0x82F63B78 if octet & 1 else 0)
    return octet


_CRC32C = tuple(map(_crc32c_of_octet, range(256)))


def crc32c(data: bytes) -> int:
    """Return the Castagnoli CRC, with a table of octets (RFC 3720, B.4)."""
    crc = 0xFFFFFFFF
    table = _CRC32C
    for octet in data:
        crc = crc >> 8 ^ table[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


def read_tfrecords(data: bytes) -> Iterator[Record]:
    """Read a TFRecord file, by its specification, checking both CRCs."""
    offset = 0
    while offset < len(data):
        length, length_crc = struct.unpack_from("<QI", data, offset)
        body = data[offset + 12 : offset + 12 + length]
        (body_crc,) = struct.unpack_from("<I", data, offset + 12 + length)
        assert len(body) == length
        for found, octets in ((length_crc, data[offset : offset + 8]), (body_crc, body)):
            crc = crc32c(octets)
            assert found == ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32
        yield Record(offset, body)
        offset += 16 + length


def read_recordio(data: bytes) -> Iterator[Record]:
    """Read a RecordIO file, by its specification, putting together what was cut."""
    magic = b"\x0a\x23\xd7\xce"
    offset = start = 0
    parts: list[bytes] = []
    while offset < len(data):
        assert offset % 4 == 0
        assert data[offset : offset + 4] == magic
        (word,) = struct.unpack_from("<I", data, offset + 4)
        flag, length = word >> 29, word & 2**29 - 1
        body = data[offset + 8 : offset + 8 + length]
        padding = -length % 4
        assert len(body) == length
        assert data[offset + 8 + length : offset + 8 + length + padding] == bytes(padding)
        # Within a part, the magic number stands at no multiple of 4: a reader could not resume.
        assert all(body[i : i + 4] != magic for i in range(0, length - 3, 4))
        assert (flag in (0, 1)) == (not parts)
        if not parts:
            start = offset
        parts.append(body)
        offset += 8 + length + padding
        if flag in (0, 3):
            yield Record(start, magic.join(parts))
            parts = []
    assert not parts
