"""Man pages and shell completions: as new as the parsers, and usable."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import TOOLS

ROOT = Path(__file__).parents[2]
PROGRAMS = ("imagine", *(f"imagine-{tool}" for tool in TOOLS))

# Prints what bash offers for the last of the words; `shtab` keeps to the variables of bash.
COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
function=$(complete -p "$1" | sed -E 's/.* -F ([^ ]+).*/\\1/')
$function "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


def share(program: str) -> Path:
    package = "imagine-common" if program == "imagine" else program
    return ROOT / "packages" / package / "share"


def test_files_are_those_of_the_parsers() -> None:
    """`python docs/update_manuals.py` writes them."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from update_manuals import manuals
    finally:
        sys.path.remove(str(ROOT / "docs"))
    expected = manuals()
    for path, text in expected.items():
        assert path.read_text() == text, f"{path}: run: make docs"
    files = {path for path in ROOT.glob("packages/*/share/**/*") if path.is_file()}
    assert files == set(expected)


@pytest.mark.parametrize("program", PROGRAMS)
def test_man_pages_render_without_warnings(program: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    page = share(program) / "man" / "man1" / f"{program}.1"
    command = ["groff", "-man", "-Tascii", "-ww", str(page)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    text = re.sub(r"\x1b\[\d*m|.\x08", "", result.stdout)
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "NOTES", "SEE ALSO"):
        assert f"\n{heading}\n" in text


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["imagine-gen", "--image-f"], ["--image-format"]),
        (["imagine-gen", "--image-format", "we"], ["webp"]),
        (["imagine-gen", "--path", "x", "--content", ""], ["noise", "photo"]),
        (["imagine-gen", "--preset", "mlperf-storage-res"], ["mlperf-storage-resnet50"]),
        (["imagine-gen", "--path", "fol"], ["folder"]),
        (["imagine-tfrecord", "--schema", "im"], ["imagenet"]),
        (["imagine-tfrecord", "--test", "fil"], ["file"]),
        (["imagine-recordio", "--writer", ""], ["native", "mxnet"]),
        (["imagine-recordio", "--lst", "fi"], ["file"]),
        (["imagine", "create-r"], ["create-recordio"]),
        (["imagine", "create-images", "--mod"], ["--mode"]),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], offered: list[str]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    script = share(words[0]) / "bash-completion" / "completions" / words[0]
    command = ["bash", "-c", COMPLETE, "bash", str(script), *words]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.split() == offered


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("shell", "name"),
    [("zsh", "zsh/site-functions/_{}"), ("fish", "fish/vendor_completions.d/{}.fish")],
)
def test_other_shells_can_read_their_completions(program: str, shell: str, name: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", share(program) / name.format(program)], check=True)
