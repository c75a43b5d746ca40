"""The presets of MLPerf Storage make DLIO's layout: as documented, after a kill, and in parts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support import command, finished, lines, manifest, run, shell

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[1] / "docs" / "mlperf-storage.md"
IMAGES = 12
RETINANET = ("--preset", "mlperf-storage-retinanet", "--direct", "--count", str(IMAGES))
RESNET50 = ("--preset", "mlperf-storage-resnet50")
PACK = (*RESNET50, "--index", "--img-per-file", "2", "--expect", str(IMAGES))


def in_small(script: str) -> str:
    """Return commands of the page with fewer images, in a folder of the test."""
    script = script.replace("/mnt/data", "data")
    script = re.sub(r"imagine-gen --preset \S+", rf"\g<0> --count {IMAGES}", script)
    options = f"--expect {IMAGES} --img-per-file 3"
    script = re.sub(r"imagine-tfrecord --preset \S+", rf"\g<0> {options}", script)
    return re.sub(r"--files \d+ --records \d+", f"--files {IMAGES // 3} --records {IMAGES}", script)


def test_the_commands_of_the_page_run_in_small(tmp_path: Path) -> None:
    blocks = re.findall(r"(?ms)^```bash\n(.*?)^```", PAGE.read_text())
    assert len(blocks) == PAGE.read_text().count("```bash") > 2
    script = "\n".join(map(in_small, blocks))
    assert script.count("--count") == script.count("imagine-gen")
    result = shell(f"set -e -o pipefail\n{script}", tmp_path)
    assert result.returncode == 0, result.stderr
    images = finished(tmp_path / "data" / "retinanet")
    assert sorted(images) == [f"train/img_{n:02}_of_12.jpeg" for n in range(IMAGES)]
    assert {len(data) for data in images.values()} == {568**2}
    assert finished(tmp_path / "data" / "retinanet-4") == images
    names = [f"img_{n}_of_4.tfrecord" for n in range(4)]
    assert sorted(finished(tmp_path / "data" / "resnet50")) == [
        *(f"index/train/{name}.idx" for name in names),
        *(f"train/{name}" for name in names),
    ]
    for preset in ("retinanet", "retinanet-4", "resnet50"):
        assert list((tmp_path / "data" / preset / "valid").iterdir()) == []


def killed(tool: str, *args: object, source: bytes = b"") -> None:
    """Start a tool as a process and kill it after a few of its files."""
    with subprocess.Popen(
        command(tool, *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(source)
        process.stdin.close()
        for _ in range(3):
            assert process.stdout.readline()
        process.kill()


def test_a_killed_preset_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    made = run("gen", *RETINANET, "--path", tmp_path / "whole", check=True)
    expected = finished(tmp_path / "whole")
    killed("gen", *RETINANET, "--workers", 2, "--chunksize", 1, "--path", tmp_path / "images")
    again = run("gen", *RETINANET, "--path", tmp_path / "images", "--resume", check=True)
    assert finished(tmp_path / "images") == expected
    assert len(lines(again.stdout)) == len(lines(made.stdout)) == IMAGES
    run("tfrecord", *PACK, "--dest-path", tmp_path / "records", input=made.stdout, check=True)
    killed("tfrecord", *PACK, "--workers", 2, "--dest-path", tmp_path / "r", source=made.stdout)
    resume = ("--dest-path", tmp_path / "r", "--resume")
    run("tfrecord", *PACK, *resume, input=made.stdout, check=True)
    assert finished(tmp_path / "r") == finished(tmp_path / "records")


def test_four_parts_of_a_preset_are_the_whole(tmp_path: Path) -> None:
    for name, options in (("flat", ()), ("dealt", ("--subfolders", "3"))):
        run("gen", *RETINANET, *options, "--path", tmp_path / "whole" / name, check=True)
        for part in range(4):
            args = (*RETINANET, *options, "--path", tmp_path / "parts" / name)
            run("gen", *args, "--part", f"{part}/4", check=True)
    assert finished(tmp_path / "parts") == finished(tmp_path / "whole")
    source = manifest(sorted((tmp_path / "whole" / "flat" / "train").iterdir()))
    run("tfrecord", *PACK, "--dest-path", tmp_path / "r", input=source, check=True)
    for part in range(4):
        args = (*PACK, "--dest-path", tmp_path / "p", "--part", f"{part}/4")
        run("tfrecord", *args, input=source, check=True)
    assert finished(tmp_path / "p") == finished(tmp_path / "r")
    assert len(finished(tmp_path / "p" / "index" / "train")) == IMAGES // 2
