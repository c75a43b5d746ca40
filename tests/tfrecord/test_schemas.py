"""The features of each schema, as the tool writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from imagine_common.errors import UsageError
from imagine_tfrecord import create_tfrecords
from imagine_tfrecord.names import SCHEMAS
from odd_images import saved
from support import JPEG, PNG, lines, manifest, read_tfrecords, run

BMP = b"BM" + bytes(12) + b"\x28\0\0\0\x08\0\0\0\x08\0\0\0\x01\0\x18\0" + bytes(200)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    (tmp_path / "source").mkdir()
    paths = [tmp_path / "source" / name for name in ("0.jpg", "1.png", "2.JPEG", "3", "4.png")]
    for path, data in zip(paths, (JPEG, PNG, JPEG + b"x", PNG, PNG + b"yz")):
        path.write_bytes(data)
    return paths


@pytest.fixture
def more_images(images: list[Path]) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # orientation
    for name, data in {
        "png.JPEG": PNG,
        "cmyk.jpg": saved("CMYK"),
        "gray-alpha.png": saved("LA", "PNG"),
        "alpha.png": saved("RGBA", "PNG"),
        "exif.jpg": saved("RGB", exif=exif),
    }.items():
        (images[0].parent / name).write_bytes(data)


def holds(record: bytes, name: bytes, kind: bytes, value: bytes) -> bool:
    """Return whether an Example holds a feature with one value."""
    content = b"\x0a" + bytes([len(value)]) + value
    feature = kind + bytes([len(content)]) + content
    return b"\x0a" + bytes([len(name)]) + name + b"\x12" + bytes([len(feature)]) + feature in record


@pytest.mark.usefixtures("more_images")
@pytest.mark.parametrize(
    ("name", "image_format", "width", "height", "channels", "colors"),
    [
        ("0.jpg", b"JPEG", 8, 8, 1, b"Grayscale"),
        ("1.png", b"PNG", 2, 2, 3, b"RGB"),
        ("3", b"PNG", 2, 2, 3, b"RGB"),
        ("png.JPEG", b"PNG", 2, 2, 3, b"RGB"),
        ("cmyk.jpg", b"JPEG", 23, 17, 3, b"RGB"),
        ("gray-alpha.png", b"PNG", 23, 17, 2, b"Grayscale"),
        ("alpha.png", b"PNG", 23, 17, 4, b"RGB"),
        ("exif.jpg", b"JPEG", 23, 17, 3, b"RGB"),
    ],
)
def test_imagenet_records_describe_the_image_and_its_class(
    tmp_path: Path,
    images: list[Path],
    name: str,
    image_format: bytes,
    width: int,
    height: int,
    channels: int,
    colors: bytes,
) -> None:
    """Channels are those of the decoded image, which no orientation in its EXIF data turns."""
    path = images[0].parent / name
    run("tfrecord", "--schema", "imagenet", input=f"{path}\t77\n".encode(), cwd=tmp_path)
    (record,) = read_tfrecords((tmp_path / "tfrecord_0").read_bytes())
    text, integer, real = b"\x0a", b"\x1a", b"\x12"
    for feature, kind, value in (
        ("image/filename", text, name.encode()),
        ("image/format", text, image_format),
        ("image/colorspace", text, colors),
        ("image/channels", integer, bytes([channels])),
        ("image/width", integer, bytes([width])),
        ("image/height", integer, bytes([height])),
        ("image/class/label", integer, b"\x4d"),
        ("image/class/text", text, b"class_77"),
        ("image/class/synset", text, b"n00000077"),
        ("image/object/bbox/label", integer, b"\x4d"),
        ("image/object/bbox/xmin", real, b"\0\0\0\0"),
        ("image/object/bbox/ymin", real, b"\0\0\0\0"),
        ("image/object/bbox/xmax", real, b"\0\0\x80\x3f"),
        ("image/object/bbox/ymax", real, b"\0\0\x80\x3f"),
    ):
        assert holds(record.data, feature.encode(), kind, value), feature
    assert path.read_bytes() in record.data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            BMP,
            "not JPEG or PNG; the schema imagenet needs JPEG or PNG images that TensorFlow decodes",
        ),
        (b"GIF89a" + bytes(7) + b";", "not JPEG, PNG or BMP; the schema imagenet needs"),
        (JPEG[:40], "cut off"),
        (PNG[:20], "cut off"),
        (PNG[:16] + bytes(8) + PNG[24:], "its header has no dimensions; the schema imagenet needs"),
    ],
)
def test_imagenet_refuses_images_without_dimensions(
    tmp_path: Path, images: list[Path], data: bytes, words: str
) -> None:
    bad = tmp_path / "bad.image"
    bad.write_bytes(data)
    args = ["--dest-path", tmp_path / "out", "--schema", "imagenet"]
    source = manifest([images[0], bad, images[1]])
    for more in ([], ["--dry-run"]):
        result = run("tfrecord", *args, *more, input=source)
        assert result.returncode == 1
        assert f"error: {bad}: " in result.stderr.decode()
        assert words in result.stderr.decode()
        assert b"(line 2 of the manifest)" in result.stderr
    result = run("tfrecord", *args, "--skip-invalid", input=source)
    assert result.returncode == 0
    assert b"2 images" in result.stderr


def test_imagenet_takes_one_label(tmp_path: Path, images: list[Path]) -> None:
    source = f"{images[0]}\t1,2\n".encode()
    result = run("tfrecord", "--schema", "imagenet", input=source, cwd=tmp_path)
    assert result.returncode == 1
    assert (
        f"{images[0]}: 2 labels, but readers of the schema imagenet take one"
        in result.stderr.decode()
    )


def test_dlio_has_the_image_and_its_size(tmp_path: Path, images: list[Path]) -> None:
    run("tfrecord", "--schema", "dlio", input=f"{images[2]}\t3,4\n".encode(), cwd=tmp_path)
    (record,) = read_tfrecords((tmp_path / "tfrecord_0").read_bytes())
    data = images[2].read_bytes()
    size = bytes([len(data) & 0x7F | 0x80, len(data) >> 7])
    assert holds(record.data, b"size", b"\x1a", size)
    assert b"\x0a\x05image\x12" in record.data
    assert b"label" not in record.data


def test_missing_labels_are_not_offset(tmp_path: Path, images: list[Path]) -> None:
    args = ["--schema", "dlio", "--dest-path", tmp_path / "out"]
    result = run("tfrecord", *args, "--label-offset", "1", input=manifest(images))
    assert result.returncode == 2
    assert b"argument --label-offset: not with --schema dlio, which has no label" in result.stderr
    assert not (tmp_path / "out").exists()
    of_preset = run("tfrecord", "--preset", "imagenet", *args, input=manifest(images))
    assert of_preset.returncode == 0, of_preset.stderr


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("index", [[], ["--index"]])
def test_every_schema_is_resumed_tested_and_the_same_from_a_tar(
    tmp_path: Path, images: list[Path], schema: str, index: list[str]
) -> None:
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--schema", schema, *index]
    first = run("tfrecord", *args, input=manifest(images))
    assert first.returncode == 0, first.stderr
    again = run("tfrecord", *args, "--resume", input=manifest(images))
    assert again.stdout == first.stdout
    assert b"3 files (3 there already), 5 images" in again.stderr
    labels = "" if schema == "dlio" else ", labels 0 to 0"
    for expected in ([], ["--schema", schema]):
        tested = run("tfrecord", "--test", *expected, input=first.stdout)
        assert tested.returncode == 0
        assert b"warning" not in tested.stderr
        assert tested.stderr.decode().endswith(f", schema {schema}{labels}\n")
    other = next(name for name in SCHEMAS if name != schema)
    mixed = run("tfrecord", *args, "--schema", other, "--resume", input=manifest(images))
    assert b"can't be resumed" in mixed.stderr


def test_records_of_another_schema_are_bad(tmp_path: Path, images: list[Path]) -> None:
    made = []
    for schema in SCHEMAS:
        args = ["--dest-path", tmp_path / "out", "--name", schema, "--schema", schema]
        made += lines(run("tfrecord", *args, input=manifest(images[:2])).stdout)
    tested = run("tfrecord", "--test", *made)
    assert b", schema basic and dlio and imagenet, labels 0 to 0\n" in tested.stderr
    for schema, path in zip(SCHEMAS, made):
        tested = run("tfrecord", "--test", "--schema", schema, *made)
        assert (tested.returncode, lines(tested.stdout)) == (1, [path])
        assert b"2 of 3 files are bad" in tested.stderr
    tested = run("tfrecord", "--test", "--schema", "dlio", made[0])
    assert f"{made[0]}: record 0 at byte 0: its schema is basic, not dlio" in tested.stderr.decode()
    assert b"record 1 at byte " in tested.stderr


def test_an_unknown_schema_is_refused(tmp_path: Path, images: list[Path]) -> None:
    args = ["--schema", "coco", "--dest-path", tmp_path / "out"]
    result = run("tfrecord", *args, input=manifest(images))
    assert result.returncode == 2
    assert b"unknown schema 'coco'; known are basic, imagenet, dlio" in result.stderr
    result = run("tfrecord", "--test", "--schema", "coco", "missing")
    assert result.returncode == 2
    assert b"unknown schema 'coco'; known are basic, imagenet, dlio" in result.stderr
    with pytest.raises(UsageError, match="schema"):
        create_tfrecords(images[0].parent, tmp_path / "out", "r", 1, schema="")
    assert not (tmp_path / "out").exists()


def test_a_hostile_name_is_written_as_it_is(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n" + b"x" * 200)
    (tmp_path / name).write_bytes(JPEG)
    args = ["--schema", "imagenet", "-0", "--dest-path", tmp_path / "out"]
    result = run("tfrecord", *args, input=os.fsencode(tmp_path / name) + b"\0")
    assert result.returncode == 0, result.stderr
    (path,) = lines(result.stdout, b"\0")
    (record,) = read_tfrecords(Path(path).read_bytes())
    assert os.fsencode(name) in record.data
    assert run("tfrecord", "--test", path).returncode == 0
