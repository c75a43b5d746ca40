"""docs/architecture.md names only files, modules and rooms that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PACKAGES = {path.name: path for path in ROOT.glob("packages/*/src/*") if path.is_dir()}


def quoted(pattern: str) -> list[str]:
    """Return what the page shows as code, outside of blocks, and matches a pattern."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", PAGE)
    return sorted(
        {code for code in re.findall(r"`([^`\n]+)`", text) if re.fullmatch(pattern, code)}
    )


def defined(body: list[ast.stmt]) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield the names that statements define, each with the statements inside."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.name, node.body
        elif isinstance(node, ast.FunctionDef):
            yield node.name, []
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), []
        elif isinstance(node, ast.Assign):
            yield from ((ast.unparse(target), []) for target in node.targets)


def exists(name: str) -> bool:
    """Return whether a dotted name is a package, a module, or what a module defines."""
    first, *rest = name.split(".")
    path = PACKAGES[first]
    while rest and (path / rest[0]).is_dir():
        path /= rest.pop(0)
    module = path / "__init__.py"
    if rest and (path / f"{rest[0]}.py").is_file():
        module = path / f"{rest.pop(0)}.py"
    body = ast.parse(module.read_text()).body
    for part in rest:
        names = dict(defined(body))
        if part not in names:
            return False
        body = names[part]
    return True


def test_dotted_names_exist() -> None:
    names = quoted(rf"({'|'.join(PACKAGES)})(\.\w+)*")
    assert [name for name in names if not exists(name)] == []


def test_paths_exist() -> None:
    paths = quoted(r"(?=.*/$|.*\.\w+$)[\w*-]+(/[\w.*-]*)+|\w+\.(md|toml|ini)")
    assert [path for path in paths if not list(ROOT.glob(path))] == []


def test_names_in_files_exist() -> None:
    names = re.findall(r"`(\w+)`\s+in\s+`([\w/-]+/\w+\.\w+|\w+\.ini)`", PAGE)
    missing = [
        (name, path)
        for name, path in names
        if not re.search(rf"\b{name}\b", (ROOT / path).read_text())
    ]
    assert missing == []


def test_other_names_are_those_of_the_code() -> None:
    places = ("packages/*/src/**/*.py", "tests/**/*.py", "pyproject.toml")
    sources = [path for place in places for path in ROOT.glob(place)]
    words = {word for path in sources for word in re.findall(r"\w+", path.read_text())}
    assert [name for name in quoted(r"[A-Za-z_]\w+") if name not in words] == []


def test_names_that_do_not_exist_are_found() -> None:
    assert exists("imagine_gen.dataset.spec.DatasetSpec.image_path")
    assert not exists("imagine_gen.dataset.spec.DatasetSpec.nothing")
    assert not exists("imagine_gen.nothing")


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {"imagine"}))
def test_picture_shows_the_rooms_in_the_order_of_the_import_contract(package: str) -> None:
    contract = re.split(rf'containers = \["{package}"\]', (ROOT / "pyproject.toml").read_text())[1]
    layers = ast.literal_eval(re.findall(r"(?s)^layers = (\[.*?\])", contract, re.MULTILINE)[0])
    (picture,) = re.findall(r"(?ms)^```text\n(.*?)^```", PAGE)
    words = iter(re.findall(r"\w+", picture[picture.index(package) :]))
    rooms = [room for layer in layers for room in layer.split(" : ")]
    assert [room for room in rooms if room not in words] == []
