"""The Python functions of all tools: what they take and give, and how they refuse the rest."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import imagine
import imagine_common.errors
import imagine_gen
from imagine_common.errors import UsageError
from imagine_common.packers.sources.folder import FolderSource
from imagine_gen import DatasetSpec, SizeList, SizeRange, create_images, generate
from imagine_recordio import create_recordio, pack_recordio
from imagine_tfrecord import PackSpec, create_tfrecords, pack_tfrecords
from support import JPEG, write_images

PACKAGES = ("imagine", "imagine_gen", "imagine_tfrecord", "imagine_recordio")
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "create_images": create_images,
    "create_tfrecords": create_tfrecords,
    "create_recordio": create_recordio,
}


@pytest.mark.parametrize("package", PACKAGES)
def test_errors_and_all_public_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    assert module.UsageError is imagine_common.errors.UsageError
    assert module.ImagineError is imagine_common.errors.ImagineError
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_paths_and_names_may_be_of_any_kind(tmp_path: Path, kind: Callable[[Any], Any]) -> None:
    images, out = kind(tmp_path / "images"), kind(tmp_path / "out")
    assert create_images(images, kind("i"), 8, 8, 3).files == 3
    files = list(generate(DatasetSpec(images, kind("j"), 8, 8, 2), workers=1))
    assert [file.path for file in files] == [str(tmp_path / "images" / f"j{n}.jpg") for n in (0, 1)]
    assert create_tfrecords(images, out, kind("t"), name_format=kind("n{shard}")).records == 5
    assert create_tfrecords(images, out, index_path=out).files == 1
    assert create_recordio(images, out, kind("r"), 3).files == 2
    for pack in (pack_tfrecords, pack_recordio):
        source = FolderSource(os.fsencode(images))
        written: list[object] = []
        packed = list(pack(source, PackSpec(out, kind("p")), workers=1, written=written.append))
        assert packed == written
        assert Path(packed[0].path).parent == tmp_path / "out"
        assert (packed[0].records, packed[0].kept) == (5, False)
    assert {"n0", "tfrecord_0", "tfrecord_0.idx", "r0.rec", "r1.rec", "p0", "p0.rec"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_defaults_are_those_of_the_command_line(tmp_path: Path) -> None:
    create_images(tmp_path / "images", width=8, height=8)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["image_0.jpg"]
    create_recordio(tmp_path / "images", tmp_path / "out")
    assert (tmp_path / "out" / "recordio_0.rec").exists()


WRONG = [
    ("create_images", {"path": 5}, "path: must be a str, bytes or path-like object, not 5"),
    ("create_images", {"name": None}, "name: must be a str, bytes or path-like object, not None"),
    ("create_images", {"count": "5"}, "count: must be a whole number, not '5'"),
    ("create_images", {"count": 2.0}, "count: must be a whole number, not 2.0"),
    ("create_images", {"quality": "high"}, "quality: must be a whole number, not 'high'"),
    ("create_images", {"target_size_stdev": 5}, "target_size_stdev: only with target_size"),
    (
        "create_images",
        {"workers": "2"},
        "workers: must be a whole number or a DaskCluster, not '2'",
    ),
    ("create_images", {"chunksize": None}, "chunksize: must be a whole number, not None"),
    ("create_images", {"resume": "no"}, "resume: must be True or False, not 'no'"),
    ("create_images", {"size": None}, "size: must be True or False, not None"),
    ("create_images", {"sizes": (4, 6)}, r"sizes: must be a SizeRange, not \(4, 6\)"),
    ("create_images", {"mode": 8}, "mode: must be a str, not 8"),
    ("create_images", {"files_per_dir": 0}, "files_per_dir: must be from 1 to"),
    ("create_tfrecords", {"source_path": None}, "source_path: must be a str, bytes or path-like"),
    ("create_tfrecords", {"dest_path": 1}, "dest_path: must be a str, bytes or path-like object"),
    ("create_tfrecords", {"img_per_file": "9"}, "img_per_file: must be a whole number, not '9'"),
    ("create_tfrecords", {"img_per_file": 0}, "img_per_file: must be at least 1, not 0"),
    ("create_tfrecords", {"index": "yes"}, "index: must be True or False, not 'yes'"),
    ("create_tfrecords", {"index_path": 7}, "index_path: must be a str, bytes or path-like"),
    ("create_tfrecords", {"schema": 7}, "schema: must be a str, not 7"),
    ("create_recordio", {"label_offset": 1.5}, "label_offset: must be a whole number, not 1.5"),
    ("create_recordio", {"name_format": 5}, "name_format: must be a str, bytes or path-like"),
    ("create_recordio", {"skip_invalid": "yes"}, "skip_invalid: must be True or False, not 'yes'"),
    ("create_recordio", {"workers": 0}, "workers: must be from 1 to 1024, not 0"),
    ("create_recordio", {"merged_index": []}, r"merged_index: must be True or False, not \[\]"),
]


@pytest.mark.parametrize(("name", "wrong", "words"), WRONG)
def test_errors_name_the_parameter_and_nothing_is_written(
    tmp_path: Path, name: str, wrong: dict[str, Any], words: str
) -> None:
    write_images(tmp_path / "in", [JPEG])
    right = {"source_path": tmp_path / "in", "dest_path": tmp_path / "out"}
    if name == "create_images":
        right = {"path": tmp_path / "out"}
    with pytest.raises(UsageError, match=f"^argument {words}"):
        FUNCTIONS[name](**{**right, **wrong})
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_is_no_specification_or_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^argument spec: must be a DatasetSpec, not 'images'$"):
        next(generate("images"))  # type: ignore[arg-type]
    spec = PackSpec(tmp_path, "x")
    with pytest.raises(
        UsageError, match=r"^argument source: must be a source of images, not 'in'$"
    ):
        pack_tfrecords("in", spec)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^argument spec: must be a PackSpec, not 'out'$"):
        pack_recordio(FolderSource(b"in"), "out")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^argument dest_path: must be a str"):
        PackSpec()
    with pytest.raises(UsageError, match=r"^argument path: must be a str"):
        imagine_gen.DatasetSpec()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SizeRange(400, 600), "widths: must be tuples of two whole numbers, not 400"),  # type: ignore[arg-type]
        (lambda: SizeRange((1, 2), (3,)), r"heights: must be tuples of two .*, not \(3,\)"),  # type: ignore[arg-type]
        (lambda: SizeRange((1, 2.5), (3, 4)), r"widths: .*, not \(1, 2.5\)"),  # type: ignore[arg-type]
        (lambda: SizeRange((2, 1), (3, 4)), "a range of sizes: 2 is greater than 1"),
        (lambda: SizeList((5,), (1,)), "sizes: must be tuples of two whole numbers, not 5"),  # type: ignore[arg-type]
        (lambda: SizeList(((5, 5),), ("x",)), "weights: must be whole numbers from 1 on"),  # type: ignore[arg-type]
        (lambda: SizeList((), ()), "weights: must be whole numbers from 1 on, as many as sizes"),
        (lambda: SizeList(((5, 5),), (1, 1)), "weights: must be whole"),
        (lambda: SizeList(((5, 5),), (0,)), "weights: must be whole"),
    ],
)
def test_sizes_are_checked(make: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_the_facade_takes_its_users_positional_arguments(tmp_path: Path) -> None:
    imagine.create_images(str(tmp_path / "a"), "x", 8, 8, 1, "png", 5, True, 3)
    assert (tmp_path / "a" / "x0.png").exists()
