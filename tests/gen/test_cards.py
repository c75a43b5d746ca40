"""--card, --join-cards and --verify --card."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from imagine_gen.cli import main
from support import contents, lines, run

SIZE = ["--width", "24:30", "--height", "17", "--image-format", "png", "--classes", "3"]
COUNT = 11


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with images in `i`, their card, and those of parts."""
    folder = tmp_path_factory.mktemp("cards")
    args = [*SIZE, "--count", COUNT, "--start", "5", "--stamp"]
    run("gen", "--path", folder / "i", *args, "--card", folder / "card", check=True)
    for part in range(4):
        more = ["--part", f"{part}/4", "--card", folder / f"{part}"]
        run("gen", "--path", folder / "parts", *args, *more, check=True)
    return folder


def test_fields_are_as_documented(made: Path) -> None:
    card = json.loads((made / "card").read_text())
    digest = size = 0
    for name, data in contents(made / "i").items():
        index = int(name[len("image_") : -len(".png")])
        text = struct.pack(">QQI", index, len(data), zlib.crc32(data))
        digest += int.from_bytes(hashlib.sha256(text).digest(), "big")
        size += len(data)
    assert card.pop("digest") == f"{digest % 2**256:064x}"
    assert card.pop("libraries")[0].startswith("Pillow ")
    assert card.pop("version")
    assert card == {
        "tool": "imagine-gen",
        "arguments": {
            "classes": 3,
            "compress_level": 0,
            "height": 17,
            "image_format": "png",
            "sizes": {"heights": [17, 17], "steps": None, "widths": [24, 30]},
            "stamp": True,
            "width": 30,
        },
        "start": 5,
        "count": COUNT,
        "first": 5,
        "images": COUNT,
        "bytes": size,
    }


@pytest.mark.parametrize("more", [["--tar"], ["--workers", "3", "--chunksize", "2"]], ids=str)
def test_the_same_dataset_has_the_same_card(tmp_path: Path, made: Path, more: list[str]) -> None:
    place = [] if "--tar" in more else ["--path", tmp_path / "i"]
    args = [*SIZE, "--count", COUNT, "--start", "5", "--stamp", *place]
    run("gen", *args, *more, "--card", tmp_path / "card", check=True)
    assert (tmp_path / "card").read_bytes() == (made / "card").read_bytes()
    if place:
        (tmp_path / "i/image_7.png").unlink()
        run("gen", *args, "--resume", "--card", tmp_path / "again", check=True)
        assert (tmp_path / "again").read_bytes() == (made / "card").read_bytes()


def joined(made: Path, out: Path, *parts: int) -> int:
    cards = [os.fspath(made / str(part)) for part in parts]
    return main(["--join-cards", *cards, "--card", str(out)])


def test_joined_cards_of_parts_equal_that_of_one_run(tmp_path: Path, made: Path) -> None:
    assert joined(made, tmp_path / "card", 2, 0, 3, 1) == 0
    assert (tmp_path / "card").read_bytes() == (made / "card").read_bytes()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((0, 1, 3), "3: images 10 to 12 are missing before it"),
        ((1, 2, 3), "1: images 5 to 6 are missing before it"),
        ((0, 1, 2), "2: images 13 to 15 are missing after it"),
        ((0, 1, 1, 2, 3), "1: images 7 to 9 overlap with it"),
    ],
    ids=str,
)
def test_wrong_parts_are_named(
    tmp_path: Path,
    made: Path,
    capsys: pytest.CaptureFixture[str],
    parts: tuple[int, ...],
    words: str,
) -> None:
    (tmp_path / "card").write_text("{}")
    assert joined(made, tmp_path / "card", *parts) == 1
    assert words in capsys.readouterr().err
    assert (tmp_path / "card").read_text() == "{}"


def test_cards_of_different_datasets_are_refused(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [*SIZE, "--count", str(COUNT), "--start", "5", "--stamp", "--part", "1/4", "--seed", "2"]
    assert main(["--path", str(tmp_path / "i"), *args, "--card", str(tmp_path / "1")]) == 0
    capsys.readouterr()
    cards = [str(made / "0"), str(tmp_path / "1"), str(made / "2"), str(made / "3")]
    assert main(["--join-cards", *cards, "--card", str(tmp_path / "card")]) == 1
    assert "1: its 'arguments' is not that of " in capsys.readouterr().err


def test_empty_parts_join(tmp_path: Path) -> None:
    args = ["--path", tmp_path / "i", *SIZE, "--count", "2"]
    run("gen", *args, "--card", tmp_path / "card", check=True)
    for part in range(3):
        run("gen", *args, "--part", f"{part}/3", "--card", tmp_path / f"{part}", check=True)
    assert joined(tmp_path, tmp_path / "out", 0, 1, 2) == 0
    assert (tmp_path / "out").read_bytes() == (tmp_path / "card").read_bytes()


def test_images_are_verified_by_their_card(tmp_path: Path, made: Path) -> None:
    result = run("gen", "--verify", "--card", made / "card", "--path", made / "parts")
    assert result.returncode == 0
    assert len(lines(result.stdout)) == COUNT
    assert b", as the card describes them" in result.stderr
    assert run("gen", "--verify", "--card", made / "2", "--path", made / "i").returncode == 0


@pytest.mark.parametrize(
    "more",
    ["--compress-ratio 1.5", "--dedupe-ratio 1.7", "--files-per-dir 2 --name im\u00e4ge_"],
)
def test_all_arguments_are_in_the_card(tmp_path: Path, more: str) -> None:
    args = [*SIZE, "--count", COUNT, *more.split(), "--path", tmp_path / "i"]
    run("gen", *args, "--card", tmp_path / "card", check=True)
    run("gen", "--verify", "--card", tmp_path / "card", "--path", tmp_path / "i", check=True)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda path: path.unlink(), "image_7.png: missing, cut off or another image"),
        (lambda path: path.write_bytes(b"x"), "image_7.png: missing, cut off or another image"),
        (lambda path: path.with_name("image_99.png").write_bytes(b"x"), "image_99.png: extra"),
    ],
    ids=["missing", "broken", "extra"],
)
def test_wrong_images_are_named(tmp_path: Path, broken: Any, words: str) -> None:
    args = ["--path", tmp_path / "i", *SIZE, "--count", COUNT]
    run("gen", *args, "--card", tmp_path / "card", check=True)
    broken(tmp_path / "i/image_7.png")
    result = run("gen", "--verify", "--card", tmp_path / "card", "--path", tmp_path / "i")
    assert result.returncode == 1
    assert words in result.stderr.decode()


def test_changed_images_differ_from_their_card(tmp_path: Path) -> None:
    args = ["--path", tmp_path / "i", *SIZE, "--count", COUNT]
    run("gen", *args, "--card", tmp_path / "card", check=True)
    path = tmp_path / "i/image_7.png"
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    result = run("gen", "--verify", "--card", tmp_path / "card", "--path", tmp_path / "i")
    assert result.returncode == 1
    assert b"i: not the images of " in result.stderr


def test_bytes_are_verified(tmp_path: Path, made: Path) -> None:
    card = json.loads((made / "card").read_text())
    (tmp_path / "card").write_text(json.dumps(card | {"bytes": card["bytes"] - 1}))
    assert main(["--verify", "--card", str(tmp_path / "card"), "--path", str(made / "i")]) == 1


@pytest.mark.parametrize("exists", [False, True])
def test_an_image_is_not_replaced_by_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exists: bool
) -> None:
    args = ["--path", str(tmp_path), "--width", "9", "--height", "9", "--count", "2", "--resume"]
    if exists:
        assert main(args) == 0
    assert main([*args, "--card", str(tmp_path / "image_1.jpg")]) == 1
    assert "image_1.jpg: exists and is no card" in capsys.readouterr().err
    assert (tmp_path / "image_1.jpg").read_bytes().startswith(b"\xff\xd8")


def test_the_card_is_not_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "x")
    assert main(["--path", str(tmp_path), "--card", path, "--summary-json", path]) == 2
    assert "argument --card: not the file of --summary-json" in capsys.readouterr().err


def test_a_killed_runs_unfinished_card_is_removed(tmp_path: Path) -> None:
    args = ["--path", tmp_path / "i", "--width", "9", "--height", "9", "--card", tmp_path / "c"]
    code = (
        "import os, sys; from imagine_gen import cli;"
        " cli._run = lambda args: os._exit(9); cli.main(sys.argv[1:])"
    )
    subprocess.run([sys.executable, "-c", code, *map(str, args)], check=False)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    run("gen", *args, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "i"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--path", "x", "--card", "-"], 2, "argument --card: must be a file"),
        (["--path", "x", "--card", ""], 2, "argument --card: must be a file"),
        (["--path", "x", "--card", "/dev/fd"], 2, "argument --card: must be a file"),
        (["--path", "x", "--card", "no/x"], 1, "no/x: No such file"),
        (["--path", "x", "--card", "c", "--dry-run"], 2, "argument --card: not with --dry-run"),
        (["--verify", "--card", "c", "--path", "x", "--seed", "1"], 2, "argument --seed: not with"),
        (["--verify", "--card", "c"], 2, "argument --path: "),
        (["--join-cards", "c"], 2, "argument --join-cards: only with --card"),
        (["--join-cards", "c", "--card", "d", "--path", "x"], 2, "argument --path: not with"),
        (["--join-cards", "c", "--card", "d"], 1, "c: No such file"),
    ],
    ids=str,
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(args) == code
    assert words in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "change",
    [
        lambda card: [],
        lambda card: card | {"digest": "x"},
        lambda card: card | {"images": -1},
        lambda card: card | {"count": 2.5},
        lambda card: card | {"arguments": None},
        lambda card: card | {"arguments": {"width": "x"}},
        lambda card: card | {"arguments": {"sizes": 5}},
        lambda card: card | {"arguments": {"later": 5}},
        lambda card: card | {"images": 0},
    ],
)
def test_hostile_cards_are_errors(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str], change: Any
) -> None:
    path = tmp_path / "card"
    path.write_text(json.dumps(change(json.loads((made / "card").read_text()))))
    assert main(["--verify", "--card", str(path), "--path", str(made / "i")]) == 1
    message = capsys.readouterr().err
    assert f"{path}: not a card" in message
    assert "Error" not in message


def test_a_failed_run_leaves_the_old_card(tmp_path: Path) -> None:
    (tmp_path / "card").write_text("{}")
    (tmp_path / "image_0.png").mkdir()
    result = run("gen", "--path", tmp_path, *SIZE, "--count", "3", "--card", tmp_path / "card")
    assert result.returncode == 1
    assert contents(tmp_path)["card"] == b"{}"
