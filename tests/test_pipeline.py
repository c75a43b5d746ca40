"""The tools in pipelines of a real shell."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import (
    PATIENCE,
    alive,
    children,
    command,
    read_recordio,
    read_tfrecords,
    shell,
    unfinished,
    wait_for,
)

pytestmark = pytest.mark.process


SMALL = "--width 16 --height 16"


def test_generate_pipe_pack(tmp_path: Path) -> None:
    script = f"""
        set -o pipefail
        imagine-gen --path images {SMALL} --count 250 |
            imagine-tfrecord --dest-path records --img-per-file 100
    """
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "".join(f"records/tfrecord_{n}\n" for n in range(3))
    summaries = sorted(result.stderr.splitlines())
    assert [line.split(",")[0] for line in summaries] == [
        "imagine-gen: 250 images",
        "imagine-tfrecord: 3 files",
    ]
    images = [(tmp_path / "images" / f"image_{n}.jpg").read_bytes() for n in range(250)]
    packed = [
        record.data
        for n in range(3)
        for record in read_tfrecords((tmp_path / "records" / f"tfrecord_{n}").read_bytes())
    ]
    assert len(packed) == 250
    assert all(data.endswith(image) for data, image in zip(packed, images))


def test_nul_through_sort(tmp_path: Path) -> None:
    script = f"""
        set -o pipefail
        imagine-gen --path x --count 20 {SMALL} -0 | sort -z |
            imagine-tfrecord -0 --dest-path 'dir with spaces' --img-per-file 7 | tr '\\0' '\\n'
    """
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [f"dir with spaces/tfrecord_{n}" for n in range(3)]


def test_find_shuf_and_tee_into_both_packers(tmp_path: Path) -> None:
    script = f"""
        set -e -o pipefail
        imagine-gen -q --path x --count 30 {SMALL} >/dev/null
        find x -name '*.jpg' | shuf | tee >(imagine-recordio -q --dest-path r >r.list) |
            imagine-tfrecord -q --dest-path t
        wait
    """
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "t/tfrecord_0\n"
    wait_for(lambda: (tmp_path / "r.list").read_text() == "r/recordio_0.rec\n")
    tfrecords = list(read_tfrecords((tmp_path / "t/tfrecord_0").read_bytes()))
    recordio = list(read_recordio((tmp_path / "r/recordio_0.rec").read_bytes()))
    assert len(tfrecords) == len(recordio) == 30
    assert all(a.data.endswith(b.data[24:]) for a, b in zip(tfrecords, recordio))


def test_manifests_can_be_cut_split_and_labelled_with_unix_tools(tmp_path: Path) -> None:
    script = f"""
        set -e -o pipefail
        imagine-gen -q --path x --count 10 {SMALL} >list
        head -4 list | imagine-tfrecord -q --dest-path head
        tail -n +5 list | awk '{{print $0 "\\t" NR % 3}}' | imagine-recordio -q --dest-path tail
        split -l 3 list part. && for part in part.*; do
            imagine-tfrecord -q --dest-path split --name "$part." <"$part"
        done
        printf %s "$(cat list)" | xargs -d '\\n' -n 6 printf '%s\\n' | imagine-tfrecord -q
    """
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "head/tfrecord_0",
        "tail/recordio_0.rec",
        *(f"split/part.a{letter}.0" for letter in "abcd"),
        "./tfrecord_0",
    ]
    assert len(list(read_tfrecords((tmp_path / "tfrecord_0").read_bytes()))) == 10


def test_head_ends_a_generator_of_many_images(tmp_path: Path) -> None:
    script = f"imagine-gen --path x {SMALL} --count 100000000 | head -3; echo ${{PIPESTATUS[0]}}"
    result = shell(script, tmp_path)
    assert result.stdout == "x/image_0.jpg\nx/image_1.jpg\nx/image_2.jpg\n141\n"
    assert result.stderr == ""
    assert unfinished(tmp_path / "x") == []


def test_a_producer_that_fails_is_not_taken_for_an_empty_dataset(tmp_path: Path) -> None:
    script = (
        "imagine-gen --path x --width 0 | imagine-tfrecord --dest-path t; echo ${PIPESTATUS[@]}"
    )
    result = shell(script, tmp_path)
    assert result.stdout == "2 1\n"
    assert "the manifest is empty; did the command that writes it fail?" in result.stderr
    assert os.listdir(tmp_path) == []


def test_two_runs_split_with_start_equal_one(tmp_path: Path) -> None:
    script = f"""
        set -e
        imagine-gen -q --path a --count 50 --workers 1 {SMALL} >/dev/null
        imagine-gen -q --path b --count 50 --workers 4 --chunksize 3 {SMALL} >/dev/null
        imagine-gen -q --path c --start 20 --count 30 {SMALL} >/dev/null
        imagine-gen -q --path c --start 0 --count 20 {SMALL} >/dev/null
        diff -r a b && diff -r a c
    """
    result = shell(script, tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """Give a generator without end and a packer that reads from it."""
    generate = f"--path {tmp_path}/x --count 100000000 {SMALL} --workers 2".split()
    pack = f"--dest-path {tmp_path}/t --img-per-file 500 --workers 2".split()
    with (
        subprocess.Popen(
            command("gen", *generate),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as producer,
        subprocess.Popen(
            command("tfrecord", *pack),
            stdin=producer.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as consumer,
    ):
        assert producer.stdout
        producer.stdout.close()
        yield producer, consumer
        producer.kill()
        consumer.kill()


def test_a_terminated_packer_ends_the_generator_with_141(
    tmp_path: Path, pipeline: tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]
) -> None:
    producer, consumer = pipeline
    assert consumer.stdout
    assert consumer.stdout.readline() == os.fsencode(tmp_path) + b"/t/tfrecord_0\n"
    workers = [pid for process in pipeline for pid in children(process.pid)]
    consumer.send_signal(signal.SIGTERM)
    assert (consumer.wait(PATIENCE), producer.wait(PATIENCE)) == (143, 141)
    assert not any(map(alive, workers))
    assert unfinished(tmp_path / "x") == unfinished(tmp_path / "t") == []
