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
    expected = arguments(function)
    if verb == "create":
        expected = expected - {"options"} | {*PackOptions.__annotations__}
    assert described(function) == expected


def test_every_field_is_described() -> None:
    assert described(PackSpec) == {field.name for field in fields(PackSpec)}
