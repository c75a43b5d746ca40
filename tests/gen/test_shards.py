"""imagine-gen --tar --shard-samples: whole tar files of so many samples each."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from support import contents, lines, run

SMALL = ("--tar", "--width", "20", "--height", "12", "--classes", "4", "--count", "10")
SHARDS = (*SMALL, "--shard-samples", "4", "--index")
NAMES = [f"shard-{number:06}" for number in range(3)]


def wds2idx(data: bytes) -> bytes:
    """Return the index that NVIDIA DALI's tool makes of an archive, by its rules."""
    samples: dict[str, list[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            key, _, extension = name.partition(".")
            fields = (extension, member.offset_data, member.size, member.name)
            samples.setdefault(f"{folder}/{key}", []).extend(map(str, fields))
    texts = [f"v1.2 {len(samples)}", *map(" ".join, samples.values())]
    return "".join(f"{text}\n" for text in texts).encode()


@pytest.mark.parametrize(
    "kind",
    [
        (),
        ("--image-format", "png", "--extension", "PNG"),
        ("--direct", "--layout", "imagefolder"),
        ("--width", "20:30", "--target-size", "900", "--name", "x" * 120),
    ],
    ids=" ".join,
)
def test_a_shard_is_the_stream_of_its_samples(tmp_path: Path, kind: tuple[str, ...]) -> None:
    made = run("gen", *SHARDS, *kind, "--path", tmp_path / "a", "--workers", "3")
    assert made.returncode == 0, made.stderr
    assert b": 3 shards, 10 images, " in made.stderr
    assert lines(made.stdout) == [f"{tmp_path}/a/{name}.tar" for name in NAMES]
    assert sorted(os.listdir(tmp_path / "a")) == sorted(
        f"{name}.{end}" for name in NAMES for end in ("idx", "tar")
    )
    for number, name in enumerate(NAMES):
        part = ["--start", str(4 * number), "--count", str(min(4, 10 - 4 * number))]
        data = (tmp_path / "a" / f"{name}.tar").read_bytes()
        assert data == run("gen", *SMALL, *kind, *part).stdout
        assert (tmp_path / "a" / f"{name}.idx").read_bytes() == wds2idx(data)

    for number in range(4):
        made = run("gen", *SHARDS, *kind, "--path", tmp_path / "b", "--part", f"{number}/4")
        assert made.returncode == 0, made.stderr
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_resume_keeps_whole_shards_of_the_same_images(tmp_path: Path) -> None:
    options = (*SHARDS, "--path", tmp_path)
    assert run("gen", *options).returncode == 0
    made = contents(tmp_path)
    assert b": 3 shards (3 there already), 10 images" in run("gen", *options, "--resume").stderr

    shard = tmp_path / "shard-000001.tar"
    whole = shard.read_bytes()
    damages = [whole[:-1], whole[:-10240], whole + bytes(10240), bytes(len(whole)), b""]
    damages += [whole[:6000].ljust(len(whole), b"\0"), whole.replace(b"image_4", b"image_5")]
    for damage in damages:
        shard.write_bytes(damage)
        assert b": 3 shards (2 there already)" in run("gen", *options, "--resume").stderr
        assert contents(tmp_path) == made
    index = shard.with_suffix(".idx")
    of_other = shard.with_name("shard-000000.idx").read_bytes()
    for damage in (b"", b"junk\n", of_other, index.read_bytes()[:-1], index.read_bytes() + b"x\n"):
        index.write_bytes(damage)
        assert b": 3 shards (2 there already)" in run("gen", *options, "--resume").stderr
        assert contents(tmp_path) == made
    index.unlink()
    assert b": 3 shards (2 there already)" in run("gen", *options, "--resume").stderr
    assert contents(tmp_path) == made
    other = run("gen", *options, "--resume", "--seed", "1")
    assert b": 3 shards, 10 images" in other.stderr
    # The last shard ends with the same image.
    assert run("gen", *options, "--seed", "1", "--shard-samples", "6", "--clean").returncode == 0
    again = run("gen", *options, "--seed", "1", "--shard-samples", "7", "--resume")
    assert b": 2 shards, 10 images" in again.stderr


def test_an_index_never_stays_beside_another_shard(tmp_path: Path) -> None:
    options = (*SMALL, "--path", tmp_path, "--shard-samples")
    assert run("gen", *options, "4", "--index").returncode == 0
    refused = run("gen", *options, "5")
    assert refused.returncode == 2
    assert b"has 1 file of another run (shard-000002.tar)" in refused.stderr
    assert run("gen", *options, "5", "--clean").returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["shard-000000.tar", "shard-000001.tar"]


def test_shards_have_the_names_of_a_format(tmp_path: Path) -> None:
    name_format = ("--name", "i", "--name-format", "train-{shard:0*}-of-{total}")
    options = (*SMALL, "--path", tmp_path, *name_format, "--shard-samples", "1")
    made = run("gen", *options, "--part", "1/2")
    assert lines(made.stdout) == [f"{tmp_path}/train-{at:02}-of-10.tar" for at in range(5, 10)]
    with tarfile.open(tmp_path / "train-09-of-10.tar") as archive:
        assert archive.getnames() == ["i9.jpg", "i9.cls"]


def test_shards_have_up_to_so_many_bytes(tmp_path: Path) -> None:
    for kind in (["--direct"], ["--target-size", "900"], ["--image-format", "bmp"],
                 ["--image-format", "png", "--pooled"]):  # fmt: skip
        folder = tmp_path / kind[-1]
        options = (*SMALL, "--path", folder, *kind)
        assert run("gen", *options, "--shard-bytes", "20480").returncode == 0
        shards = sorted(folder.iterdir())
        assert {shard.stat().st_size for shard in shards[:-1]} == {20480}
        with tarfile.open(shards[0]) as archive:
            count = len(archive.getnames()) // 2
        more = (*options, "--shard-samples", count + 1, "--clean")
        assert run("gen", *more).returncode == 0
        assert (folder / "shard-000000.tar").stat().st_size > 20480
        both = run("gen", *options, "--shard-samples", "2", "--shard-bytes", "1M", "--clean")
        assert len(lines(both.stdout)) == 5


def test_shards_take_the_place_of_a_presets_layout(tmp_path: Path) -> None:
    options = {"layout": "dlio", "subfolders": 3, "name-format": "img_{index}", "direct": True}
    preset = {"summary": "x", "gen": {**options, "width": 16, "height": 12, "count": 3}}
    (tmp_path / "p.json").write_text(json.dumps(preset))
    args = ("--tar", "--preset", f"{tmp_path}/p.json", "--path", tmp_path / "d", "--shard-samples")
    assert run("gen", *args, "2").returncode == 0
    assert sorted(os.listdir(tmp_path / "d")) == ["shard-000000.tar", "shard-000001.tar"]


def test_a_plan_counts_shards(tmp_path: Path) -> None:
    report = tmp_path / "run.json"
    options = (
        *SHARDS,
        "--path",
        tmp_path / "new",
        "--direct",
        "--dry-run",
        "--summary-json",
        report,
    )
    plan = run("gen", *options)
    assert b"would make 10 images, about 20.5 kB" in plan.stderr  # of four blocks each
    assert '"files": 3' in report.read_text()
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_python_function_makes_shards(tmp_path: Path) -> None:
    from imagine_gen import DatasetSpec, generate

    spec = DatasetSpec(tmp_path, width=8, height=8, count=3, shard_samples=2, classes=2)
    made = list(generate(spec, workers=1))
    assert [Path(file.path).name for file in made] == ["shard-000000.tar", "shard-000001.tar"]
    assert [(file.size, file.labels) for file in made] == [(10240, ())] * 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "argument --path: a folder for the images is required"),
        (("--verify", "--path", "new"), "argument --verify: not with --shard-samples, whose files"),
        (("--size", "--path", "new"), "argument --size: not with --shard-samples"),
        (("--chunksize", "3", "--path", "new"), "argument --chunksize: not with --shard-samples"),
        (("--layout", "dlio", "--path", "new"), "argument --shard-samples: not with --layout dlio"),
        (("--name", "a.b", "--path", "new"), "argument --name: a.b contains a dot"),
        (
            ("--name", "a b", "--path", "new"),
            "argument --name: a b contains a dot or, with --index",
        ),
        (("--name", "a/b", "--path", "new"), "argument --name: a/b has a slash"),
        (("--name-format", "{index}", "--path", "new"), "fields are {shard} and {total}"),
        (("--name-format", "a\n{shard}", "--path", "new"), "a name with a newline needs -0"),
        (("--start", "5", "--path", "new"), "must be a multiple of the 4 samples of a shard"),
        (
            ("--shard-bytes", "1M", "--path", "new"),
            "argument --shard-bytes: only for images of one",
        ),
        (
            ("--shard-bytes", "9k", "--direct", "--path", "new"),
            "argument --shard-bytes: a shard has at least 10240 bytes, not 9000",
        ),
        (
            ("--start", "4", "--name-format", "{shard}{total}", "--path", "new"),
            "argument --start: not with {total} or :0* in --name-format",
        ),
    ],
)
def test_impossible_shards_are_wrong_usage(
    tmp_path: Path, args: tuple[str, ...], words: str
) -> None:
    result = run("gen", *SHARDS, *args, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    assert words in result.stderr.decode()
    assert os.listdir(tmp_path) == []
