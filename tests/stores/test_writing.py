"""Tools that write into a bucket: the same bytes as on a disk, whole objects, bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from s3_server import Bucket, Proxy
from support import JPEG, command, contents, lines, manifest, run_process

GEN = ["--width", "16", "--height", "16", "--image-format", "png"]
MIB = 1 << 20


def large_image(path: Path, size: int) -> Path:
    path.write_bytes(JPEG)
    os.truncate(path, size)
    return path


def parts_of(proxy: Proxy) -> set[str]:
    """Return the parts that were uploaded; one may have been sent again."""
    return {request.path for request in proxy.requests if request.is_part}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_images_are_those_on_a_disk_and_listed_as_the_url_was_given(
    bucket: Bucket, tmp_path: Path, workers: str
) -> None:
    args = [*GEN, "--count", "40", "--workers", workers, "--chunksize", "7"]
    result = run_process("gen", "--path", f"{bucket.url}/some/img", *args)
    run_process("gen", "--path", tmp_path, *args, check=True)
    assert lines(result.stdout) == [f"{bucket.url}/some/img/image_{n}.png" for n in range(40)]
    assert bucket.contents("some/img/") == contents(tmp_path)


def test_folders_below_are_part_of_the_names(bucket: Bucket, tmp_path: Path) -> None:
    args = [*GEN, "--count", "9", "--files-per-dir", "4"]
    run_process("gen", "--path", bucket.url, *args, check=True)
    run_process("gen", "--path", tmp_path, *args, check=True)
    assert bucket.contents() == contents(tmp_path)


def test_stamped_images_and_their_card_are_those_on_a_disk(bucket: Bucket, tmp_path: Path) -> None:
    args = [*GEN, "--count", "20", "--stamp", "--workers", "2"]
    run_process("gen", "--path", tmp_path / "i", *args, "--card", tmp_path / "card", check=True)
    card = ["--card", f"{bucket.url}/card"]
    run_process("gen", "--path", f"{bucket.url}/i", *args, *card, check=True)
    assert bucket.contents() == contents(tmp_path)
    bucket.put("i/image_7.png", (tmp_path / "i/image_8.png").read_bytes())
    result = run_process("gen", "--path", f"{bucket.url}/i", *args, *card, "--resume")
    assert b": 20 images (19 there already)" in result.stderr
    assert bucket.contents() == contents(tmp_path)
    run_process("gen", "--verify", *card, "--path", f"{bucket.url}/i", check=True)
    run_process("gen", "--verify", "-", input=result.stdout, check=True)


def test_shards_are_written_kept_and_packed(bucket: Bucket, tmp_path: Path) -> None:
    gen = ["--tar", "--shard-samples", "8", "--index", *GEN, "--count", "20", "--path"]
    run_process("gen", *gen, f"{bucket.url}/s", "--workers", "2", check=True)
    local = run_process("gen", *gen, tmp_path / "s", check=True)
    assert bucket.contents("s/") == contents(tmp_path / "s")
    bucket.put("s/shard-000001.tar", b"cut")
    again = run_process("gen", *gen, f"{bucket.url}/s", "--resume")
    assert b": 3 shards (2 there already)" in again.stderr
    assert bucket.contents("s/") == contents(tmp_path / "s")
    for folder, shards in (("near", local.stdout), ("far", again.stdout)):
        args = ["--tar", *lines(shards), "--dest-path", tmp_path / folder]
        run_process("tfrecord", *args, check=True)
    assert contents(tmp_path / "near") == contents(tmp_path / "far")
    missing = ["--tar", f"{bucket.url}/s/shard-000003.tar", "--dest-path", tmp_path / "new"]
    result = run_process("tfrecord", *missing)
    assert (result.returncode, (tmp_path / "new").exists()) == (1, False)
    assert b"shard-000003.tar: no such object" in result.stderr


def test_record_files_and_all_indexes_of_recordio(bucket: Bucket, tmp_path: Path) -> None:
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    args = ["--img-per-file", "3", "--merged-index"]
    bucket.put("rec/recordio_merged.idx", b"0\t0\n")
    far = run_process(
        "recordio", "--dest-path", f"{bucket.url}/rec", *args, input=manifest([image] * 7)
    )
    run_process("recordio", "--dest-path", tmp_path / "rec", *args, input=manifest([image] * 7))
    assert len(lines(far.stdout)) == 3
    assert bucket.contents("rec/") == contents(tmp_path / "rec")


def test_an_index_can_be_in_another_place_than_its_file(bucket: Bucket, tmp_path: Path) -> None:
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    local = ["--dest-path", tmp_path / "rec", "--index-path", f"{bucket.url}/idx"]
    run_process("tfrecord", *local, input=manifest([image]), check=True)
    far = ["--dest-path", f"{bucket.url}/rec", "--index-path", tmp_path / "idx"]
    run_process("tfrecord", *far, input=manifest([image]), check=True)
    assert bucket.contents("rec/") == contents(tmp_path / "rec")
    assert bucket.contents("idx/") == contents(tmp_path / "idx")


def test_a_large_object_is_uploaded_in_parts_side_by_side_and_memory_stays_bounded(
    proxy: Proxy, bucket: Bucket, tmp_path: Path
) -> None:
    image = large_image(tmp_path / "x.jpg", 8 * MIB)
    args = ["-q", "--dest-path", f"{bucket.url}/rec", "--workers", "1"]
    process = subprocess.run(
        [sys.executable, "-c", PEAK_MEMORY, *command("tfrecord", *args)],
        input=manifest([image] * 48),
        capture_output=True,
        check=True,
    )
    run_process(
        "tfrecord", "--dest-path", tmp_path / "rec", input=manifest([image] * 48), check=True
    )
    peak = int(process.stdout.splitlines()[-1])
    local = tmp_path / "rec" / "tfrecord_0"
    assert bucket.sizes() == {"rec/tfrecord_0": local.stat().st_size}
    assert bucket.get("rec/tfrecord_0") == local.read_bytes()
    assert len(parts_of(proxy)) == 25
    assert bucket.uploads() == []
    assert peak < 300_000, "of 400 MB, at most five parts of 16 MiB and an image are held"


def test_a_large_image_is_uploaded_in_parts(proxy: Proxy, bucket: Bucket, tmp_path: Path) -> None:
    args = ["--width", "3000", "--height", "2500", "--image-format", "bmp", "--count", "3"]
    run_process("gen", "--path", f"{bucket.url}/img", *args, check=True)
    run_process("gen", "--path", tmp_path, *args, check=True)
    assert bucket.contents("img/") == contents(tmp_path)
    assert len(parts_of(proxy)) == 6


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_objects_of_about_a_part(bucket: Bucket, tmp_path: Path, offset: int) -> None:
    from imagine_common.files.storage import output_file

    data = os.urandom(16 * MIB + offset)
    url = f"{bucket.url}/x".encode()
    with output_file(url) as file:
        for begin in range(0, len(data), 999_999):
            file.write([data[begin : begin + 999_999]])
        assert file.size == len(data)
    assert bucket.get("x") == data
    assert bucket.uploads() == []


def test_an_empty_object(bucket: Bucket) -> None:
    from imagine_common.files.storage import output_file

    with output_file(f"{bucket.url}/x".encode()):
        pass
    assert bucket.contents() == {"x": b""}


def test_older_shards_with_higher_numbers_are_an_error(bucket: Bucket, tmp_path: Path) -> None:
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    bucket.put("rec/tfrecord_7", b"old")
    args = ["--dest-path", f"{bucket.url}/rec"]
    result = run_process("tfrecord", *args, input=manifest([image]))
    assert result.returncode == 1
    assert b"rec: has 1 file of another run (tfrecord_7)" in result.stderr
    run_process("tfrecord", *args, "--clean", input=manifest([image]), check=True)
    assert list(bucket.sizes()) == ["rec/tfrecord_0"]


def test_images_of_another_run_are_removed_on_request(bucket: Bucket) -> None:
    args = ["--path", f"{bucket.url}/d", *GEN, "--classes", "3", "--layout", "imagefolder"]
    run_process("gen", *args, "--count", "6", check=True)
    result = run_process("gen", *args, "--count", "2")
    assert result.returncode == 2
    assert b"has 4 files of another run (class_0/image_3.png to class_2/image_5.png)" in (
        result.stderr
    )
    run_process("gen", *args, "--count", "2", "--clean", check=True)
    assert list(bucket.sizes()) == ["d/class_0/image_0.png", "d/class_1/image_1.png"]


def test_a_total_known_beforehand_goes_into_names(bucket: Bucket, tmp_path: Path) -> None:
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    args = ["--dest-path", bucket.url, "--name-format", "x-{shard}-of-{total}", "--expect", "1"]
    run_process("tfrecord", *args, input=manifest([image]), check=True)
    assert list(bucket.sizes()) == ["x-0-of-1"]


def test_sizes_are_reported(bucket: Bucket) -> None:
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "3", "--size"]
    result = run_process("gen", *args, check=True)
    total = sum(bucket.sizes("img/").values())
    message = f"Directory {bucket.url}/img size, in bytes: {total}"
    assert message in result.stderr.decode()


def test_fsync_asks_nothing_more_of_a_store(bucket: Bucket) -> None:
    assert run_process("gen", "--path", bucket.url, *GEN, "--fsync").returncode == 0


def test_a_plan_reports_that_a_store_has_no_limit(bucket: Bucket, tmp_path: Path) -> None:
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    plan = run_process("tfrecord", "--dest-path", bucket.url, "--dry-run", input=manifest([image]))
    assert f"{bucket.url}: an object store, which reports no limit" in plan.stderr.decode()
    assert run_process("gen", "--path", bucket.url, *GEN, "--dry-run").returncode == 0
    assert bucket.sizes() == {}


@pytest.mark.parametrize("tool", ["tfrecord", "recordio"])
def test_a_total_in_names_is_refused_since_nothing_can_be_renamed(
    bucket: Bucket, tool: str
) -> None:
    args = ["--dest-path", bucket.url, "--name-format", "x-{shard}-of-{total}"]
    result = run_process(tool, *args, input=b"x\n")
    assert result.returncode == 2
    assert (
        b"argument --dest-path: not in an object store with {total} or :0* in --name-format"
        in result.stderr
    )


def test_names_with_the_shards_number(bucket: Bucket, tmp_path: Path) -> None:
    image = tmp_path / "x.jpg"
    image.write_bytes(JPEG)
    args = ["--dest-path", bucket.url, "--name-format", "x-{shard:03d}"]
    run_process("tfrecord", *args, input=manifest([image]), check=True)
    assert list(bucket.sizes()) == ["x-000"]


# A process of its own: a child's peak begins with the memory of the process that starts it.
PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)  # KiB, of the largest process
"""
