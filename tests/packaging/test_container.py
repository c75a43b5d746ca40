"""The container image, where Docker is: it is built, and its tools make a dataset."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAG = "imagine-test"


def docker(*args: str) -> str:
    result = subprocess.run(["docker", *args], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout


def docker_runs() -> bool:
    with suppress(OSError):
        return subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    return False


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    if not docker_runs():
        pytest.skip("needs Docker")
    docker("build", "--quiet", "--tag", TAG, ".")
    yield TAG
    docker("image", "rm", "--force", TAG)


def test_the_image_has_all_tools(image: str) -> None:
    pipeline = (
        "imagine-gen --path images --width 64 --height 64 --count 4 |"
        " imagine-tfrecord --dest-path records | imagine-tfrecord --test"
        " && imagine-recordio --source-path images --dest-path recordio | imagine-recordio --test"
    )
    output = docker("run", "--rm", image, "bash", "-o", "pipefail", "-c", pipeline)
    assert output == "records/tfrecord_0\nrecordio/recordio_0.rec\n"


def test_the_image_has_the_libraries_of_stores_and_dask(image: str) -> None:
    docker("run", "--rm", image, "python", "-c", "import distributed, obstore")
