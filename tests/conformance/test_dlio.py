"""Real DLIO names files as the presets do, finds them, counts them and reads an epoch of them.

`dlio-benchmark` runs as its users run it, without a change, with TensorFlow as the framework. Its
release on PyPI lists and reads files as the versions of MLPerf Storage do; benchmarks/dlio.py runs
those.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from support import PATIENCE, shell

PROGRAMS = Path(sys.executable).parent
SAMPLES = 200
RETINANET = (
    f"imagine-gen --preset mlperf-storage-retinanet --direct --count {SAMPLES} --path imagine"
)
FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "size": tf.io.FixedLenFeature([], tf.int64),
}


def pipeline(options: str) -> str:
    """Return the commands that make a small dataset for ResNet-50, in the folder `imagine`."""
    preset = "--preset mlperf-storage-resnet50"
    return (
        f"set -o pipefail; imagine-gen {preset} --direct --count {SAMPLES} --tar |"
        f" imagine-tfrecord {preset} --tar --expect {SAMPLES} --dest-path imagine {options}"
    )


def dlio(folder: Path, **settings: object) -> str:
    """Run DLIO in a folder and return what it prints; settings have `__` for a dot."""
    usual = {
        "framework": "tensorflow",
        "workflow__evaluation": False,
        "dataset__num_files_eval": 0,
        "dataset__num_subfolders_eval": 0,
        "dataset__num_subfolders_train": 0,
        "dataset__num_samples_per_file": 1,
        "reader__data_loader": "tensorflow",
        "reader__batch_size": 4,
        "train__epochs": 1,
        "train__computation_time": 0.001,
    }
    words = [
        f"++workload.{name.replace('__', '.')}={value}"
        for name, value in {**usual, **settings}.items()
    ]
    # The release calls a script of DALI to make indexes; here they are empty files.
    script = folder / "programs" / "tfrecord2idx"
    script.parent.mkdir(exist_ok=True)
    script.write_text('#!/bin/sh\n: >"$2"\n')
    script.chmod(0o755)
    result = subprocess.run(
        [str(PROGRAMS / "dlio_benchmark"), "workload=default", "hydra.run.dir=log", *words],
        cwd=folder,
        env={**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def generate(folder: Path, **settings: object) -> None:
    """Let DLIO make a dataset in the folder `dlio`."""
    dlio(
        folder,
        workflow__generate_data=True,
        workflow__train=False,
        dataset__data_folder="dlio",
        **settings,
    )


def samples_read(folder: Path, **settings: object) -> int:
    """Return how many samples of the folder `imagine` DLIO reads in an epoch of training."""
    output = dlio(
        folder,
        workflow__generate_data=False,
        workflow__train=True,
        dataset__data_folder="imagine",
        **settings,
    )
    return sum(map(int, re.findall(r"processed (\d+) samples", output)))


def listing(folder: Path) -> list[str]:
    """Return the files and folders below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("subfolders", [0, 7, 10])
def test_dlio_trains_on_the_retinanet_preset(tmp_path: Path, subfolders: int) -> None:
    made = shell(f"{RETINANET} {f'--subfolders {subfolders}' if subfolders else ''}", tmp_path)
    assert made.returncode == 0, made.stderr
    settings = {
        "dataset__format": "jpeg",
        "dataset__num_files_train": SAMPLES,
        "dataset__num_subfolders_train": subfolders,
    }
    # Its JPEG files are as large as Pillow makes them; those of version 3 have the square below.
    generate(tmp_path, dataset__record_length=1024, **settings)
    assert listing(tmp_path / "imagine") == listing(tmp_path / "dlio")
    sizes = {path.stat().st_size for path in (tmp_path / "imagine").rglob("*.jpeg")}
    assert sizes == {math.isqrt(322_957) ** 2}
    assert samples_read(tmp_path, **settings) == SAMPLES


@pytest.mark.parametrize(("per_file", "subfolders"), [(20, 0), (1, 3)])
def test_dlio_trains_on_the_resnet50_preset(tmp_path: Path, per_file: int, subfolders: int) -> None:
    options = f"--img-per-file {per_file} --index"
    options += f" --subfolders {subfolders}" if subfolders else ""
    made = shell(pipeline(options), tmp_path)
    assert made.returncode == 0, made.stderr
    settings = {
        "dataset__format": "tfrecord",
        "dataset__num_files_train": SAMPLES // per_file,
        "dataset__num_samples_per_file": per_file,
        "dataset__num_subfolders_train": subfolders,
        "dataset__record_length": 114_660.07,
    }
    generate(tmp_path, **settings)
    assert listing(tmp_path / "imagine") == listing(tmp_path / "dlio")
    assert samples_read(tmp_path, **settings) == SAMPLES
    for record, expected in zip(records(tmp_path / "imagine"), records(tmp_path / "dlio")):
        assert len(record["image"].numpy()) == len(expected["image"].numpy())
        assert record["size"] == len(record["image"].numpy())


def records(folder: Path) -> list[dict[str, tf.Tensor]]:
    """Return the parsed examples of all record files below a folder."""
    paths = sorted(map(str, folder.rglob("*.tfrecord")))
    parsed = [tf.io.parse_single_example(r, FEATURES) for r in tf.data.TFRecordDataset(paths)]
    assert len(parsed) == SAMPLES
    return parsed
