"""The scripts in examples/ run, at a small scale, and make what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import finished, read_tfrecords, shell

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_slurm_arrays_make_what_one_run_makes(tmp_path: Path) -> None:
    script = f"""
        set -eo pipefail
        export SHARED=$PWD COUNT=6 PARTS=2 IMG_PER_FILE=2
        for job in images records; do
            for SLURM_ARRAY_TASK_ID in 1 0; do
                SLURM_ARRAY_TASK_ID=$SLURM_ARRAY_TASK_ID {EXAMPLES}/slurm.sh $job
            done
        done
        imagine-gen --path images --count 6 --files-per-dir 10000 --verify
        cat list-of-2.* | imagine-tfrecord --dest-path whole --img-per-file 2
    """
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(finished(tmp_path / "records")) == 3
    assert finished(tmp_path / "records") == finished(tmp_path / "whole")


def test_slurm_needs_to_know_which_job(tmp_path: Path) -> None:
    result = shell(f"SLURM_ARRAY_TASK_ID=0 {EXAMPLES}/slurm.sh", tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "images|records" in result.stderr


def kubernetes() -> tuple[str, str]:
    """Return the command of the Job's pods and its script."""
    text = (EXAMPLES / "kubernetes.yaml").read_text()
    (command,) = re.findall(r"command: \[(.*)\]", text)
    (script,) = re.findall(r"(?s)args:\n +- \|\n(.*?)\n +env:", text)
    return command.replace(",", ""), script


def test_kubernetes_pods_pack_their_parts(tmp_path: Path) -> None:
    command, script = kubernetes()
    for pod in (0, 1):
        env = f"JOB_COMPLETION_INDEX={pod} PARTS=2 COUNT=4 DEST=records"
        result = shell(f"{env} {command} '{script}'", tmp_path)
        assert result.returncode == 0, result.stderr
    names = [f"part-{pod}-0{suffix}" for pod in (0, 1) for suffix in ("", ".idx")]
    assert sorted(finished(tmp_path / "records")) == names


def test_kubernetes_starts_as_many_pods_as_there_are_parts() -> None:
    text = (EXAMPLES / "kubernetes.yaml").read_text()
    numbers = re.findall(r'(?:completions: |PARTS, value: ")(\d+)', text)
    assert len(numbers) == 2
    assert len(set(numbers)) == 1


def test_mlperf_makes_files_and_indexes_where_dlio_expects_them(tmp_path: Path) -> None:
    script = f"FILES=2 IMG_PER_FILE=3 {EXAMPLES}/mlperf.sh data --direct"
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    names = [f"img_{number}_of_2.tfrecord" for number in (0, 1)]
    assert result.stdout == "".join(f"data/train/{name}\n" for name in names)
    assert sorted(finished(tmp_path / "data" / "index" / "train")) == [f"{n}.idx" for n in names]
    for data in finished(tmp_path / "data" / "train").values():
        assert len(list(read_tfrecords(data))) == 3
