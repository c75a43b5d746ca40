"""The tools on a Dask cluster: what they make there is what they make here."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from dask_processes import DaskProcesses, tasks_of
from dask_units import met_in_fours, write_for_ever
from imagine import create_images
from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.parallel.cluster.connection import DaskCluster
from imagine_common.parallel.ordered_map import ordered_map
from support import (
    PACKERS,
    PATH_OPTION,
    PATIENCE,
    TOOLS,
    command,
    lines,
    run_process,
    unfinished,
    wait_for,
)

SMALL = ("--width", "64", "--height", "48")
# Of about 50 ms each.
SLOW = ("--width", "400", "--height", "400", "--image-format", "png", "--compress-level", "9")
MORE = {"tfrecord": ("--index",), "recordio": ("--merged-index",)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with DaskProcesses(tmp_path_factory.mktemp("cluster")) as processes:
        yield processes.start()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[DaskProcesses]:
    """A cluster that may be broken."""
    with DaskProcesses(tmp_path / "cluster") as processes:
        yield processes


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of all files in and below a folder, by their paths in it."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def on(cluster: DaskProcesses) -> tuple[str, str]:
    return "--scheduler", str(cluster.file)


def start(tool: str, *args: object, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(tool, *args), bufsize=0, env=env, stdin=pipe, stdout=pipe, stderr=pipe
    )


@pytest.mark.parametrize(
    "options",
    [
        (*SMALL, "--count", "40"),
        (*SMALL, "--count", "300", "--direct", "--chunksize", "7", "--start", "5"),
        (*SMALL, "--count", "30", "--classes", "3", "--layout", "imagefolder", "--fsync"),
        (*SMALL, "--count", "30", "--content", "photo", "--target-size", "2K", "--direct"),
        (*SMALL, "--count", "30", "--tar", "--shard-samples", "4", "--index", "--classes", "3"),
    ],
)
def test_images_are_those_that_processes_make(
    cluster: DaskProcesses, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here = run_process("gen", "--path", "im", *options, "--workers", "2", cwd=tmp_path / "here")
    there = run_process("gen", "--path", "im", *options, *on(cluster), cwd=tmp_path / "there")
    assert here.returncode == there.returncode == 0, there.stderr
    assert there.stdout == here.stdout
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    # Dask itself says nothing.
    assert all(line.startswith(b"imagine-gen: ") for line in there.stderr.splitlines())
    again = run_process(
        "gen", "--path", "im", *options, *on(cluster), "--resume", cwd=tmp_path / "there"
    )
    assert again.stdout == here.stdout
    assert b"there already" in again.stderr


@pytest.mark.parametrize("tool", PACKERS)
@pytest.mark.parametrize(
    "options", [(), ("--name-format", "{shard:02d}-of-{total}"), ("--skip-invalid", "--fsync")]
)
def test_shards_are_those_that_processes_write(
    cluster: DaskProcesses, tmp_path: Path, tool: str, options: tuple[str, ...]
) -> None:
    made = run_process(
        "gen", "--path", "im", *SMALL, "--count", "50", "--classes", "7", cwd=tmp_path
    )
    manifest = made.stdout
    if "--skip-invalid" in options:
        manifest = manifest.replace(b"im/image_17.jpg", b"im/missing.jpg")
    args = ("--img-per-file", "6", *MORE[tool], *options)
    results = {}
    for name, where in (("here", ("--workers", "2")), ("there", on(cluster))):
        # Paths in the manifest and the folder for the shards are relative to the tool's own folder.
        dest = ("--dest-path", f"{name}/../records-{name}")
        (tmp_path / name).mkdir()
        results[name] = run_process(tool, *dest, *args, *where, cwd=tmp_path, input=manifest)
        assert results[name].returncode == 0, results[name].stderr
    assert digests(tmp_path / "records-there") == digests(tmp_path / "records-here")
    assert results["there"].stdout == results["here"].stdout.replace(b"here", b"there")
    assert not unfinished(tmp_path / "records-there")


@pytest.mark.parametrize("tool", PACKERS)
def test_images_of_a_folder_are_packed_and_resumed(
    cluster: DaskProcesses, tmp_path: Path, tool: str
) -> None:
    run_process("gen", "--path", "im", *SMALL, "--count", "20", cwd=tmp_path)
    args = ("--source-path", "im", "--img-per-file", "4")
    run_process(tool, *args, "--dest-path", "here", "--workers", "2", cwd=tmp_path)
    dest = ("--dest-path", "there", *on(cluster))
    first = run_process(tool, *args, *dest, cwd=tmp_path)
    second = run_process(tool, *args, *dest, "--resume", cwd=tmp_path)
    assert first.returncode == second.returncode == 0, second.stderr
    assert first.stdout == second.stdout
    assert b"5 files (5 there already)" in second.stderr
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_existing_files_are_checked_by_the_workers(cluster: DaskProcesses, tmp_path: Path) -> None:
    args = ("--path", "im", *SMALL, "--count", "12")
    made = run_process("gen", *args, cwd=tmp_path)
    records = run_process("tfrecord", "--img-per-file", "4", cwd=tmp_path, input=made.stdout)
    (tmp_path / "im" / "image_3.jpg").write_bytes(b"x")
    (tmp_path / "tfrecord_1").write_bytes(b"y")
    verified = run_process("gen", *args, "--verify", *on(cluster), cwd=tmp_path)
    assert verified.returncode == 1
    assert lines(verified.stdout) == [f"im/image_{i}.jpg" for i in range(12) if i != 3]
    assert b"im/image_3.jpg: differs from byte 0 on" in verified.stderr
    tested = run_process("tfrecord", "--test", *on(cluster), cwd=tmp_path, input=records.stdout)
    assert tested.returncode == 1
    assert lines(tested.stdout) == ["./tfrecord_0", "./tfrecord_2"]
    assert b"tfrecord_1: record 0 at byte 0: cut off" in tested.stderr
    wanted = ("--index-only", "--index-path", "i", *on(cluster))
    indexed = run_process("tfrecord", *wanted, cwd=tmp_path, input=records.stdout)
    assert lines(indexed.stdout) == ["i/tfrecord_0.idx", "i/tfrecord_2.idx"]
    assert sorted(os.listdir(tmp_path / "i")) == ["tfrecord_0.idx", "tfrecord_2.idx"]


def test_functions_take_a_cluster_for_workers(cluster: DaskProcesses, tmp_path: Path) -> None:
    with DaskCluster(cluster.address, ("imagine-common", "imagine-gen")) as workers:
        made = create_images(tmp_path, "x", 64, 48, 10, "png", workers=workers)
        assert made.files == 10
        # Another run, whose folders are not those that a worker knows.
        for name in ("a", "a", "b"):
            subprocess.run(["rm", "-rf", tmp_path / name], check=True)
            create_images(tmp_path / name, "x", 64, 48, 9, "png", files_per_dir=2, workers=workers)
            assert len(digests(tmp_path / name)) == 9


def test_threads_of_a_worker_do_not_mix_images_up(
    own_cluster: DaskProcesses, tmp_path: Path
) -> None:
    own_cluster.start(workers=1, threads=4)
    args = (*SMALL, "--count", "1000", "--direct", "--chunksize", "5")
    here = run_process("gen", "--path", tmp_path / "here", *args)
    there = run_process("gen", "--path", tmp_path / "there", *args, *on(own_cluster))
    assert here.returncode == there.returncode == 0, there.stderr
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    with DaskCluster(own_cluster.address) as workers:
        assert workers.threads == 4
        waiters = set(ordered_map(met_in_fours, range(40), workers))
    assert len(waiters) == 4
    assert len({process for process, _ in waiters}) == 1


def test_error_comes_after_the_results_before_it(cluster: DaskProcesses) -> None:
    with DaskCluster(cluster.address) as workers:
        results = ordered_map(partial(divmod, 12), [3, 5, 0, 4], workers)
        assert [next(results), next(results)] == [(4, 0), (2, 2)]
        with pytest.raises(ZeroDivisionError):
            next(results)
        # The source's own error too waits for what was asked for before.

        def units() -> Iterator[int]:
            yield 7
            raise ImagineError("cut off")

        results = ordered_map(partial(divmod, 12), units(), workers)
        assert next(results) == (1, 5)
        with pytest.raises(ImagineError, match=r"^cut off$"):
            next(results)


def test_units_are_taken_as_they_are_worked_off(cluster: DaskProcesses) -> None:
    taken = 0

    def units() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    with DaskCluster(cluster.address) as workers:
        wait_for(lambda: workers.look(at_once=True) == 2)
        with closing(ordered_map(partial(divmod, 12), units(), workers)) as results:
            for given, _ in zip(range(1, 40), results):
                assert taken <= given + 3 * 2 + 1


@pytest.mark.parametrize("tool", PACKERS)
def test_a_bad_image_gives_the_same_error_as_with_processes(
    cluster: DaskProcesses, tmp_path: Path, tool: str
) -> None:
    made = run_process("gen", "--path", tmp_path / "im", *SMALL, "--count", "9")
    (tmp_path / "im" / "image_5.jpg").write_bytes(b"no image")
    args = ("--img-per-file", "2", "--dest-path", tmp_path / "records")
    here = run_process(tool, *args, "--workers", "2", input=made.stdout)
    there = run_process(tool, *args, *on(cluster), input=made.stdout)
    assert (there.returncode, there.stdout, there.stderr) == (1, here.stdout, here.stderr)
    assert not unfinished(tmp_path / "records")
    wait_for(lambda: tasks_of(cluster) == (0, 0))


def test_images_survive_a_killed_worker(own_cluster: DaskProcesses, tmp_path: Path) -> None:
    own_cluster.start()
    args = (*SLOW, "--count", "60", "--chunksize", "3")
    with start("gen", "--path", tmp_path / "there", *args, *on(own_cluster)) as process:
        assert process.stdout
        first = process.stdout.readline()
        own_cluster.workers[0].kill()
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    here = run_process("gen", "--path", tmp_path / "here", *args)
    assert (first + out).replace(b"there", b"here") == here.stdout
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


@pytest.mark.parametrize("tool", PACKERS)
@pytest.mark.parametrize("options", [(), ("--name-format", "{shard}-of-{total}")])
def test_shards_survive_a_killed_worker(
    own_cluster: DaskProcesses, tmp_path: Path, tool: str, options: tuple[str, ...]
) -> None:
    made = run_process("gen", "--path", tmp_path / "im", *SMALL, "--count", "90").stdout
    args = ("--img-per-file", "3", *MORE[tool], *options)
    run_process(tool, "--dest-path", tmp_path / "here", *args, input=made)
    own_cluster.start()
    with DaskCluster(own_cluster.address) as workers:
        wait_for(lambda: workers.look(at_once=True) == 2)
    own_cluster.workers[0].send_signal(signal.SIGSTOP)
    with start(tool, "--dest-path", tmp_path / "there", *args, *on(own_cluster)) as process:
        # Versions are asked of all workers.
        own_cluster.workers[0].send_signal(signal.SIGCONT)
        assert process.stdin
        process.stdin.write(made[: len(made) // 2])
        process.stdin.flush()
        # The first slice waits there while hosts are tidied up; that asks the worker, too.
        wait_for(lambda: len(list((tmp_path / "there").glob("*"))) > 2)
        # What it holds now is certainly lost.
        own_cluster.workers[0].send_signal(signal.SIGSTOP)
        process.stdin.write(made[len(made) // 2 :])
        process.stdin.close()
        process.stdin = None
        own_cluster.workers[0].kill()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_work_that_kills_its_workers_ends_the_run(own_cluster: DaskProcesses) -> None:
    own_cluster.start(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
    with DaskCluster(own_cluster.address) as workers:
        results = ordered_map(signal.raise_signal, [signal.SIGKILL], workers)
        with pytest.raises(WorkerLost, match="workers of the Dask cluster died one after the"):
            next(results)


def test_no_workers_left_ends_the_run(own_cluster: DaskProcesses, tmp_path: Path) -> None:
    own_cluster.start(workers=1)
    with DaskCluster(own_cluster.address):
        pass  # The worker is there.
    args = ("--path", tmp_path / "im", *SLOW, "--count", "60", "--chunksize", "3")
    env = {**os.environ, "DASK_IMAGINE__WORKERS_TIMEOUT": "2s"}
    with start("gen", *args, *on(own_cluster), env=env) as process:
        assert process.stdout
        assert process.stdout.readline()
        own_cluster.workers[0].kill()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    (line,) = err.decode().splitlines()
    assert "the Dask cluster has had no workers for 2 s" in line
    assert not unfinished(tmp_path / "im")


def test_a_lost_scheduler_ends_the_run(own_cluster: DaskProcesses, tmp_path: Path) -> None:
    own_cluster.start()
    args = ("--path", tmp_path / "im", *SLOW, "--count", "100", "--chunksize", "3")
    with start("gen", *args, *on(own_cluster)) as process:
        assert process.stdout
        process.stdout.readline()
        own_cluster.scheduler.kill()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    (line,) = err.decode().splitlines()
    assert line.startswith("imagine-gen: error: tcp://127.0.0.1:")
    assert "lost the Dask scheduler" in line
    # Workers finish what they have begun.
    wait_for(lambda: not unfinished(tmp_path / "im"))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_its_tasks(
    cluster: DaskProcesses, tmp_path: Path, signum: signal.Signals
) -> None:
    args = ("--path", tmp_path / "im", *SLOW, "--count", "400", "--chunksize", "20")
    with start("gen", *args, *on(cluster)) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signum)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signum
    assert len(err.splitlines()) == 1
    wait_for(lambda: tasks_of(cluster) == (0, 0))
    # Nothing is unfinished, and nothing comes any more.
    made = sorted(os.listdir(tmp_path / "im"))
    assert not unfinished(tmp_path / "im")
    assert len(made) < 400
    verified = run_process("gen", *args, "--verify")
    assert b", 0 different," in verified.stderr
    assert sorted(os.listdir(tmp_path / "im")) == made


def test_a_closed_stdout_ends_the_run_and_its_tasks(cluster: DaskProcesses, tmp_path: Path) -> None:
    args = ("--path", tmp_path / "im", *SLOW, "--count", "400", "--chunksize", "5")
    with start("gen", *args, *on(cluster)) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE) == 141
        assert process.stderr.read() == b""
    wait_for(lambda: tasks_of(cluster) == (0, 0))
    assert not unfinished(tmp_path / "im")


def test_a_file_in_progress_is_skipped_at_the_end(cluster: DaskProcesses, tmp_path: Path) -> None:
    units = [os.fsencode(tmp_path / str(i)) for i in range(8)]
    with DaskCluster(cluster.address) as workers:

        def interrupted() -> Iterator[bytes | None]:
            yield from units[:2]
            wait_for(lambda: len(unfinished(tmp_path)) == 2)
            raise KeyboardInterrupt

        results = ordered_map(write_for_ever, interrupted(), workers)
        with pytest.raises(KeyboardInterrupt):
            next(results)
        wait_for(lambda: os.listdir(tmp_path) == [])  # They would go on for ever.
    wait_for(lambda: tasks_of(cluster) == (0, 0))


@pytest.mark.parametrize("tool", TOOLS)
def test_other_versions_on_a_worker_are_refused(
    own_cluster: DaskProcesses, tmp_path: Path, tool: str
) -> None:
    info = tmp_path / "other" / f"imagine_{tool}-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: imagine-{tool}\nVersion: 9.9\n")
    own_cluster.start(workers=1, PYTHONPATH=str(info.parent))
    result = run_process(tool, PATH_OPTION[tool], tmp_path / "x", *on(own_cluster), input=b"x\n")
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert f"the Dask worker has imagine-{tool} 9.9, but this host has " in line
    assert not (tmp_path / "x").exists()


def test_other_versions_on_a_worker_that_comes_later_are_refused(
    own_cluster: DaskProcesses, tmp_path: Path
) -> None:
    info = tmp_path / "other" / "imagine_gen-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: imagine-gen\nVersion: 9.9\n")
    own_cluster.start(workers=1)
    with DaskCluster(own_cluster.address, ("imagine-common", "imagine-gen")) as workers:
        results = ordered_map(partial(divmod, 12), [5, 7], workers)
        assert next(results) == (2, 2)
        own_cluster.add_worker(PYTHONPATH=str(info.parent))
        wait_for(lambda: workers.look(at_once=True) == 2)
        own_cluster.workers[0].kill()
        wait_for(lambda: workers.look(at_once=True) == 1)
        with pytest.raises(ImagineError, match=r"has imagine-gen 9\.9, but this host has"):
            list(ordered_map(partial(divmod, 12), [5, 7], workers))


def test_distributed_calls_functions_on_workers_and_scheduler(cluster: DaskProcesses) -> None:
    with DaskCluster(cluster.address) as workers:
        pids = workers.call_on_workers(os.getpid)
        assert pids.keys() == workers.workers.keys()
        assert len({os.getpid(), workers.call_on_scheduler(os.getpid), *pids.values()}) == (
            len(pids) + 2
        )
        (address, *_) = pids
        assert list(workers.call_on_workers(os.getpid, workers=[address])) == [address]
        errors = workers.call_on_workers(divmod, 1, 0, on_error="return").values()
        assert {type(error) for error in errors} == {ZeroDivisionError}
        assert workers.call_on_workers(divmod, 1, 0) == {}
        with pytest.raises(ZeroDivisionError):
            workers.call_on_scheduler(divmod, 1, 0)
        with pytest.raises(ImagineError, match="lost the Dask scheduler"):
            workers.call_on_workers(time.sleep, 3, seconds=0.1)
