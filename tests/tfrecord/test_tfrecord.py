"""imagine-tfrecord's own side: labels, names, the writer that needs TensorFlow."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imagine_common.errors import UsageError
from imagine_common.packers.records import Image
from imagine_tfrecord import create_tfrecords
from imagine_tfrecord.schemas import find_schema
from support import JPEG, lines, read_tfrecords, run


def example_head(labels: tuple[int, ...], size: int) -> bytes:
    """Return the Example of the basic schema up to where the image follows, as its end."""
    before, after = find_schema("basic").surroundings(Image(0, b"x", labels, size))
    assert not after
    return before


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "image.jpg"
    path.parent.mkdir()
    path.write_bytes(JPEG)
    return path


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        ("", (0,)),
        ("\t0", (0,)),
        ("\t7", (7,)),
        ("\t007", (7,)),
        ("\t1,5,7", (1, 5, 7)),
        ("\t9223372036854775807", (2**63 - 1,)),
    ],
)
def test_labels_come_from_the_manifests_second_column(
    tmp_path: Path, image: Path, column: str, labels: tuple[int, ...]
) -> None:
    result = run("tfrecord", input=f"{image}{column}\n".encode(), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (record,) = read_tfrecords((tmp_path / "tfrecord_0").read_bytes())
    assert record.data == example_head(labels, len(JPEG)) + JPEG


def test_a_path_that_would_read_as_path_and_label_is_printed_with_a_label(
    tmp_path: Path, image: Path
) -> None:
    args = ["--source-path", image.parent, "--name", "r\t", "--dest-path", "out"]
    result = run("tfrecord", *args, cwd=tmp_path)
    assert lines(result.stdout) == ["out/r\t0\t0"]


def test_the_function_packs_a_folder_and_prints_nothing(
    tmp_path: Path, image: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (image.parent / "image2.jpg").write_bytes(JPEG)
    summary = create_tfrecords(image.parent, tmp_path / "out", "r_", 1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["r_0", "r_1"]
    size = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert summary[:3] == (2, 2, size)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"img_per_file": 0}, "img_per_file"), ({"workers": 0}, "workers"), ({"writer": "x"}, "'x'")],
)
def test_the_function_refuses_bad_arguments(
    tmp_path: Path, image: Path, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        create_tfrecords(image.parent, tmp_path / "out", "r", **{"img_per_file": 1, **arguments})
    assert not (tmp_path / "out").exists()


def test_without_tensorflow_its_writer_names_the_package(tmp_path: Path, image: Path) -> None:
    assert importlib.util.find_spec("tensorflow") is None
    args = ["--writer", "tensorflow", "--source-path", image.parent, "--dest-path", "out"]
    result = run("tfrecord", *args, cwd=tmp_path)
    assert result.returncode == 2
    assert b"in a checkout: pip install './packages/imagine-tfrecord[tensorflow]'" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.process
def test_packing_imports_neither_numpy_nor_pillow(tmp_path: Path, image: Path) -> None:
    code = (
        "import sys; from imagine_tfrecord.cli import main; assert main(sys.argv[1:]) == 0;"
        "sys.exit(repr([n for n in ('numpy', 'PIL', 'tensorflow') if n in sys.modules]))"
    )
    args = ["-q", "--source-path", str(image.parent), "--dest-path", str(tmp_path)]
    result = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"
