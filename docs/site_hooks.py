"""Hooks for MkDocs: the repository's Markdown files become a site as they are.

Links in them are paths in the repository, so that they also work there. The site has the pages in
docs/ at its top, the repository's README as its home, and all other files that pages link to under
their paths.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def site_path(path: str) -> str:
    """Return where the site has a file of the repository."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def linked_files(page: str) -> set[str]:
    """Return the files of the repository that a page links to."""
    text = (ROOT / page).read_text(encoding="utf-8")
    folder = posixpath.dirname(page)
    return {posixpath.normpath(posixpath.join(folder, link)) for link in LINK.findall(text)}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files outside of docs/."""
    from mkdocs.structure.files import File

    # MkDocs would make docs/README.md the home.
    contents = files.get_file_from_path("README.md")
    assert contents is not None
    files.remove(contents)
    place = "documentation/index.html"
    files.append(File("README.md", config.docs_dir, config.site_dir, True, dest_uri=place))
    pages = {*PAGES, *(f"docs/{file.src_uri}" for file in files.documentation_pages())}
    others = {path for page in pages for path in linked_files(page)} - pages
    for path in sorted({*PAGES, *(path for path in others if not path.startswith("docs/"))}):
        if (ROOT / path).is_file():
            file = File.generated(config, site_path(path), abs_src_path=str(ROOT / path))
            files.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links into those of the site, and marks into the documentation of a module."""
    path = Path(str(page.file.abs_src_path)).relative_to(ROOT).as_posix()
    folder = posixpath.dirname(path)

    def link(match: re.Match[str]) -> str:
        return site_path(posixpath.normpath(posixpath.join(folder, match[1])))

    return re.sub(r"<!-- api: (\w+) -->", r"::: \1", LINK.sub(link, markdown))
