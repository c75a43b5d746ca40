"""The limits that keep the source readable; CONTRIBUTING.md states them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[parts.index("src") + 1 :]).removesuffix(".__init__")


def run_time_imports(tree: ast.AST) -> Iterator[str]:
    """Yield what code imports at run time, in functions too, each name of a `from` alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from run_time_imports(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from run_time_imports(node)


def import_cycles(sources: dict[str, str]) -> list[str]:
    """Return a cycle of modules that import each other, if any, from their sources by name.

    An import of a module is not one of the packages that it is in.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, text in sources.items():
        for imported in run_time_imports(ast.parse(text)):
            module = imported if imported in sources else imported.rpartition(".")[0]
            if module in sources:
                sorter.add(name, module)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other() -> None:
    texts = {module_name(path): path.read_text(encoding="utf-8") for path in SOURCE}
    assert import_cycles(texts) == []


def test_import_cycles_are_found() -> None:
    late = "def f():\n    from a.c import g\n"
    assert import_cycles({"a": "", "a.b": late, "a.c": "import a.b"}) != []
    assert import_cycles({"a": "from a import b", "a.b": "from a import NAME"}) != []
    assert import_cycles({"a": "from a import b", "a.b": "from a.c import NAME", "a.c": ""}) == []
    typing = "if TYPE_CHECKING:\n    from a.c import g\n"
    assert import_cycles({"a": "", "a.b": typing, "a.c": "import a.b"}) == []
