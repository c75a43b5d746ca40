"""What holds for every kind of store: S3, Google's and Azure's, each with a server on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from s3_server import Bucket, Proxy, Request, wait_until_quiet
from store_servers import WRONG_KEY
from support import (
    JPEG,
    PATIENCE,
    command,
    contents,
    lines,
    manifest,
    read_tfrecords,
    run_process,
    shell,
    wait_for,
)

pytestmark = pytest.mark.parametrize("server", ["s3", "gs", "az"], indirect=True)

GEN = ["--width", "16", "--height", "16", "--image-format", "png"]
NAMES = ["a b", "p%q", "p%20q", "x+y", "é", "日本", "x?y=1", "#", "k:v@w", "&=;,'"]
MIB = 1 << 20


def is_put(request: Request) -> bool:
    return request.method == "PUT"


def error_of(result: subprocess.CompletedProcess[bytes], code: int = 1) -> str:
    assert result.returncode == code, result.stderr
    return result.stderr.decode().splitlines()[-1]


def large_image(path: Path) -> Path:
    path.write_bytes(JPEG)
    os.truncate(path, 40 * MIB)
    return path


def test_the_pipeline_gives_what_it_gives_on_a_disk(bucket: Bucket, tmp_path: Path) -> None:
    gen = "imagine-gen --width 32 --height 32 --count 60 --files-per-dir 25"
    pack = "imagine-tfrecord --index --img-per-file 20 --workers 2"
    url = bucket.url
    far = shell(
        f"set -o pipefail; {gen} --path {url}/img | {pack} --dest-path {url}/rec",
        tmp_path,
        installed=True,
    )
    near = shell(
        f"set -o pipefail; {gen} --path img | {pack} --dest-path rec", tmp_path, installed=True
    )
    assert far.returncode == near.returncode == 0, far.stderr
    assert far.stdout == near.stdout.replace("rec/", f"{url}/rec/")
    assert bucket.contents("img/") == contents(tmp_path / "img")
    assert bucket.contents("rec/") == contents(tmp_path / "rec")


def test_names_are_those_of_the_objects(bucket: Bucket, tmp_path: Path) -> None:
    for n, name in enumerate(NAMES):
        bucket.put(f"in {name}/{name}", JPEG + b"#%d#" % n)
    urls = [f"{bucket.url}/in {name}/{name}" for name in NAMES]
    run_process("tfrecord", "--dest-path", tmp_path / "a", input=manifest(urls), check=True)
    records = read_tfrecords((tmp_path / "a" / "tfrecord_0").read_bytes())
    assert [record.data.split(b"#")[-2] for record in records] == [
        b"%d" % n for n in range(len(NAMES))
    ]
    args = ["--source-path", bucket.url, "--recursive", "--dest-path", tmp_path / "b"]
    assert f"{len(NAMES)} images" in run_process("tfrecord", *args, check=True).stderr.decode()
    for name in NAMES[:6]:
        args = ["--path", f"{bucket.url}/out {name}", "--name", name, *GEN, "--workers", "1"]
        made = run_process("gen", *args, check=True)
        assert lines(made.stdout) == [f"{bucket.url}/out {name}/{name}0.png"]
        assert list(bucket.sizes(f"out {name}/")) == [f"out {name}/{name}0.png"]


def test_lists_are_read_page_by_page(
    proxy: Proxy, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(23):
        bucket.put(f"many/{n}.jpg", JPEG + b"#%d#" % n)
    bucket.put("many/below/x.jpg", JPEG)
    bucket.publish()
    proxy.page = 10
    monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")  # which would include the size of a page
    args = ["--source-path", f"{bucket.url}/many", "--dest-path", tmp_path]
    result = run_process("tfrecord", *args, check=True)
    assert b"23 images" in result.stderr
    records = read_tfrecords((tmp_path / "tfrecord_0").read_bytes())
    assert [record.data.split(b"#")[-2] for record in records] == [b"%d" % n for n in range(23)]
    assert sum(request.is_list for request in proxy.requests) % 3 == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_missing_bucket_is_named(bucket: Bucket, workers: str) -> None:
    url = f"{bucket.url.partition(':')[0]}://bucketthatisnone"
    args = ["--path", f"{url}/x", *GEN, "--count", "40", "--workers", workers]
    assert f"{url}: no such bucket" in error_of(run_process("gen", *args, "--chunksize", "5"))
    assert f"{url}: no such bucket" in error_of(run_process("tfrecord", "--source-path", url))


def test_refused_credentials_are_reported(
    proxy: Proxy, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bucket.url.startswith("az:"):  # moto does not check them.
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", WRONG_KEY)
    else:
        proxy.plan = lambda _: 403
    for verbose in ([], ["--verbose"]):
        error = error_of(run_process("gen", "--path", bucket.url, *GEN, *verbose))
        assert f"{bucket.url}/image_0.png: access denied; check the environment" in error
    error = error_of(run_process("tfrecord", "--source-path", f"{bucket.url}/x"))
    assert f"{bucket.url}/x: access denied" in error


def test_a_store_that_is_overloaded_for_a_while_is_asked_again(
    proxy: Proxy, bucket: Bucket, tmp_path: Path
) -> None:
    proxy.fail(3, 503, is_put)
    args = [*GEN, "--count", "5", "--workers", "1"]
    run_process("gen", "--path", f"{bucket.url}/img", *args, check=True)
    run_process("gen", "--path", tmp_path / "img", *args, check=True)
    assert bucket.contents("img/") == contents(tmp_path / "img")
    proxy.fail(3, 503, lambda request: request.is_part or "uploads" in request.path)
    images = manifest([large_image(tmp_path / "x.jpg")])
    run_process("tfrecord", "--dest-path", bucket.url, input=images, check=True)
    run_process("tfrecord", "--dest-path", tmp_path, input=images, check=True)
    assert bucket.get("tfrecord_0") == (tmp_path / "tfrecord_0").read_bytes()
    proxy.fail(3, 500, lambda request: request.method == "GET")
    packing = ["--source-path", f"{bucket.url}/img", "--dest-path", tmp_path / "r"]
    assert b"5 images" in run_process("tfrecord", *packing, check=True).stderr


def test_connections_that_break_are_made_again(
    proxy: Proxy, bucket: Bucket, tmp_path: Path
) -> None:
    for n in range(4):
        bucket.put(f"{n}.jpg", JPEG + os.urandom(200_000))
    faults = iter([Proxy.CUT, Proxy.DROP] * 2)

    def break_some(request: Request) -> int | None:
        is_image = request.method == "GET" and request.name.endswith(".jpg")
        return next(faults, None) if is_image else None

    proxy.plan = break_some
    args = ["--source-path", bucket.url, "--dest-path", tmp_path / "out"]
    run_process("tfrecord", *args, check=True)
    assert next(faults, None) is None
    data = (tmp_path / "out" / "tfrecord_0").read_bytes()
    assert all(bucket.get(f"{n}.jpg") in data for n in range(4))
    dropped = iter([Proxy.DROP] * 3)
    proxy.plan = lambda request: next(dropped, None) if is_put(request) else None
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "20"]
    run_process("gen", *args, check=True)
    assert len(bucket.sizes("img/")) == 20


@pytest.mark.usefixtures("few_retries")
def test_a_server_that_dies_is_reported_and_the_rest_can_be_made(
    proxy: Proxy, bucket: Bucket
) -> None:
    def die(request: Request) -> int | None:
        return Proxy.DROP if sum(map(is_put, proxy.requests)) > 30 else None

    proxy.plan = die
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "100", "--workers", "2"]
    failed = run_process("gen", *args, "--chunksize", "5")
    assert f"{bucket.url}/img/image_" in error_of(failed)
    listed = [url.removeprefix(f"{bucket.url}/") for url in lines(failed.stdout)]
    assert listed == [f"img/image_{n}.png" for n in range(len(listed))]
    there = bucket.sizes()
    assert set(listed) <= set(there)
    assert len(there) <= 30
    proxy.plan = lambda _: None
    result = run_process("gen", *args, "--resume", check=True)
    assert f"({len(there)} there already)".encode() in result.stderr
    assert len(bucket.sizes()) == 100


def test_slow_answers_are_awaited_side_by_side(proxy: Proxy, bucket: Bucket) -> None:
    def wait(_: Request) -> None:
        time.sleep(0.2)

    proxy.plan = wait
    args = ["--path", bucket.url, *GEN, "--count", "80", "--workers", "1"]
    run_process("gen", *args, check=True)
    assert len(bucket.sizes()) == 80
    assert proxy.most_at_once >= 16


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_begins_before_the_one_before_has_ended(
    proxy: Proxy, bucket: Bucket, workers: int
) -> None:
    go = threading.Event()

    def hold_first(request: Request) -> None:
        if is_put(request) and "image_0.png" in request.name:
            go.wait(PATIENCE)

    proxy.plan = hold_first
    args = ["--path", bucket.url, *GEN, "--count", "40", "--workers", str(workers)]
    process = subprocess.Popen(
        command("gen", *args, "--chunksize", "5"), stdout=subprocess.PIPE, text=True
    )
    # The process that makes it has one more unit in progress, and others make all of theirs.
    others = 5 * (workers - 1)
    wait_for(lambda: len(bucket.sizes()) >= 9 + others)
    assert "image_0.png" not in bucket.sizes()
    go.set()
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert stdout.splitlines() == [f"{bucket.url}/image_{n}.png" for n in range(40)]


@pytest.mark.parametrize(("signum", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "2")])
def test_an_upload_that_a_signal_ends_leaves_no_object_and_no_upload(
    proxy: Proxy, bucket: Bucket, tmp_path: Path, workers: str, signum: signal.Signals
) -> None:
    images = [large_image(tmp_path / "x.jpg")] * 3
    is_there = threading.Event()

    def signal_first_part(request: Request) -> None:
        if request.is_part:
            is_there.set()

    proxy.plan = signal_first_part
    args = ["--dest-path", bucket.url, "--img-per-file", "11", "--workers", workers]
    process = subprocess.Popen(
        command("tfrecord", *args), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(manifest(images) * 4)
    process.stdin.flush()  # There may be more, so the run does not end.
    assert is_there.wait(PATIENCE)
    process.send_signal(signum)
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signum
    assert stdout == b""
    wait_until_quiet(proxy)
    assert bucket.sizes() == {}
    assert bucket.uploads() == [] or not bucket.can_abort


@pytest.mark.parametrize(("signum", "workers"), [(signal.SIGTERM, "2"), (signal.SIGINT, "1")])
def test_images_of_an_interrupted_run_are_whole_and_the_rest_can_be_made(
    proxy: Proxy, bucket: Bucket, tmp_path: Path, workers: str, signum: signal.Signals
) -> None:
    def slow(request: Request) -> None:
        if sum(map(is_put, proxy.requests)) > 20:
            time.sleep(0.5)

    proxy.plan = slow
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "300", "--workers", workers]
    args += ["--chunksize", "10"]
    process = subprocess.Popen(
        command("gen", *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    first = process.stdout.readline()
    process.send_signal(signum)
    rest, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signum, stderr
    wait_until_quiet(proxy)
    proxy.plan = lambda _: None
    there = bucket.sizes("img/")
    assert {url.removeprefix(f"{bucket.url}/") for url in lines(first + rest)} <= set(there)
    assert len(there) < 300
    result = run_process("gen", *args, "--resume", check=True)
    assert f"({len(there)} there already)".encode() in result.stderr
    run_process("gen", "--path", tmp_path, *args[2:], check=True)
    assert bucket.contents("img/") == contents(tmp_path)
