"""The limits that keep the source readable; CONTRIBUTING.md states them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = sorted(Path(__file__).parent.parent.glob("packages/*/src/**/*.py"))
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 60
MAX_MODULES_IN_FOLDER = 12


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_source_is_found() -> None:
    assert len(SOURCE) > 100


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCE}), ids=lambda f: f.name)
def test_folders_have_few_modules(folder: Path) -> None:
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MAX_MODULES_IN_FOLDER


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCE}), ids=lambda f: f.name)
def test_a_folder_says_what_is_in_it(folder: Path) -> None:
    module = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(module)


def test_modules_and_functions_are_short() -> None:
    long = [
        f"{path}: {lines_of(path)} lines" for path in SOURCE if lines_of(path) > MAX_MODULE_LINES
    ]
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    long.append(f"{path}: {node.name}: {length} lines")
    assert not long, "\n".join(long)
