"""The docstrings of the packers' public functions, which are put together from parts."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import fields

import pytest

from imagine_common.packers.create import PackOptions
from imagine_common.packers.pack_spec import PackSpec


def described(item: object) -> set[str]:
    return {*re.findall(r"(?m)^(\w+) : ", inspect.getdoc(item) or "")}


def arguments(function: object) -> set[str]:
    return {*inspect.signature(function).parameters}  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", ["create", "pack"])
def test_every_argument_is_described(tool: str, verb: str) -> None:
    name = {"tfrecord": "tfrecords", "recordio": "recordio"}[tool]
    function = getattr(importlib.import_module(f"imagine_{tool}"), f"{verb}_{name}")
    assert described(function) == arguments(function)


def test_create_functions_have_explicit_signatures(tool: str) -> None:
    name = {"tfrecord": "create_tfrecords", "recordio": "create_recordio"}[tool]
    own: dict[str, dict[str, object]] = {
        "tfrecord": {"schema": "basic", "index": False, "index_path": None},
        "recordio": {"merged_index": False},
    }
    function = getattr(importlib.import_module(f"imagine_{tool}"), name)
    parameters = inspect.signature(function).parameters
    assert [*parameters][:4] == ["source_path", "dest_path", "name", "img_per_file"]
    defaults = {
        name: found.default
        for name, found in parameters.items()
        if found.kind is inspect.Parameter.KEYWORD_ONLY
    }
    options = {
        "workers": None,
        "resume": False,
        "skip_invalid": False,
        "fsync": False,
        "recursive": False,
        "labels_from_dirs": False,
        "exclude": (),
        "skip_empty_classes": False,
        "label_offset": 0,
        "name_format": None,
        "layout": "flat",
        "subfolders": None,
        "expect": None,
        "clean": False,
        "keep_others": False,
    }
    assert defaults == {"writer": "native", **options, **own[tool]}
    assert len(parameters) == 4 + len(defaults)
    assert options.keys() == PackOptions.__annotations__.keys()
    with pytest.raises(TypeError, match=rf"{name}\(\) .*'depth'"):
        function("in", "out", "x", 1, depth=3)


def test_every_field_is_described() -> None:
    assert described(PackSpec) == {field.name for field in fields(PackSpec)}
