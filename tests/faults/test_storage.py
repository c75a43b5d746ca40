"""Storage that fails, vanishes, or is shared: every tool, as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import (
    JPEG,
    PATH_OPTION,
    PATIENCE,
    RECORD_SUFFIX,
    command,
    finished,
    lines,
    manifest,
    run,
    session_members,
    unfinished,
    wait_for,
    write_images,
)

COUNT = 30


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "source", (JPEG + b"#%d" % n for n in range(COUNT)))


def arguments(tool: str, folder: Path) -> list[str]:
    """Return what makes a tool write `COUNT` files with two workers."""
    args = [PATH_OPTION[tool], str(folder), "--workers", "2", "--name", "x"]
    if tool == "gen":
        size = ["--width", "32", "--height", "32", "--image-format", "png"]
        return [*args, "--count", str(COUNT), "--chunksize", "2", *size]
    return [*args, "--img-per-file", "1"]


@pytest.mark.process
def test_a_target_that_is_removed_midway_exits_1_naming_it(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    args = arguments(tool, out)
    if tool == "gen":
        args[args.index("--count") + 1] = "1000000"
    process = subprocess.Popen(
        command(tool, *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(manifest(images[:2]))
    process.stdin.flush()
    assert process.stdout.readline()
    os.rename(out, tmp_path / "moved")
    stdout, stderr = process.communicate(manifest(images[2:]))
    assert process.returncode == 1, stderr
    (line,) = stderr.decode().splitlines()
    assert f"error: {out}" in line
    assert "No such file or directory" in line
    whole = finished(tmp_path / "moved")
    assert all(whole.values())
    assert not out.exists() or not any(
        os.path.basename(path) in os.listdir(out) for path in lines(stdout)
    )


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Give a folder where this user can't write; to root only a mount is such."""
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o555)
    if os.geteuid() != 0:
        yield folder
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    yield folder if mounted else Path("/proc/fs")
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_target_exits_1_naming_it(
    tool: str, read_only: Path, images: list[Path]
) -> None:
    for target in (read_only, read_only / "below"):
        result = run(tool, *arguments(tool, target), input=manifest(images))
        assert result.returncode == 1
        (line,) = result.stderr.decode().splitlines()
        assert f"error: {target}" in line
        assert result.stdout == b""


@pytest.mark.process
def test_runs_on_disjoint_ranges_share_a_folder(tool: str, tmp_path: Path) -> None:
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    sources = [tmp_path / f"{n}.jpg" for n in range(2)]
    for number, path in enumerate(sources):
        path.write_bytes(JPEG + b"#%d" % number)
    if tool == "gen":
        run(tool, *arguments(tool, whole))
        half = ["--count", str(COUNT // 2)]
        parts = [[*half, "--start", "0"], [*half, "--start", str(COUNT // 2)]]
    else:
        parts = [["--name", "a"], ["--name", "b"]]
        for part, source in zip(parts, sources):
            run(tool, *arguments(tool, whole), *part, input=manifest([source] * COUNT))
    started = [
        subprocess.Popen(
            command(tool, *arguments(tool, shared), *part),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for part in parts
    ]
    for process, source in zip(started, sources):
        process.communicate(manifest([source] * COUNT))
        assert process.returncode == 0
    assert finished(shared) == finished(whole)
    assert unfinished(shared) == []


@pytest.mark.process
def test_runs_on_the_same_range_share_a_folder(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    assert run(tool, *arguments(tool, whole), input=manifest(images)).returncode == 0
    started = [
        subprocess.Popen(
            command(tool, *arguments(tool, shared)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write(manifest(images))
        process.stdin.close()
        process.stdin = None
    for process in started:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    assert finished(shared) == finished(whole)
    assert unfinished(shared) == []


@pytest.mark.process
def test_a_run_removes_a_killed_runs_files_but_not_a_living_runs(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    begin = (
        "import os, sys, time; from imagine_common.files.output import AtomicFile\n"
        "AtomicFile(os.fsencode(sys.argv[1])).__enter__(); print(flush=True); time.sleep(600)"
    )
    started = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", begin, str(out / "y")], stdout=subprocess.PIPE
        )
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        started.append(process)
    killed, living = started
    killed.kill()
    killed.wait()
    assert len(unfinished(out)) == 2
    result = run(tool, *arguments(tool, out), input=manifest(images))
    left = unfinished(out)
    living.kill()
    living.wait()
    assert result.returncode == 0
    assert len(left) == 1
    assert f"-{living.pid}-" in left[0]


@pytest.mark.process
def test_a_source_that_is_cut_off_midway_exits_1_naming_it(packer: str, tmp_path: Path) -> None:
    """The file is found whole, and is shorter once it is read."""
    image = tmp_path / "0.jpg"
    image.write_bytes(JPEG + bytes(1000))
    cut = (
        "import os, sys\n"
        "fstat = os.fstat\n"
        "def cut(fd):\n"
        "    status = fstat(fd)\n"
        "    if status.st_size == os.stat(sys.argv[1]).st_size: os.truncate(sys.argv[1], 700)\n"
        "    return status\n"
        f"from imagine_{packer}.cli import main\n"
        "os.fstat = cut\n"
        "sys.exit(main(sys.argv[2:]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", cut, str(image), *arguments(packer, tmp_path / "out")],
        input=manifest([image]),
        capture_output=True,
    )
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    size = len(JPEG) + 1000
    assert f"error: {image}: ends after 700 of {size} bytes; it changed while being read" in line
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.process
def test_a_clock_that_jumps_changes_nothing(tool: str, tmp_path: Path, images: list[Path]) -> None:
    """Wall clock and file times go back decades while the tool works."""
    whole, jumped = tmp_path / "whole", tmp_path / "jumped"
    run(tool, *arguments(tool, whole), input=manifest(images))
    run(tool, *arguments(tool, jumped), input=manifest(images))
    for name in os.listdir(jumped):
        os.utime(jumped / name, (2**32, 2**32))
    (jumped / f"x3{'.png' if tool == 'gen' else RECORD_SUFFIX[tool]}").unlink()
    script = (
        "import itertools, sys, time\n"
        "past = itertools.count(1e9, -1e6)\n"
        "time.time = lambda: next(past)\n"
        f"from imagine_{tool}.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments(tool, jumped), "--resume"],
        input=manifest(images),
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    assert f"({COUNT - 1} there already)".encode() in result.stderr
    assert finished(jumped) == finished(whole)


@pytest.mark.process
@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "xx_YY.latin1"}, {"LANG": ""}])
@pytest.mark.parametrize("mode", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_locale_changes_nothing(
    tool: str, tmp_path: Path, locale: dict[str, str], mode: dict[str, str]
) -> None:
    folder = os.fsencode(tmp_path) + b"/\xffo\xc3\xa9"
    image = folder + b"-0\xfe.jpg"
    Path(os.fsdecode(image)).write_bytes(JPEG)
    args = command(tool, *arguments(tool, Path(os.fsdecode(folder))))
    env = {"PATH": os.environ["PATH"], **locale, **mode}
    result = subprocess.run(args, input=image + b"\n", capture_output=True, env=env)
    assert result.returncode == 0, result.stderr
    suffix = b".png" if tool == "gen" else RECORD_SUFFIX[tool].encode()
    assert result.stdout.splitlines()[0] == folder + b"/x0" + suffix
    below = folder + b"/x0" + suffix + b"/below"
    broken = subprocess.run(
        [*args, PATH_OPTION[tool], below], input=image + b"\n", capture_output=True, env=env
    )
    assert broken.returncode == 1
    (line,) = broken.stderr.splitlines()
    assert b"/\\udcffo" in line
    assert line.endswith(b"Not a directory")


def test_a_manifest_from_windows_gets_its_own_error(packer: str, tmp_path: Path) -> None:
    image = tmp_path / "0.jpg"
    image.write_bytes(JPEG)
    for data, words in ((b"\r\n", "CRLF"), (b"\n", "byte-order mark")):
        mark = b"\xef\xbb\xbf" if words != "CRLF" else b""
        line = mark + image.name.encode() + data
        result = run(packer, *arguments(packer, tmp_path / "out"), input=line, cwd=tmp_path)
        assert result.returncode == 1
        assert words in result.stderr.decode()


@pytest.mark.parametrize(("size", "words"), [(1 << 20, "File name too long"), (1 << 21, "1 MiB")])
def test_a_line_of_a_megabyte_is_an_error_of_one_line(
    packer: str, tmp_path: Path, size: int, words: str
) -> None:
    result = run(packer, *arguments(packer, tmp_path / "out"), input=b"x" * size + b"\n")
    assert result.returncode == 1
    assert words in result.stderr.decode()[-300:]
    assert finished(tmp_path / "out") == {}


@pytest.mark.process
def test_a_run_starts_while_another_ends(tool: str, tmp_path: Path, images: list[Path]) -> None:
    """Whoever is killed and resumed at once has the killed one's workers still about."""
    out = tmp_path / "out"
    first = subprocess.Popen(
        command(tool, *arguments(tool, out)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert first.stdin
    first.stdin.write(manifest(images))
    first.stdin.flush()
    wait_for(lambda: out.exists() and finished(out))
    first.kill()
    first.communicate()  # Itself it is gone, while its workers may not have noticed.
    result = run(tool, *arguments(tool, out), "--resume", input=manifest(images))
    assert result.returncode == 0, result.stderr
    assert len(lines(result.stdout)) == COUNT
    wait_for(lambda: not session_members(first.pid))
    assert unfinished(out) == []
