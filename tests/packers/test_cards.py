"""--card and --input-card of the packers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import PACKERS, run


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    args = ["--path", folder / "i", "--width", "9", "--height", "9", "--count", "5"]
    run("gen", *args, "--card", folder / "card", check=True)
    return folder


@pytest.mark.parametrize("tool", PACKERS)
def test_card_holds_that_of_the_images(tool: str, tmp_path: Path, images: Path) -> None:
    args = ["--source-path", images / "i", "--dest-path", tmp_path, "--img-per-file", "3"]
    cards = ["--card", tmp_path / "c.json", "--input-card", images / "card"]
    run(tool, *args, *cards, check=True)
    card = json.loads((tmp_path / "c.json").read_text())
    size = sum(path.stat().st_size for path in tmp_path.glob(f"{tool}_*"))
    assert (card["tool"], card["files"], card["images"]) == (f"imagine-{tool}", 2, 5)
    assert card["bytes"] == size
    assert card["arguments"]["img_per_file"] == 3
    assert card["input"] == json.loads((images / "card").read_text())
    first = (tmp_path / "c.json").read_bytes()
    run(tool, *args, *cards, "--resume", "--workers", "2", check=True)
    assert (tmp_path / "c.json").read_bytes() == first


@pytest.mark.parametrize("tool", PACKERS)
def test_another_number_of_images_fails(tool: str, tmp_path: Path, images: Path) -> None:
    args = ["--dest-path", tmp_path, "--card", tmp_path / "c", "--input-card", images / "card"]
    result = run(tool, *args, input=b"%b\n" % bytes(images / "i/image_0.jpg"))
    assert result.returncode == 1
    assert not (tmp_path / "c").exists()
    result = run(tool, *args, "--expect", "4", input=b"")
    assert result.returncode == 2
    assert b"argument --expect: the card of --input-card has 5 images" in result.stderr
    (tmp_path / "x").write_bytes(b"{}")
    result = run(tool, "--dest-path", tmp_path, "--input-card", tmp_path / "x", input=b"")
    assert result.returncode == 1
    assert b": not a card that imagine-gen --card wrote" in result.stderr


@pytest.mark.parametrize("tool", PACKERS)
@pytest.mark.parametrize("mode", [["--part", "0/2"], ["--dry-run"], ["--test"]], ids=str)
def test_modes_without_a_card_refuse_it(
    tool: str, mode: list[str], tmp_path: Path, images: Path
) -> None:
    place = [] if "--test" in mode else ["--source-path", images / "i", "--dest-path", tmp_path]
    result = run(tool, *mode, *place, "--card", tmp_path / "c")
    assert result.returncode == 2
    assert b"argument --card: not with " in result.stderr
