"""Every pair of imagine-gen's options works, or is refused with the reason that the table gives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from imagine_common.errors import UsageError
from imagine_gen import DatasetSpec
from imagine_gen.cli import main
from imagine_gen.dataset.combinations import CLASHES, NEEDS, refuse_clashes
from imagine_gen.dataset.formats import FORMATS
from imagine_gen.options import build_parser
from pillow_formats import WRITABLE
from support import contents, lines, run

BASE = {"--width": "64", "--height": "48", "--count": "4"}
# By the word of the table; those without a value are flags.
VALUES: dict[str, str | None] = {
    "--path": "dir",
    "--tar": None,
    "--name": "x_",
    "--name-format": "{index:04}_of",
    "--extension": "",
    "--count": "5",
    "--start": "4",
    "--width": "60:70",
    "--height": "46:48",
    "--size-list": "list.txt",
    **{f"--image-format={name}": name for name in WRITABLE},
    **{f"--mode={mode}": mode for mode in ("RGB", "RGBA", "L")},
    "--quality": "50",
    "--target-size": "1700",
    "--target-size-stdev": "20",
    "--subsampling": "4:4:4",
    "--compress-level": "1",
    "--stamp": None,
    "--content": "photo",
    "--seed": "7",
    "--direct": None,
    "--pooled": None,
    "--pool-strips": "9",
    "--dedupe-ratio": "2",
    "--compress-ratio": "1.5",
    "--classes": "2",
    "--layout=imagefolder": "imagefolder",
    "--layout=dlio": "dlio",
    "--files-per-dir": "2",
    "--subfolders": "3",
    "--shard-samples": "2",
    "--index": None,
    "--workers": "2",
    "--chunksize": "1",
    "--part": "1/2",
    "--resume": None,
    "--verify": None,
    "--dry-run": None,
    "--size": None,
    "--null": None,
    "--fsync": None,
    "--clean": None,
    "--keep-others": None,
    "--summary-json": "run.json",
}
# Without others that an option needs or has no meaning without, all of its pairs would be refused.
COMPANY = {
    **NEEDS,
    "--compress-level": "--image-format=png",
    "--mode=RGBA": "--image-format=png",
}
# Not of the dataset or of a run, or with tests of their own: on a cluster, of presets, of shards,
# of cards.
OTHERS = {"--preset", "--describe", "--scheduler", "--quiet", "--verbose", "--card", "--join-cards"}
OTHERS |= {"-h", "--help", "--version", "--shard-bytes"}


def accompanied(words: Iterable[str]) -> frozenset[str]:
    """Return words with those that they need, unless there is another format."""
    found = {*words}
    for word in [*found]:
        while other := COMPANY.get(word):
            kind = other.partition("=")[0] + "="
            if "=" not in other or not any(known.startswith(kind) for known in found):
                found.add(other)
            word = other
    return frozenset(found)


def reason(words: frozenset[str]) -> str | None:
    """Return why words do not go together, by the table and the modes of the formats."""
    chosen = {
        option: [word for word in words if word.startswith(f"{option}=")]
        for option in ("--image-format", "--mode", "--layout")
    }
    for found in chosen.values():
        if len(found) > 1:
            return "twice"
    name = (chosen["--image-format"] or ["=jpg"])[0].partition("=")[2]
    mode = (chosen["--mode"] or ["=RGB"])[0].partition("=")[2]
    if mode not in FORMATS[name].modes:
        return f"argument --mode: {name} has no mode '{mode}'"
    try:
        refuse_clashes(words | {f"--image-format={name}", f"--mode={mode}"})
    except UsageError as error:
        return str(error)
    return None


def arguments(words: frozenset[str]) -> list[str]:
    values = {**BASE, **{word.partition("=")[0]: VALUES[word] for word in sorted(words)}}
    if "--size-list" in words:
        values = {word: value for word, value in values.items() if word in words or value is None
                  or word not in ("--width", "--height")}  # fmt: skip
    if "--extension" in words:
        values["--extension"] = str(values.get("--image-format", "jpeg")).upper()
    if "--tar" not in words or "--shard-samples" in words:
        values.setdefault("--path", VALUES["--path"])
    if "--shard-samples" in words and "--name-format" in words:
        values["--name-format"] = "{shard}"
    return [part for pair in values.items() for part in pair if part is not None]


# Besides all pairs, each option with each way to make an image and to hand it over.
WAYS = [
    {kind, out, "--workers", "--chunksize", f"--image-format={name}"}
    for kind in ("--pooled", "--direct", "--seed")
    for out in ("--path", "--tar")
    for name in WRITABLE
]
PAIRS = {accompanied(pair): None for pair in combinations(VALUES, 2)}
REFUSED = [words for words in PAIRS if (why := reason(words)) and why != "twice"]
GOOD = [
    words
    for words in (*(accompanied({word, *way}) for way in WAYS for word in VALUES), *PAIRS)
    if not reason(words)
]


def runs() -> list[frozenset[str]]:
    """Return few sets of words that go together and in which every good pair is."""
    left = {*GOOD}
    found = []
    for pair in GOOD:
        if pair not in left:
            continue
        words = pair
        # Rare words first: what goes with few others is hard to place.
        for other in sorted(left, key=lambda two: (not two & words, sorted(two))):
            if other <= words or not reason(words | other):
                words |= other
        found.append(words)
        left -= {other for other in left if other <= words}
    return found


RUNS = runs()


def test_every_option_of_the_parser_is_tried() -> None:
    strings = {action.option_strings[-1] for action in build_parser().actions()}
    tried = {word.partition("=")[0] for word in VALUES} | {"--image_format"}
    assert strings - OTHERS - tried == set()
    assert {clash.word for clash in CLASHES} <= {*VALUES, *OTHERS}
    assert {pair for pair in GOOD if not any(pair <= words for words in RUNS)} == set()


def test_pairs_that_are_refused_have_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("60 50\n70 40\n")
    for words in REFUSED:
        code = main(arguments(words))
        error = capsys.readouterr().err
        assert (code, str(reason(words)) in error) == (2, True), (sorted(words), error)
    for other in ("--tar", "--dry-run"):
        assert main(["--scheduler", "tcp://127.0.0.1:1", "--path", "dir", other]) == 2
    assert {path.name for path in tmp_path.iterdir()} <= {"list.txt", "run.json"}


def members(data: bytes) -> list[bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [archive.extractfile(member).read() for member in archive  # type: ignore[union-attr]
                if not member.name.endswith(".cls")]  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("words", RUNS, ids=range(len(RUNS)))
def test_pairs_that_go_together_work(tmp_path: Path, words: frozenset[str]) -> None:
    (tmp_path / "list.txt").write_text("60 50\n70 40\n")
    args = arguments(words)
    if words & {"--verify", "--resume"}:
        first = [arg for arg in args if arg not in ("--verify", "--resume")]
        assert run("gen", *first, cwd=tmp_path).returncode == 0
    before = contents(tmp_path)
    result = run("gen", *args, cwd=tmp_path)
    assert result.returncode == 0, (args, result.stderr)
    count = int("5" if "--count" in words else "4")
    count -= count // 2 if "--part" in words else 0
    if "--dry-run" in words:
        assert b"would make " in result.stderr
        assert result.stdout == b""
        assert contents(tmp_path).keys() - before.keys() <= {"run.json"}
        return
    images = [result.stdout]
    if "--tar" not in words or "--shard-samples" in words:
        listed = lines(result.stdout, b"\0" if "--null" in words else b"\n")
        images = [(tmp_path / line.partition("\t")[0]).read_bytes() for line in listed]
    if "--tar" in words:
        images = [image for data in images for image in members(data)]
    if words & {"--verify", "--resume"}:
        after = contents(tmp_path)
        assert {**after, "run.json": b""} == {**before, "run.json": b""}
    assert len(images) == count
    total, ratio = 4 + ("--count" in words), Fraction(1 + ("--dedupe-ratio" in words))
    begin = 4 * ("--start" in words) + total - count
    spec = DatasetSpec("d", seed=7 * ("--seed" in words), dedupe_ratio=ratio)
    assert len({*images}) == len({spec.original(begin + at) for at in range(count)})
    for data in images:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert (image.width, image.height) == (64, 48) or words & {"--width", "--size-list"}
        if "--target-size" in words:
            assert (len(data) == 1700) or "--target-size-stdev" in words
