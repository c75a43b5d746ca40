"""How many processes make images, by the memory that there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagine_common.errors import UsageError
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.work import units
from imagine_gen.work.units import mapped_units
from support import run


@pytest.mark.parametrize(
    ("memory", "given", "expected"),
    [(10**12, None, 4), (2 * 10**9, None, 3), (10**9, None, 1), (10**9, 4, 4)],
)
def test_workers_are_as_many_as_fit_into_memory_unless_given(
    monkeypatch: pytest.MonkeyPatch, memory: int, given: int | None, expected: int
) -> None:
    started = []
    monkeypatch.setattr(units, "usable_memory", lambda: memory)
    monkeypatch.setattr(units, "check_workers", lambda workers: workers or 4)
    monkeypatch.setattr(units, "image_encoder", lambda spec: None)

    def no_map(_work: object, _parts: object, workers: int, *_: object) -> Iterator[None]:
        started.append(workers)
        yield from ()

    monkeypatch.setattr(units, "ordered_map", no_map)
    spec = DatasetSpec(b"x", b"x", 10_000, 10_000, count=100)
    with mapped_units(lambda *_: [], spec, given, None) as mapped:
        assert list(mapped) == []
    assert started == [expected]


def test_an_image_that_no_memory_holds_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(units, "usable_memory", lambda: 10**9)
    large = DatasetSpec(b"x", b"x", 60_000, 60_000)
    with (
        pytest.raises(
            UsageError, match=r"of 60000x60000 takes 18.1 GB of memory, but only 1 GB are usable"
        ),
        mapped_units(lambda *_: [], large, None, None),
    ):
        pass


def test_libraries_start_no_unused_threads(tmp_path: Path) -> None:
    code = (
        "import os, sys; from imagine_gen.cli import main; status = main(sys.argv[1:]);"
        "print(len(os.listdir('/proc/self/task')), file=sys.stderr); sys.exit(status)"
    )
    args = ["--path", str(tmp_path), "--width", "16", "--height", "16", "--quiet"]
    env = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    result = subprocess.run(
        [sys.executable, "-c", code, *args], env=env, capture_output=True, check=True, text=True
    )
    assert result.stderr == "1\n"


@pytest.mark.parametrize("image_format", ["bmp"])
def test_images_too_large_for_the_format_are_refused(tmp_path: Path, image_format: str) -> None:
    size = ["--width", "60000", "--height", "60000", "--image-format", image_format]
    result = run("gen", "--path", tmp_path / "x", *size)
    assert result.returncode == 2
    (line,) = result.stderr.decode().splitlines()
    assert "would reach 4 GiB, the format's limit; use png" in line
