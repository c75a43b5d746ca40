"""Failures between a tool and a store leave no partial object and show no secret."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from s3_server import KEY, SECRET, Bucket, Proxy, Request, wait_until_quiet
from support import (
    JPEG,
    PATIENCE,
    PNG,
    alive,
    children,
    command,
    lines,
    manifest,
    run_process,
    wait_for,
)

GEN = ["--width", "16", "--height", "16", "--image-format", "png"]
MIB = 1 << 20


@pytest.fixture
def images(tmp_path: Path) -> bytes:
    """Return a manifest of 96 MiB of images."""
    path = tmp_path / "x.jpg"
    path.write_bytes(JPEG)
    os.truncate(path, 8 * MIB)
    return manifest([path] * 12)


def error_of(result: subprocess.CompletedProcess[bytes], code: int = 1) -> str:
    """Return what stderr says, in which no credentials may be."""
    assert result.returncode == code, result.stderr
    text = result.stderr.decode()
    for secret in (KEY, SECRET, "Credential=", "Signature="):
        assert secret not in text
    assert ": error: " in text.splitlines()[-1]
    return text


def is_put(request: Request) -> bool:
    return request.method == "PUT"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_missing_bucket_is_named(bucket: Bucket, tmp_path: Path, workers: str) -> None:
    args = ["--path", "s3://bucket-that-is-none/x", *GEN, "--count", "40", "--workers", workers]
    error = error_of(run_process("gen", *args, "--chunksize", "5"))
    assert "s3://bucket-that-is-none: no such bucket" in error
    (tmp_path / "x.jpg").write_bytes(JPEG)
    args = ["--dest-path", "s3://bucket-that-is-none"]
    error = error_of(run_process("tfrecord", *args, input=manifest([tmp_path / "x.jpg"])))
    assert "s3://bucket-that-is-none: no such bucket" in error
    error = error_of(run_process("recordio", "--source-path", "s3://bucket-that-is-none"))
    assert "s3://bucket-that-is-none: no such bucket" in error


@pytest.mark.parametrize("verbose", [[], ["--verbose"]])
def test_refused_credentials_are_reported_but_not_shown(
    proxy: Proxy, bucket: Bucket, verbose: list[str]
) -> None:
    proxy.plan = lambda _: 403
    error = error_of(run_process("gen", "--path", bucket.url, *GEN, *verbose))
    assert f"{bucket.url}/image_0.png: access denied; check the environment" in error
    error = error_of(run_process("tfrecord", "--source-path", bucket.url, *verbose))
    assert f"{bucket.url}: access denied; check the environment" in error
    error = error_of(run_process("tfrecord", "--test", f"{bucket.url}/x", *verbose))
    assert f"{bucket.url}/x: access denied" in error


def test_new_objects_need_no_permission_to_delete(
    proxy: Proxy, bucket: Bucket, tmp_path: Path
) -> None:
    proxy.plan = lambda request: 403 if "?delete" in request.path else None
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    for tool in ("tfrecord", "recordio"):
        packed = run_process(tool, "--dest-path", bucket.url, input=manifest([image]))
        assert packed.returncode == 0, packed.stderr
    run_process(
        "tfrecord", "--dest-path", bucket.url, "--index", input=manifest([image]), check=True
    )
    error = error_of(run_process("tfrecord", "--dest-path", bucket.url, input=manifest([image])))
    assert f"{bucket.url}/tfrecord_0.idx: access denied" in error


def test_missing_credentials_are_reported(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = error_of(run_process("gen", "--path", bucket.url, *GEN))
    assert f"{bucket.url}/image_0.png: no credentials; check the environment" in error
    assert "or use none (AWS_, GOOGLE_ or AZURE_SKIP_SIGNATURE=true)" in error
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert run_process("gen", "--path", bucket.url, *GEN).returncode == 0


@pytest.mark.parametrize("address", ["", "127.0.0.1:9000", "HTTP://127.0.0.1:9000"])
def test_an_endpoint_that_is_no_url_is_named(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    error = error_of(run_process("gen", "--path", bucket.url, *GEN), 2)
    assert "AWS_ENDPOINT_URL: must begin with http:// or https://, or not be set" in error


def test_a_profile_that_is_not_there(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none")
    error = error_of(run_process("gen", "--path", bucket.url, *GEN))
    assert "the profile in AWS_PROFILE does not exist" in error


def test_a_profile_has_credentials(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    (tmp_path / "credentials").write_text(f"[mine]\n{keys}")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert run_process("gen", "--path", bucket.url, *GEN).returncode == 0
    (tmp_path / "boto3.py").write_text("raise ModuleNotFoundError('no boto3')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    error = error_of(run_process("gen", "--path", bucket.url, *GEN), 2)
    assert "AWS_PROFILE needs boto3: pip install boto3" in error


def test_a_store_that_is_not_there(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    error = error_of(run_process("gen", "--path", bucket.url, *GEN))
    assert f"{bucket.url}/image_0.png: the store can't be reached" in error


def test_a_store_that_is_overloaded_for_a_while_is_asked_again(
    proxy: Proxy, bucket: Bucket, tmp_path: Path, images: bytes
) -> None:
    proxy.fail(3, 503, is_put)
    args = [*GEN, "--count", "5", "--workers", "1"]
    run_process("gen", "--path", f"{bucket.url}/img", *args, check=True)
    run_process("gen", "--path", tmp_path / "img", *args, check=True)
    expected = {path.name: path.read_bytes() for path in (tmp_path / "img").iterdir()}
    assert bucket.contents("img/") == expected
    proxy.fail(3, 503, lambda request: request.is_part or "uploads" in request.path)
    run_process("tfrecord", "--dest-path", bucket.url, input=images, check=True)
    run_process("tfrecord", "--dest-path", tmp_path, input=images, check=True)
    assert bucket.get("tfrecord_0") == (tmp_path / "tfrecord_0").read_bytes()
    proxy.fail(2, 500, lambda request: request.method == "GET")
    packed = run_process(
        "tfrecord", "--source-path", f"{bucket.url}/img", "--dest-path", tmp_path / "r"
    )
    assert packed.returncode == 0
    assert b"5 images" in packed.stderr


def test_a_store_that_stays_overloaded_is_reported(proxy: Proxy, bucket: Bucket) -> None:
    proxy.plan = lambda _: 503
    error = error_of(run_process("gen", "--path", bucket.url, *GEN))
    assert "the store fails or is overloaded, also after retries" in error
    assert len(proxy.requests) > 2


def test_connections_that_break_in_the_middle_are_made_again(
    proxy: Proxy, bucket: Bucket, tmp_path: Path
) -> None:
    for n in range(4):
        bucket.put(f"{n}.jpg", JPEG + os.urandom(200_000))
    cuts = iter(range(3))

    def cut_some(request: Request) -> int | None:
        is_image = request.method == "GET" and request.path.endswith(".jpg")
        return Proxy.CUT if is_image and next(cuts, None) is not None else None

    proxy.plan = cut_some
    result = run_process("tfrecord", "--source-path", bucket.url, "--dest-path", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert next(cuts, None) is None
    data = (tmp_path / "out" / "tfrecord_0").read_bytes()
    assert all(bucket.get(f"{n}.jpg") in data for n in range(4))


def test_a_part_that_is_refused_leaves_no_object_and_no_upload(
    proxy: Proxy, bucket: Bucket, images: bytes
) -> None:
    bucket.put("tfrecord_0", b"what was there before")
    proxy.plan = lambda request: 403 if "partNumber=4" in request.path else None
    error = error_of(run_process("tfrecord", "--dest-path", bucket.url, input=images))
    assert f"{bucket.url}/tfrecord_0: access denied" in error
    assert bucket.uploads() == []
    assert bucket.contents() == {"tfrecord_0": b"what was there before"}


def test_a_bad_image_leaves_no_object_and_no_upload(
    bucket: Bucket, tmp_path: Path, images: bytes
) -> None:
    result = run_process("tfrecord", "--dest-path", bucket.url, input=images + b"/none\n")
    assert "/none: No such file or directory (line 13 of the manifest)" in error_of(result)
    assert bucket.uploads() == []
    assert bucket.sizes() == {}


class Held:
    """A plan by which the third part does not arrive before it is let go."""

    def __init__(self, proxy: Proxy) -> None:
        self.is_there = threading.Event()
        self._go = threading.Event()
        proxy.plan = self._hold

    def _hold(self, request: Request) -> None:
        if "partNumber=3" in request.path:
            self.is_there.set()
            self._go.wait()

    def let_go(self) -> None:
        self._go.set()


# All the tool's processes run it when they start.
PATIENT = """
from imagine_common.parallel import local_processes
from imagine_common.files.stores import objects
local_processes._SECONDS_TO_LEAVE = 200
objects._SECONDS_TO_ABORT = 100
"""


@pytest.fixture
def _patience_with_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the end of a run, which waits for a store for seconds, wait for a busy one too."""
    (tmp_path / "patient").mkdir()
    (tmp_path / "patient" / "sitecustomize.py").write_text(PATIENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "patient"))


@pytest.mark.usefixtures("_patience_with_the_store")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_upload_that_a_signal_ends_leaves_no_object_and_no_upload(
    proxy: Proxy, bucket: Bucket, images: bytes, workers: str, signum: signal.Signals
) -> None:
    held = Held(proxy)
    args = ["--dest-path", bucket.url, "--img-per-file", "11", "--workers", workers]
    process = subprocess.Popen(
        command("tfrecord", *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(images)
    process.stdin.flush()  # There may be more, so that the shard is not known to be the only one.
    assert held.is_there.wait(PATIENCE)
    assert bucket.uploads() == ["tfrecord_0"]
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    held.let_go()
    assert process.returncode == 128 + signum, stderr
    assert stdout == b""
    wait_until_quiet(proxy)
    assert bucket.uploads() == []
    assert bucket.sizes() == {}


def test_a_killed_upload_leaves_no_object_but_parts_for_a_lifecycle_rule(
    proxy: Proxy, bucket: Bucket, images: bytes
) -> None:
    held = Held(proxy)
    args = ["--dest-path", bucket.url, "--workers", "1"]
    process = subprocess.Popen(
        command("tfrecord", *args), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin
    process.stdin.write(images)
    process.stdin.close()
    assert held.is_there.wait(PATIENCE)
    process.kill()
    process.wait()
    held.let_go()
    wait_until_quiet(proxy)
    assert bucket.sizes() == {}
    assert bucket.uploads() == ["tfrecord_0"]
    assert run_process("tfrecord", *args, input=images).returncode == 0
    assert list(bucket.sizes()) == ["tfrecord_0"]


def test_images_of_a_killed_run_are_whole_and_the_rest_can_be_made(
    proxy: Proxy, bucket: Bucket, tmp_path: Path
) -> None:
    killed = threading.Event()

    def hold_some(request: Request) -> None:
        if sum(map(is_put, proxy.requests)) > 60:  # so that the run can't end before
            killed.wait()

    proxy.plan = hold_some
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "300", "--workers", "2"]
    args += ["--chunksize", "10"]
    process = subprocess.Popen(
        command("gen", *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_for(lambda: sum(map(is_put, proxy.requests)) > 40)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, workers)))
    killed.set()
    wait_until_quiet(proxy)
    there = bucket.sizes("img/")
    assert 0 < len(there) < 300
    result = run_process("gen", *args, "--resume", check=True)
    assert f"({len(there)} there already)".encode() in result.stderr
    verified = run_process("gen", *args, "--verify", check=True)
    assert len(lines(verified.stdout)) == 300


FORK = """
import os, signal, sys
from imagine_common.errors import ImagineError
from imagine_common.files.storage import exists
url = os.fsencode(sys.argv[1])
assert not exists(url)
if not os.fork():
    signal.alarm(200)
    try:
        exists(url)
    except ImagineError as error:
        os._exit(7 if "was forked from one that uses object stores" in str(error) else 1)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_process_that_is_forked_from_one_with_a_store_does_not_hang(bucket: Bucket) -> None:
    script = [sys.executable, "-W", "ignore", "-c", FORK, f"{bucket.url}/x"]
    assert subprocess.run(script, capture_output=True, timeout=PATIENCE).stdout == b"7\n"


def test_a_closed_pipe_ends_a_run_quietly(bucket: Bucket) -> None:
    args = ["--path", bucket.url, *GEN, "--count", "1000000", "--workers", "2", "--chunksize", "5"]
    process = subprocess.Popen(
        command("gen", *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE) == 141
    process.stderr.close()


def test_a_non_image_object_is_named(bucket: Bucket) -> None:
    bucket.put("x.png", PNG[1:])
    error = error_of(run_process("tfrecord", input=f"{bucket.url}/x.png\n".encode()))
    assert f"{bucket.url}/x.png: not an image" in error
