"""What the documentation says is so: commands run, help texts are the tools' own."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from support import PACKERS, TOOLS, shell

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[1]


def code_blocks(path: Path, language: str, section: str = "") -> list[str]:
    """Return the code blocks of a page, or of one of its sections."""
    text = path.read_text()
    if section:
        text = re.split(rf"(?m)^## {re.escape(section)}$", text)[1]
        text = re.split(r"(?m)^## ", text)[0]
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", text)


@pytest.mark.parametrize("script", ["update_help", "update_examples", "update_results"])
def test_generated_blocks_are_up_to_date(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make docs` writes them: help texts, scripts, figures."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    for page, text in import_module(script).updated_pages().items():
        assert page.read_text() == text, page


def test_options_of_both_packers_are_documented_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    divide = import_module("update_help").divide
    one = "usage: a\n\nrun:\n  -x  same\n      in both\n  -y  one's\n\nsame\n"
    other = "usage: b\n\nrun:\n  -x  same\n      in both\n  -y  other's\n\nsame\n"
    shared = "run:\n  -x  same\n      in both\n\nsame\n"
    assert divide(one, other) == (shared, "usage: a\n\nrun:\n  -y  one's\n")
    packing = (ROOT / "docs" / "packing.md").read_text()
    for packer in PACKERS:
        page = (ROOT / "docs" / f"imagine-{packer}.md").read_text()
        entries = re.findall(r"(?m)^  (-\S+).*$", page)
        assert entries
        assert not [entry for entry in entries if f"\n  {entry} " in packing]


def test_quick_start_is_one_line_that_generates_pipes_and_packs(tmp_path: Path) -> None:
    (line,) = code_blocks(ROOT / "README.md", "bash", "Quick start")[0].splitlines()
    install, pipeline = line.split("python -m pip install ./packages/* && ")
    assert install == "set -o pipefail && python3 -m venv .venv && . .venv/bin/activate && "
    # The packages are installed here; elsewhere the whole line is run.
    pipeline = pipeline.replace("--count 1000", "--count 150")
    result = shell(f"set -o pipefail && {pipeline}", tmp_path, installed=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "records/tfrecord_0\nrecords/tfrecord_1\n"


def test_testing_is_one_line_that_ci_runs() -> None:
    (line,) = code_blocks(ROOT / "README.md", "bash", "Testing")[0].splitlines()
    assert line in (ROOT / ".ci" / "run").read_text()


def pages() -> list[Path]:
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "packages").glob("*/README.md")),
    ]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_documentation_run(page: Path, tmp_path: Path) -> None:
    """Blocks marked `sh` are run in order, in one folder; `bash` ones install or take long."""
    blocks = code_blocks(page, "sh")
    result = shell("set -e -o pipefail\n" + "\n".join(blocks), tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_the_documentation_runs(page: Path, tmp_path: Path) -> None:
    code = "\n".join(code_blocks(page, "python"))
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_pipelines_notice_the_failure_of_a_producer(page: Path) -> None:
    """Blocks are pasted one by one, so each has its own `set -o pipefail`."""
    blocks = [block for name in ("sh", "bash", "shell") for block in code_blocks(page, name)]
    assert [block for block in blocks if has_pipeline(block) and "pipefail" not in block] == []


def has_pipeline(script: str) -> bool:
    """Return whether a script has a pipeline with one of the tools in it."""
    code = re.sub(r"'[^']*'|\"[^\"]*\"|\\\n", "", script)
    lines = re.sub(r"\|\s*\n", "| ", code).split("\n")
    return any("imagine-" in line and re.search(r"(?<!\|)\|(?!\|)", line) for line in lines)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_python_snippets_have_their_imports(page: Path) -> None:
    known = {*dir(builtins), "__name__"}
    for block in [*code_blocks(page, "python"), *code_blocks(page, "py")]:
        nodes = list(ast.walk(ast.parse(block)))
        known |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        imported = {
            alias.asname or alias.name
            for node in nodes
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        names = [node for node in nodes if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        known |= bound  # A later block may go on where this one ends, but needs its own imports.
        arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
        assert {node.id for node in names} - known - imported - arguments == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_lists_look_the_same_in_the_repository_and_on_the_site(page: Path) -> None:
    """MkDocs wants what is nested in a list indented by four spaces, other renderers by two."""
    text = re.sub(r"(?ms)^( *)```.*?^\1```$", r"\1```", page.read_text())
    assert re.findall(r"(?m)^ {1,3}(?:[-*]|\d+\.|```).*", text) == []
    assert re.findall(r"(?m)^(?![-*] |\d+\. |\s).+\n(?:[-*]|\d+\.) .*", text) == []


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"(?m)^#+ (.*)$", page.read_text())
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
    anchors = re.findall(r"\]\((?!https?://)([^)#]*)#([^)]*)\)", page.read_text())
    targets = [(page.parent / link if link else page, anchor) for link, anchor in anchors]
    assert [target for target in targets if target[1] not in headings(target[0])] == []


@pytest.mark.parametrize("package", ["imagine", *(f"imagine_{tool}" for tool in TOOLS)])
def test_public_names_are_in_the_documentation(package: str) -> None:
    introduction, *sections = (ROOT / "docs" / "api.md").read_text().split("\n## ")
    (section,) = (text for text in sections if text.startswith(f"{package}\n"))
    names = re.findall(r"`(\w+)`", introduction + section)
    assert set(import_module(package).__all__) <= set(names)


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    """MkDocs finds this too, but fewer environments have it."""
    named = re.findall(r"(?m)^ +- (?:\w+: )?([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text())
    outside = {"index.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
    assert {*named} - outside == {page.name for page in (ROOT / "docs").glob("*.md")}


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Return the implementation with which docs/reproducibility.md makes its promise."""
    namespace: dict[str, Any] = {}
    for block in code_blocks(ROOT / "docs" / "reproducibility.md", "python"):
        exec(block, namespace)
    return namespace


Case = tuple[int, int, int, int, str]  # seed, index, width, height, mode


def generated_pixels(folder: Path, case: Case, *options: str) -> bytes:
    from PIL import Image

    seed, index, width, height, mode = case
    args = f"--seed {seed} --start {index} --width {width} --height {height} --mode {mode}"
    script = f"imagine-gen -q --path {folder} {args} {' '.join(options)}"
    (path,) = shell(script, folder).stdout.split()
    with Image.open(path) as image:
        assert image.mode == mode
        return bytes(image.tobytes())


@pytest.mark.parametrize("image_format", ["png", "bmp"])
@pytest.mark.parametrize(
    "case", [(0, 0, 5, 3, "RGB"), (1, 2**40 + 7, 4, 4, "RGBA"), (2**64 - 1, 12, 9, 2, "L")]
)
def test_the_reference_implementation_gives_the_tools_pixels(
    tmp_path: Path, reference: dict[str, Any], image_format: str, case: Case
) -> None:
    generated = generated_pixels(tmp_path, case, "--image-format", image_format)
    assert generated == reference["image_pixels"](*case)


@pytest.mark.parametrize("pooled", [False, True])
def test_the_reference_implementation_gives_the_tools_dimensions(
    reference: dict[str, Any], pooled: bool
) -> None:
    from imagine_gen import DatasetSpec
    from imagine_gen.dataset.dimensions import SizeRange

    sizes = SizeRange((400, 600), (300, 500))
    spec = DatasetSpec("d", seed=5, sizes=sizes.pooled() if pooled else sizes)
    for index in (0, 1, 77, 4095, 4096, 2**60):
        expected = reference["dimensions"](5, index, (400, 600), (300, 500), pooled)
        assert (spec.of_image(index).width, spec.of_image(index).height) == expected


@pytest.mark.parametrize("ratio", ["1.5", "2", "10", "3.25"])
def test_the_reference_implementation_gives_the_tools_originals(
    reference: dict[str, Any], ratio: str
) -> None:
    from imagine_gen import DatasetSpec

    spec = DatasetSpec("d", seed=5, dedupe_ratio=ratio)  # type: ignore[arg-type]
    for index in (*range(40), 4095, 4096, 2**40 + 1, 2**60 + 3):
        assert spec.original(index) == reference["original"](5, index, ratio)


def test_the_reference_implementation_gives_the_tools_sizes_in_bytes(
    reference: dict[str, Any],
) -> None:
    from imagine_gen import DatasetSpec
    from imagine_gen.dataset.target_sizes import Reach, TargetSizes

    spec = DatasetSpec(b"d", b"i", 500, 375, seed=5, target_size=114_660, target_size_stdev=20_000)
    sizes = TargetSizes(spec, Reach(15_000, 600_000, 15_000))
    for index in (0, 1, 77, 4095, 4096, 2**60):
        assert sizes(index) == reference["target_size"](5, index, 114_660, 20_000, 60_000)


@pytest.mark.parametrize("image_format", ["png", "bmp"])
@pytest.mark.parametrize(
    ("case", "pool"),
    [
        ((0, 0, 5, 40, "RGB"), 256),
        ((1, 7, 6, 53, "L"), 5),
        ((2, 4096 + 3, 3, 300, "RGBA"), 60),
        ((3, 9, 1, 3, "L"), 4),
        ((4, 11, 4, 17, "RGB"), 1),
    ],
)
def test_the_reference_implementation_gives_the_pixels_of_pooled_images(
    tmp_path: Path, reference: dict[str, Any], image_format: str, case: Case, pool: int
) -> None:
    options = ["--image-format", image_format, "--pooled"]
    options += [] if pool == 256 else ["--pool-strips", str(pool)]
    generated = generated_pixels(tmp_path, case, *options)
    assert generated == reference["pooled_pixels"](*case, pool)


@pytest.mark.parametrize("subsampling", ["L", "4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("symbols", [0, 101, 24 * 18, 45 * 18 + 7])
def test_the_reference_implementation_gives_the_data_of_direct_images(
    tmp_path: Path, reference: dict[str, Any], subsampling: str, symbols: int
) -> None:
    luma, others = reference["BLOCKS"][subsampling]
    width, height = {1: (24, 8), 2: (48, 8), 4: (48, 16)}[luma]
    mode = "-q --mode L" if subsampling == "L" else f"-q --subsampling {subsampling}"
    args = f"--width {width} --height {height} --seed 4 --start {2**40 + 1} --direct {mode}"
    (usual,) = shell(f"imagine-gen --path usual {args}", tmp_path).stdout.split()
    file = (tmp_path / usual).read_bytes()
    head = (
        file.index(b"\xff\xda") + 2 + int.from_bytes(file[file.index(b"\xff\xda") + 2 :][:2], "big")
    )
    blocks = 3 * (luma + others)
    size = head + 2 * blocks + symbols % (62 * blocks) + 2
    (path,) = shell(
        f"imagine-gen --path exact {args} --target-size {size}", tmp_path
    ).stdout.split()
    scan = (tmp_path / path).read_bytes()[head:-2]
    made = reference["direct_scan"](4, 2**40 + 1, 3, subsampling, symbols % (62 * blocks))
    assert scan == made
