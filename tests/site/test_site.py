"""The documentation as a site: MkDocs finds no broken link or anchor, and the API is in it."""

from __future__ import annotations

import html
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("imagine_gen", "imagine_tfrecord", "imagine_recordio")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder


def text_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_every_page_of_the_repository_is_in_the_site(site: Path) -> None:
    pages = [path.stem for path in (ROOT / "docs").glob("*.md") if path.stem != "README"]
    pages += ["documentation", "CHANGELOG", "CONTRIBUTING", "SECURITY"]
    assert [page for page in pages if not (site / page / "index.html").is_file()] == []
    assert "Quick start" in text_of(site / "index.html")


def test_lists_are_lists(site: Path) -> None:
    """MkDocs reads a list as text if a paragraph or a block stands right before it."""
    for page in site.rglob("*.html"):
        text = re.sub(r"(?s)<pre>.*?</pre>", "", page.read_text(encoding="utf-8"))
        assert re.findall(r"(?m)^(?:[-*]|\d+\.) .*", text) == [], page


def test_files_that_pages_link_to_are_in_the_site(site: Path) -> None:
    for name in ("benchmarks/results/results.png", "noise.jpg", "examples/slurm.sh"):
        assert (site / name).is_file(), name


@pytest.mark.parametrize("package", PACKAGES)
def test_the_api_reference_has_all_public_names_and_their_parameters(
    site: Path, package: str
) -> None:
    page = site / "api" / "index.html"
    shown = plain(text_of(page))
    module = importlib.import_module(package)
    for name in module.__all__:
        assert f'id="{package}.{name}"' in page.read_text(encoding="utf-8")
        summary, *lines = (inspect.getdoc(getattr(module, name)) or "").splitlines()
        # Descriptions are indented, some of them put together when the package is imported.
        texts = [plain(summary), *(plain(line) for line in lines if line.startswith("    "))]
        assert [text for text in texts if text not in shown] == []


def plain(text: str) -> str:
    """Return text without marks for code, and with single spaces."""
    return " ".join(text.replace("`", "").split())


def test_search_finds_pages_and_the_api(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    places = {entry["location"] for entry in index["docs"]}
    assert {"reliability/#power", "api/#imagine_gen.create_images"} <= places


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    for page in site.rglob("*.html"):
        loads = r'<(?:script|link|img)[^>]+(?:src|href)="(?:\w+:)?//[^"]*'
        assert re.findall(loads, page.read_text(encoding="utf-8")) == [], page
