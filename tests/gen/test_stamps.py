"""imagine-gen --stamp: images that prove themselves, and --verify FILE."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.stamps import check_stamp
from imagine_gen import DatasetSpec, SizeRange, create_images
from imagine_gen.cli import main
from imagine_gen.dataset.cards import identity
from imagine_gen.work.encoders import image_encoder
from pillow_formats import WRITABLE
from support import contents, lines, manifest, run

CASES: list[dict[str, Any]] = [
    {"image_format": "jpg"},
    {"image_format": "jpg", "direct": True},
    {"image_format": "jpg", "direct": True, "content": "photo", "mode": "L"},
    {"image_format": "jpg", "sizes": SizeRange((20, 40), (30, 31))},
    {"image_format": "png"},
    {"image_format": "png", "compress_level": 1},
    {"image_format": "png", "pooled": True},
    {"image_format": "jpg", "compress_ratio": 2},
    {"image_format": "png", "compress_ratio": 2},
    {"image_format": "tiff", "compress_ratio": 1.5},
    {"image_format": "bmp"},
    {"image_format": "bmp", "pooled": True, "mode": "L"},
    {"image_format": "webp"},
    {"image_format": "webp", "mode": "RGBA"},
    {"image_format": "tiff", "mode": "RGBA"},
]
CASES = [case for case in CASES if case["image_format"] in WRITABLE]
PLACES = {  # as in docs/formats.md: the head, the bytes after the stamp, and those to the end
    "jpg": (b"\xff\xe9\x00\x2e", 0, None),
    "png": (b"\x00\x00\x00\x2cimSt", 4, 12),
    "webp": (b"imSt\x2c\x00\x00\x00", 0, 0),
    "bmp": (b"", 0, None),
    "tiff": (b"", 0, 0),
}
SIZE = ["--width", "24", "--height", "17"]


def encoded(index: int, **options: Any) -> bytes:
    spec = DatasetSpec(b"x", width=40, height=31, count=9, seed=5, **options)
    return b"".join(image_encoder(spec).encode(index).buffers)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_stamps_are_as_documented_and_pixels_as_without(case: dict[str, Any]) -> None:
    plain, file = (encoded(7, stamp=stamp, **case) for stamp in (False, True))
    head, after, end = PLACES[case["image_format"]]
    at = 20 if end is None else len(file) - end - after - 44 - len(head)
    if case["image_format"] == "bmp":
        at = int.from_bytes(plain[10:14], "little")
        assert int.from_bytes(file[10:14], "little") == at + 44
    container = len(head) + 44 + after
    assert len(file) == len(plain) + container
    assert file[at : at + len(head)] == head
    magic, _, index, crc = struct.unpack_from(">8s24sQI", file, at + len(head))
    assert (magic, index) == (b"\x93IMAGINE", 7)
    rest = at + container
    assert zlib.crc32(file[rest:], zlib.crc32(file[: rest - after - 4])) == crc
    without = file[:at] + file[rest:]
    if case["image_format"] in ("webp", "bmp"):
        sized = 4 if case["image_format"] == "webp" else 2
        for place in (sized, 10)[: 1 + (sized == 2)]:
            without = without[:place] + plain[place : place + 4] + without[place + 4 :]
        given = int.from_bytes(file[sized : sized + 4], "little")
        assert given == len(file) - 8 * (sized == 4)
    assert without == plain
    images = [Image.open(io.BytesIO(data)) for data in (plain, file)]
    assert images[0].tobytes() == images[1].tobytes()


@pytest.mark.parametrize("case", CASES[::3], ids=str)
def test_every_flip_is_found_or_hides_the_stamp(case: dict[str, Any]) -> None:
    file = encoded(3, stamp=True, **case)
    hidden = 0
    for at, bit in zip(range(len(file)), itertools.cycle(range(8))):
        changed = bytearray(file)
        changed[at] ^= 1 << bit
        try:
            assert check_stamp(bytes(changed), 0, len(file)) is None
            hidden += 1
        except ImagineError:
            pass
    assert hidden < 20  # the magic, and what leads to it


def test_identity_is_that_of_the_documentation() -> None:
    spec = DatasetSpec(b"x", b"n", 500, 375, 9, direct=True, stamp=True, classes=3)
    text = b'{"direct": true, "height": 375, "stamp": true, "subsampling": "4:2:0", "width": 500}'
    assert text.decode() in Path(__file__).parents[2].joinpath("docs/formats.md").read_text()
    assert identity(spec) == hashlib.sha256(text).digest()[:24]
    files = [encoded(1, stamp=True, quality=quality) for quality in (75, 9)]
    stamps = [check_stamp(file, 0, len(file)) for file in files]
    assert len({stamp.dataset for stamp in stamps if stamp}) == 2


@pytest.mark.parametrize(
    "options", [{}, {"direct": True}, {"target_size_stdev": 20}, {"compress_ratio": 1.1}], ids=str
)
def test_target_size_is_exact(options: dict[str, Any]) -> None:
    spec = DatasetSpec(b"x", width=40, height=40, count=9, target_size=2200, stamp=True, **options)
    encoder = image_encoder(spec)
    sizes = [sum(map(len, encoder.encode(index).buffers)) for index in range(4)]
    assert sizes == [encoder.wanted_size(index) for index in range(4)]
    if not options.get("target_size_stdev"):
        assert {*sizes} == {2200}


def test_error_names_the_sizes_that_files_can_have() -> None:
    words = []
    for stamp in (False, True):
        spec = DatasetSpec(b"x", width=40, height=40, direct=True, stamp=stamp, target_size=9)
        with pytest.raises(UsageError) as caught:
            image_encoder(spec)
        words.append(str(caught.value))
    assert words[1] == words[0].replace("not 9", "not 1 besides --stamp and --compress-ratio")


@pytest.mark.parametrize("name", sorted({"avif", "jp2", "gif"} & {*WRITABLE}))
def test_formats_without_a_place_are_refused(tmp_path: Path, name: str) -> None:
    result = run("gen", "--path", tmp_path, *SIZE, "--image-format", name, "--stamp")
    assert result.returncode == 2
    assert b"argument --stamp: only jpg, png, webp, bmp, tiff have it" in result.stderr


def test_resume_keeps_only_images_with_the_right_stamp(tmp_path: Path) -> None:
    create_images(tmp_path, width=24, height=17, count=6, image_format="png", stamp=True)
    expected = contents(tmp_path)
    one, two, three = (tmp_path / f"image_{number}.png" for number in (1, 2, 3))
    one.write_bytes(two.read_bytes())
    changed = bytearray(two.read_bytes())
    changed[500] ^= 1
    two.write_bytes(changed)
    create_images(tmp_path / "plain", width=24, height=17, count=6, image_format="png")
    three.write_bytes((tmp_path / "plain/image_3.png").read_bytes())
    args = ["--path", tmp_path, *SIZE, "--count", "6", "--image-format", "png", "--resume"]
    result = run("gen", *args, "--stamp")
    assert b"6 images (3 there already)" in result.stderr
    assert {name: contents(tmp_path)[name] for name in expected} == expected
    result = run("gen", *args)
    assert b"6 images (0 there already)" in result.stderr or b"6 images, " in result.stderr


def test_files_are_verified_without_arguments(tmp_path: Path) -> None:
    args = ["--path", tmp_path / "i", *SIZE, "--count", "12", "--stamp"]
    made = run("gen", *args)
    result = run("gen", "--verify", "-", input=made.stdout)
    assert (result.returncode, result.stdout) == (0, made.stdout)
    assert b"12 good files, 12 images, " in result.stderr
    paths = sorted(lines(made.stdout))  # 10 before 2
    result = run("gen", "--verify", *paths)
    assert (result.returncode, b"warning" in result.stderr) == (0, False)
    assert lines(result.stdout) == paths
    assert run("gen", *args, "--verify").returncode == 0


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0"), "damaged: "),
        (lambda path: path.write_bytes(b"no image at all"), "no image with a stamp"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.unlink(), "No such file"),
        (
            lambda path: path.write_bytes((path.parent / "image_5.jpg").read_bytes()),
            "image_3.jpg: image 5 follows image ",
        ),
        (
            lambda path: path.write_bytes(encoded(3, stamp=True)),
            "its dataset is ",
        ),
    ],
    ids=["damaged", "other", "empty", "missing", "twice", "dataset"],
)
def test_a_wrong_file_is_named(tmp_path: Path, broken: Any, words: str) -> None:
    made = run("gen", "--path", tmp_path, *SIZE, "--count", "12", "--stamp")
    broken(tmp_path / "image_3.jpg")
    result = run("gen", "--verify", "-", input=made.stdout)
    assert result.returncode == 1
    assert b"image_3.jpg: " in result.stderr
    assert words in result.stderr.decode()
    assert "Error" not in result.stderr.decode()


def test_verify_of_files_takes_no_description(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in (["--path", "x"], ["--count", "5"], ["--preset", "imagenet"]):
        assert main(["--verify", os.fspath(tmp_path), *option]) == 2
        assert f"argument {option[0]}: not with --verify FILE" in capsys.readouterr().err


def test_part_tar_and_layout(tmp_path: Path) -> None:
    args = [*SIZE, "--count", "9", "--stamp", "--classes", "3", "--layout", "imagefolder"]
    whole = run("gen", "--path", tmp_path / "whole", *args)
    for part in range(3):
        run("gen", "--path", tmp_path / "parts", *args, "--part", f"{part}/3", check=True)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    by_class = sorted(line.partition("\t")[0] for line in lines(whole.stdout))
    result = run("gen", "--verify", "-", input=manifest(by_class))
    assert (result.returncode, b"warning" in result.stderr) == (0, False)
    stream = run("gen", "--tar", *args)
    assert all(file in stream.stdout for file in contents(tmp_path / "whole").values())
