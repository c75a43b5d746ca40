"""The contracts that every tool keeps: one table, run over all of them.

stdout names good data files; stderr is for people; exit codes; whole files; no process left.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import resource
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from support import (
    JPEG,
    PATH_OPTION,
    PATIENCE,
    RECORD_SUFFIX,
    alive,
    children,
    command,
    lines,
    manifest,
    run,
    run_process,
    unfinished,
    wait_for,
    write_images,
)

HEAVY = ("PIL", "concurrent.futures", "mxnet", "numpy", "tensorflow", "tqdm")
RESUME = "the same command with --resume makes the rest"
SUFFIX = {"gen": ".jpg", **RECORD_SUFFIX}


class Job(NamedTuple):
    """A tool with all that it needs to write three files `x0`, `x1`, `x2` into a folder."""

    tool: str
    folder: Path
    args: tuple[str, ...]
    input: bytes

    def run(self, *more: str, **kwargs: object) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        if "stdin" not in kwargs:
            kwargs["input"] = self.input
        return run(self.tool, *self.args, *more, **kwargs)

    @property
    def paths(self) -> list[str]:
        """Return the paths that it should print."""
        return [f"{self.folder}/x{n}{SUFFIX[self.tool]}" for n in range(3)]


def finished(tool: str) -> str:
    """Return a pattern of the sentence about what is done when a run ends early."""
    return r"\d+ of \d+ images are finished" if tool == "gen" else r"\d+ files? (is|are) finished"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "source", [JPEG] * 5)


@pytest.fixture
def job(tool: str, tmp_path: Path, images: list[Path]) -> Job:
    return make_job(tool, tmp_path / "out", images)


def make_job(tool: str, folder: Path, images: list[Path]) -> Job:
    args = [PATH_OPTION[tool], str(folder), "--name", "x", "--workers", "2"]
    if tool == "gen":
        size = ["--width", "8", "--height", "8", "--count", "3", "--chunksize", "1"]
        return Job(tool, folder, (*args, *size), b"")
    return Job(tool, folder, (*args, "--img-per-file", "2"), manifest(images))


class Endless(NamedTuple):
    """A tool that is at work and would go on for ever."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def stdout(self) -> IO[bytes]:
        """Return what to read its paths from."""
        assert self.process.stdout
        return self.process.stdout

    def is_underway(self) -> bool:
        """Return whether it has worker processes and has finished a file."""
        files = os.listdir(self.folder) if self.folder.exists() else []
        return len(children(self.process.pid)) == 2 and any(f.startswith("x") for f in files)

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code and what it said."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors.decode()


@pytest.fixture
def endless(tool: str, tmp_path: Path, images: list[Path]) -> Iterator[Callable[..., Endless]]:
    """Give a function that starts a tool on a job without end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(stdout: int | None = None) -> Endless:
        folder = tmp_path / "out"
        args = [PATH_OPTION[tool], str(folder), "--name", "x", "--workers", "2"]
        source: int | IO[bytes] = subprocess.DEVNULL
        if tool == "gen":
            args += ["--count", "100000000", "--width", "64", "--height", "64"]
        else:
            args += ["--img-per-file", "3"]
            feeder = subprocess.Popen(
                [sys.executable, "-c", FEEDER, *map(str, images)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            started.append(feeder)
            assert feeder.stdout
            source = feeder.stdout
        process = subprocess.Popen(
            command(tool, *args),
            stdin=source,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        if tool != "gen":
            source.close()  # type: ignore[union-attr]
        return Endless(process, folder)

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


FEEDER = """
import itertools, sys
for path in itertools.cycle(sys.argv[1:]):
    print(path)
"""


@pytest.mark.process
def test_help_names_every_option_and_its_exit_codes(tool: str) -> None:
    result = run_process(tool, "--help")
    assert result.returncode == 0
    assert result.stderr == b""
    text = result.stdout.decode()
    for word in (PATH_OPTION[tool], "--name", "--null", "--workers", "--quiet", "--version", "141"):
        assert word in text
    assert "_path" not in text
    assert "_format" not in text


def test_help_fits_eighty_columns(tool: str) -> None:
    result = run(tool, "--help", env={**os.environ, "COLUMNS": "80"})
    assert [line for line in result.stdout.decode().splitlines() if len(line) > 80] == []


def test_short_help_fits_a_screen(tool: str) -> None:
    result = run(tool, "-h", env={**os.environ, "COLUMNS": "80"})
    shown = result.stdout.decode().splitlines()
    assert len(shown) < 24
    assert max(map(len, shown)) < 80
    examples, options = "\n".join(shown).split("\n\n")[1:3]
    assert len(examples.splitlines()) == 1 + 3
    assert len(re.findall(r"(?m)^  --", options)) == 10
    assert shown[-1] == f"All options: imagine-{tool} --help"


@pytest.mark.process
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_imports_nothing_heavy(tool: str, option: str) -> None:
    code = (
        f"import sys; from imagine_{tool}.cli import main; assert main([{option!r}]) == 0;"
        f"sys.exit(repr([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"


@pytest.mark.process
def test_version_is_the_package_version(tool: str) -> None:
    result = run_process(tool, "--version")
    assert result.returncode == 0
    first, *libraries = result.stdout.decode().splitlines()
    assert first == f"imagine-{tool} 0.1.0"
    names = [line.split()[0] for line in libraries]
    assert names == {"gen": ["Pillow", "zlib-ng"], "tfrecord": ["google-crc32c"]}.get(tool, [])
    assert tool != "gen" or re.search(r"\(.*libjpeg-turbo \d.*\)", libraries[0])


@pytest.mark.process
def test_runs_as_a_module(tool: str) -> None:
    args = [sys.executable, "-m", f"imagine_{tool}", "--version"]
    shown = subprocess.run(args, capture_output=True).stdout
    assert shown.splitlines()[0] == f"imagine-{tool} 0.1.0".encode()


def test_stdout_names_the_files_in_order_and_stderr_has_one_line(job: Job) -> None:
    result = job.run()
    assert result.returncode == 0
    assert lines(result.stdout) == job.paths
    assert all(os.path.getsize(path) for path in job.paths)
    (summary,) = result.stderr.decode().splitlines()
    assert summary.startswith(f"imagine-{job.tool}: 3 ")
    assert unfinished(job.folder) == []


def test_null_ends_paths_with_nul(job: Job) -> None:
    result = job._replace(input=job.input.replace(b"\n", b"\0")).run("-0")
    assert result.returncode == 0
    assert lines(result.stdout, b"\0") == job.paths


def test_a_summary_for_programs_has_the_numbers_of_the_run(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    option = ("--summary-json", str(file))
    assert job.run(*option, "-q").returncode == 0
    written = json.loads(file.read_text())
    expected = {
        "tool": f"imagine-{job.tool}",
        "version": "0.1.0",
        "arguments": [*job.args, *option, "-q"],
        "mode": "write",
        "exit_code": 0,
        "error": None,
        "files": 3,
        "images": 3 if job.tool == "gen" else 5,
        "bytes": sum(path.stat().st_size for path in job.folder.iterdir()),
        "kept": 0,
        "skipped": 0,
    }
    assert written.pop("seconds") > 0
    assert written == expected
    assert job.run(*option, "--resume").returncode == 0
    assert json.loads(file.read_text())["kept"] == 3
    assert job.run(*option, "--dry-run").returncode == 0
    planned = json.loads(file.read_text())
    assert (planned["mode"], planned["files"]) == ("dry-run", 3)
    assert planned["images"] == expected["images"]


def test_a_summary_of_a_failed_run_has_the_error(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    Path(job.paths[1]).mkdir(parents=True)
    result = job.run("--workers", "1", "--summary-json", str(file))
    assert result.returncode == 1
    written = json.loads(file.read_text())
    assert (written["exit_code"], written["files"]) == (1, 1)
    assert result.stderr.decode() == f"imagine-{job.tool}: {written['error']}\n"


def test_a_summary_of_a_check_counts_what_is_bad(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    assert job.run().returncode == 0
    Path(job.paths[1]).write_bytes(b"damaged")
    Path(job.paths[2]).unlink()
    if job.tool == "gen":
        result = job.run("--verify", "--summary-json", str(file))
        expected = {"mode": "verify", "files": 1, "missing": 1, "different": 1, "extra": 0}
    else:
        result = run(job.tool, "--test", *job.paths[:2], "--summary-json", file)
        expected = {"mode": "test", "files": 1, "images": 2, "bad": 1}
    assert result.returncode == 1
    written = json.loads(file.read_text())
    assert {name: written[name] for name in expected} == expected


def test_a_summary_that_cannot_be_written_is_an_error_at_the_start(
    job: Job, tmp_path: Path
) -> None:
    result = job.run("--summary-json", str(tmp_path / "none" / "s.json"))
    assert result.returncode == 1
    assert f"{tmp_path}/none/s.json: No such file or directory" in result.stderr.decode()
    assert not job.folder.exists()
    assert job.run("--summary-json", "s3://b/x").returncode == 2
    full = job.run("--summary-json", "/dev/full", "-q")
    assert full.returncode == 1
    assert full.stderr.endswith(b"/dev/full: No space left on device\n")
    assert lines(full.stdout) == job.paths


def test_quiet_says_nothing(job: Job) -> None:
    result = job.run("-q")
    assert result.returncode == 0
    assert result.stderr == b""


def test_paths_are_printed_as_the_folder_was_given(job: Job, tmp_path: Path) -> None:
    args = ("out" if arg == str(job.folder) else arg for arg in job.args)
    result = job._replace(args=tuple(args)).run(cwd=tmp_path)
    assert lines(result.stdout)[0] == f"out/x0{SUFFIX[job.tool]}"


def test_any_bytes_work_as_a_name(job: Job) -> None:
    name = b"a \xff\t7'\"$(x)"
    result = job.run("--name", os.fsdecode(name))
    assert result.returncode == 0
    first = os.fsencode(job.folder) + b"/" + name + b"0" + SUFFIX[job.tool].encode()
    printed = result.stdout.split(b"\n")[0]
    assert printed == first
    assert os.path.exists(first)


def test_existing_files_are_replaced(job: Job) -> None:
    job.folder.mkdir()
    Path(job.paths[1]).write_bytes(b"old")
    assert job.run().returncode == 0
    assert Path(job.paths[1]).read_bytes() != b"old"


def test_a_symbolic_link_in_the_target_is_replaced_not_written_through(
    job: Job, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    job.folder.mkdir()
    Path(job.paths[0]).symlink_to(victim)
    assert job.run().returncode == 0
    assert victim.read_bytes() == b"precious"
    assert not Path(job.paths[0]).is_symlink()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--wor", "3"], "(did you mean --workers?)"),
        (["--jobs=3"], "unrecognized arguments: --jobs=3 (did you mean --workers?)"),
        (["--preset", "imagent"], "no preset 'imagent'; known presets: 4k, imagenet, imagenet-"),
        (["--workers", "many"], "--workers: expected a whole number, such as 1000, 5k or 2M, not"),
        (["--workers", "-1"], "--workers: must be from 1 to 1024, not -1"),
        (["--workers", "0"], "--workers: must be from 1 to 1024, not 0"),
        (["--workers", "3000"], "--workers: must be from 1 to 1024, not 3000"),
        (["--name", "a/b"], "--name: a/b has a slash"),
        (["--name", "a\nb"], "needs -0"),
        (["--frob\x1b[31m\r\n"], "--frob\\x1b[31m\\r\\n"),
    ],
)
def test_wrong_usage_exits_2_in_one_line_and_writes_nothing(
    job: Job, args: list[str], words: str
) -> None:
    result = job.run(*args)
    assert result.returncode == 2
    assert result.stdout == b""
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith(f"imagine-{job.tool}: error: ")
    assert words in line
    assert not job.folder.exists()


def test_a_newline_in_a_name_works_with_null(job: Job) -> None:
    result = job._replace(input=job.input.replace(b"\n", b"\0")).run("-0", "--name", "a\nb")
    assert result.returncode == 0
    assert lines(result.stdout, b"\0")[0] == f"{job.folder}/a\nb0{SUFFIX[job.tool]}"


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/imagine"])
def test_an_unwritable_target_exits_1_naming_it(job: Job, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    target = str(tmp_path / place)
    result = job.run(PATH_OPTION[job.tool], target)
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert f"error: {target}: " in line


def test_a_folder_in_a_files_place_exits_1_naming_it(job: Job) -> None:
    Path(job.paths[1]).mkdir(parents=True)
    result = job.run("--workers", "1")
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert f"error: {job.paths[1]}: Is a directory" in line
    assert lines(result.stdout) == job.paths[:1]
    assert unfinished(job.folder) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_too_large_exits_1_and_leaves_nothing_unfinished(job: Job, workers: str) -> None:
    size = ["--width", "500"] if job.tool == "gen" else []
    result = job.run("--workers", workers, *size, limits={resource.RLIMIT_FSIZE: 300})
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert f"error: {job.folder}/" in line
    assert "File too large" in line
    assert os.listdir(job.folder) == []


def test_a_full_disk_exits_1_and_keeps_complete_files(job: Job, small_disk: Path) -> None:
    folder = small_disk / "out"
    full = make_job(job.tool, folder, [])
    if job.tool == "gen":
        result = full.run("--width", "400", "--height", "400", "--count", "1000")
    else:
        image = folder.parent.parent / "large.jpg"
        image.write_bytes(JPEG + bytes(100_000))
        result = full._replace(input=manifest([image] * 100)).run()
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert re.search(f"No space left on device; {finished(job.tool)}; {RESUME}$", line)
    printed = lines(result.stdout)
    assert printed
    assert all(os.path.getsize(path) > 50_000 for path in printed)
    assert unfinished(folder) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a file system of 2 MB, where this user may mount one.

    Elsewhere a quota has the same effect but for the error's number, so the folder is where a
    library makes writes fail.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(options, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root; RLIMIT_FSIZE is tested above")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_stdout_exits_1(job: Job) -> None:
    with open("/dev/full", "wb") as full:
        result = job.run(stdout=full)
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert "error: standard output: No space left on device" in line


@pytest.mark.process
def test_a_closed_stdout_exits_1_and_no_file_takes_its_place(job: Job) -> None:
    script = 'exec "$0" "$@" >&-'
    result = subprocess.run(
        ["bash", "-c", script, *command(job.tool, *job.args)],
        input=job.input,
        stderr=subprocess.PIPE,
    )
    assert result.returncode == 1
    assert b"standard output: Bad file descriptor" in result.stderr
    assert not any(b"x0" in path.read_bytes() for path in job.folder.iterdir() if path.is_file())


@pytest.mark.process
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_to_a_full_stdout_exits_1(tool: str, option: str, unbuffered: str) -> None:
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        result = run_process(tool, option, stdout=full, env=env)
    assert result.returncode == 1
    assert b"standard output: No space left on device" in result.stderr


@pytest.mark.process
def test_a_closed_stderr_changes_nothing(job: Job) -> None:
    script = 'exec "$0" "$@" 2>&-'
    result = subprocess.run(
        ["bash", "-c", script, *command(job.tool, *job.args)], input=job.input, capture_output=True
    )
    assert result.returncode == 0
    assert lines(result.stdout) == job.paths


@pytest.mark.process
def test_errors_never_go_to_stdout(tool: str) -> None:
    script = 'exec "$0" --frobnicate 2>&-'
    result = subprocess.run(["bash", "-c", script, *command(tool)], capture_output=True)
    assert (result.returncode, result.stdout, result.stderr) == (2, b"", b"")


def test_a_full_stderr_changes_nothing(job: Job) -> None:
    with open("/dev/full", "wb") as full:
        result = job.run(stderr=full)
    assert result.returncode == 0
    assert lines(result.stdout) == job.paths


@pytest.mark.process
def test_closed_pipe_exits_141_silently(endless: Callable[..., Endless]) -> None:
    running = endless(stdout=subprocess.PIPE)
    assert running.stdout.readline().endswith(b"\n")
    workers = children(running.process.pid)
    running.stdout.close()
    running.process.stdout = None
    assert running.end() == (141, "")
    assert not any(map(alive, workers))
    assert unfinished(running.folder) == []


@pytest.mark.process
@pytest.mark.parametrize(
    ("signum", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
        (signal.SIGQUIT, 131, "terminated"),
        (signal.SIGXCPU, 152, "terminated"),
    ],
)
@pytest.mark.parametrize("to_group", [False, True], ids=["to the tool", "to its group"])
def test_signals_end_the_run_in_one_line_and_leave_nothing_unfinished(
    endless: Callable[..., Endless],
    tool: str,
    signum: signal.Signals,
    code: int,
    word: str,
    to_group: bool,
) -> None:
    running = endless()
    wait_for(running.is_underway)
    workers = children(running.process.pid)
    (os.killpg if to_group else os.kill)(running.process.pid, signum)
    ended_by, errors = running.end()
    assert ended_by == code
    assert re.fullmatch(rf"imagine-{tool}: {word}; ({finished(tool)}; )?{RESUME}\n", errors)
    assert not any(map(alive, workers))
    assert unfinished(running.folder) == []


SIGNAL_AT_IMPORT = """
import importlib, os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[2]:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException:
                # As NumPy's extension modules do, which know no other way to fail.
                raise ImportError("not what happened")

sys.meta_path.insert(0, Finder())
main = importlib.import_module(f"imagine_{sys.argv[1]}.__main__").main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("module", "code", "says"),
    [
        ("imagine_common.cli.tool", -signal.SIGINT, False),
        ("imagine_common.parallel.ordered_map", 130, True),
    ],
)
def test_an_interrupt_during_an_import_leaves_no_traceback(
    job: Job, module: str, code: int, says: bool
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SIGNAL_AT_IMPORT, job.tool, module, *job.args],
        input=job.input,
        capture_output=True,
    )
    assert result.returncode == code
    assert result.stderr.decode() == f"imagine-{job.tool}: interrupted\n" * says


@pytest.mark.process
def test_an_ignored_signal_stays_ignored(job: Job) -> None:
    # A background job of a script ignores SIGINT, and so must what it runs.
    script = f"trap '' INT; kill -INT $$; exec {' '.join(command(job.tool, *job.args))}"
    result = subprocess.run(["bash", "-c", script], input=job.input, capture_output=True)
    assert result.returncode == 0


@pytest.mark.process
def test_a_killed_worker_exits_1_with_a_plain_message(
    endless: Callable[..., Endless], tool: str
) -> None:
    running = endless()
    wait_for(running.is_underway)
    workers = children(running.process.pid)
    os.kill(workers[0], signal.SIGKILL)
    code, errors = running.end()
    assert code == 1
    (line,) = errors.splitlines()
    assert line.startswith(f"imagine-{tool}: error: a worker process died")
    assert re.search(f"; ({finished(tool)}; )?{RESUME}$", line)
    assert not any(map(alive, workers))
    assert unfinished(running.folder) == []


@pytest.mark.process
@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        *((resource.RLIMIT_AS, megabytes << 20) for megabytes in (24, 30, 37, 120)),
        *((resource.RLIMIT_NOFILE, descriptors) for descriptors in (8, 11, 14)),
    ],
)
def test_where_workers_can_not_start_the_run_ends_in_one_line(
    job: Job, kind: int, limit: int
) -> None:
    result = run_process(
        job.tool, *job.args, "--workers", "3", input=job.input, limits={kind: limit}
    )
    assert (result.returncode, result.stderr.count(b"\n")) in [(0, 1), (1, 1)], result.stderr
    if kind == resource.RLIMIT_NOFILE and b"worker" in result.stderr:
        assert b"allow more open files (ulimit -n)" in result.stderr
        assert b"--workers 1" in result.stderr


@pytest.mark.process
def test_workers_end_when_the_tool_is_killed(endless: Callable[..., Endless]) -> None:
    running = endless()
    wait_for(running.is_underway)
    workers = children(running.process.pid)
    running.process.kill()
    wait_for(lambda: not any(map(alive, workers)))


def test_tracebacks_come_only_with_verbose(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    args = (PATH_OPTION[job.tool], str(tmp_path / "file"))
    assert b"Traceback" not in job.run(*args).stderr
    verbose = job.run(*args, "--verbose").stderr
    assert b"Traceback" in verbose
    assert verbose.splitlines()[-1].startswith(f"imagine-{job.tool}: error: ".encode())


@pytest.mark.process
def test_a_terminal_gets_progress_and_a_summary_but_no_paths(job: Job) -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    process = subprocess.Popen(
        command(job.tool, *job.args),
        stdin=subprocess.PIPE,
        stdout=follower,
        stderr=follower,
        close_fds=True,
    )
    os.close(follower)
    assert process.stdin
    process.stdin.write(job.input)
    process.stdin.close()
    shown = b""
    while chunk := read_terminal(leader):
        shown += chunk
    os.close(leader)
    assert process.wait() == 0
    assert b"img/s]" in shown or b"img]" in shown
    assert f"imagine-{job.tool}: 3 ".encode() in shown
    assert b"x0" not in shown


def test_in_a_pipeline_a_tool_that_is_not_last_draws_nothing(job: Job) -> None:
    leader, follower = pty.openpty()
    result = job.run(stderr=follower)
    os.close(follower)
    shown = read_terminal(leader)
    os.close(leader)
    assert lines(result.stdout) == job.paths
    assert shown.startswith(f"imagine-{job.tool}: 3 ".encode())


def read_terminal(leader: int) -> bytes:
    try:
        return os.read(leader, 1 << 16)
    except OSError:  # Linux says so when the other side is closed.
        return b""


def test_memory_and_descriptors_do_not_grow_with_the_output(tool: str, tmp_path: Path) -> None:
    """Run with so few descriptors that a leak of one per file would end the run."""
    source = tmp_path / "0.jpg"
    source.write_bytes(JPEG)
    job = make_job(tool, tmp_path / "out", [source] * 400)
    more = ["--count", "200"] if tool == "gen" else []
    result = job.run(*more, limits={resource.RLIMIT_NOFILE: 40})
    assert result.returncode == 0, result.stderr
    assert len(lines(result.stdout)) == 200
