from __future__ import annotations

import inspect
import re
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import pytest

from imagine_common.errors import UsageError
from imagine_gen import create_images
from imagine_gen.dataset.dimensions import SizeRange
from imagine_gen.dataset.options import OPTIONS
from imagine_gen.dataset.spec import DatasetSpec, OptionalArguments
from imagine_gen.options import build_parser
from support import in_python

INT64_MAX = 2**63 - 1


def spec(**changes: Any) -> DatasetSpec:
    return DatasetSpec(**{"path": b"images", "name": b"image_", "width": 4, "height": 3, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": b""},
        {"path": b"/", "name": b"\xff\n"},
        {"width": 1, "height": 1},
        {"width": 65_500, "height": 65_500},
        {"count": INT64_MAX},
        {"start": 0},
        {"start": INT64_MAX - 1},
        {"quality": 1},
        {"quality": 100},
        {"subsampling": "4:4:4"},
        {"target_size": 2**40, "target_size_stdev": 2**40},
        {"seed": 0},
        {"seed": 2**64 - 1},
        {"mode": "L"},
        {"mode": "RGBA", "image_format": "png"},
        {"mode": "RGBA", "image_format": "bmp"},
        {"image_format": "png", "width": 1, "height": 2**31 - 1},
        {"image_format": "png", "width": (2**30 - 1) // 3},
        {"image_format": "bmp", "width": 2, "height": (2**32 - 55) // 8},
        {"image_format": "bmp", "width": 32_768, "height": 32_767, "mode": "RGBA"},
    ],
)
def test_arguments_in_range_are_accepted(changes: dict[str, Any]) -> None:
    made = spec(**changes)
    assert all(getattr(made, name) == value for name, value in changes.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"path": b""}, "the folder's name is empty"),
        ({"name": b"a/b"}, "argument --name: a/b has a slash"),
        ({"name": b"a\n", "delimiter": b"\n"}, "needs -0"),
        ({"width": 0}, "argument --width: must be from 1 to 65500, not 0"),
        ({"width": -4}, "argument --width: .* not -4"),
        ({"width": 65_501}, "argument --width: .* not 65501"),
        ({"height": 0}, "argument --height: must be from 1 to 65500, not 0"),
        ({"height": 65_501}, "argument --height: .* not 65501"),
        (
            {"image_format": "png", "height": 2**31},
            "argument --height: must be from 1 to 2147483647",
        ),
        ({"count": 0}, "argument --count: must be from 1 to 9223372036854775807, not 0"),
        ({"count": 2**63}, "argument --count"),
        ({"start": -1}, "argument --start: must be from 0 to 9223372036854775806, not -1"),
        ({"start": INT64_MAX}, "argument --start"),
        ({"start": INT64_MAX - 4, "count": 5}, "argument --start"),
        ({"quality": 0}, "argument --quality: must be from 1 to 100, not 0"),
        ({"quality": 101}, "argument --quality: .* not 101"),
        (
            {"compress_level": 10, "image_format": "png"},
            "argument --compress-level: must be from 0 to 9, not 10",
        ),
        ({"compress_level": -1, "image_format": "png"}, "argument --compress-level: must be"),
        ({"compress_level": 0}, "argument --compress-level: only png has it"),
        ({"quality": 75, "image_format": "jp2"}, "argument --quality: only jpg, webp, avif have"),
        ({"quality": None, "count": "5"}, "argument --count: must be a whole number, not '5'"),
        ({"pooled": "no"}, "argument --pooled: must be True or False, not 'no'"),
        ({"sizes": (400, 600)}, r"argument --sizes: must be a SizeRange, not \(400, 600\)"),
        ({"path": 5}, "argument --path: must be a str, bytes or path-like object, not 5"),
        ({"name": None}, "argument --name: must be a str, bytes or path-like object, not None"),
        ({"pool_strips": 9}, "argument --pool-strips: only with --pooled"),
        ({"pool_strips": 0, "pooled": True}, "--pool-strips: must be from 1 to 1048576, not 0"),
        ({"pool_strips": 2**20 + 1, "pooled": True}, "argument --pool-strips: must be"),
        ({"target_size": 0}, "argument --target-size: must be from 1 to 1099511627776, not 0"),
        ({"target_size": 5.5}, "argument --target-size: must be a whole number, not 5.5"),
        ({"target_size": 9, "target_size_stdev": -1}, "argument --target-size-stdev: must be from"),
        ({"target_size_stdev": 1}, "argument --target-size-stdev: only with --target-size"),
        ({"target_size": 9, "quality": 75}, "argument --quality: not with --target-size"),
        ({"target_size": 9, "image_format": "bmp"}, "argument --target-size: only jpg has it"),
        ({"subsampling": "4:1:1"}, "argument --subsampling: must be one of 4:4:4, .*not '4:1:1'"),
        ({"subsampling": ""}, "argument --subsampling: must be one of"),
        (
            {"subsampling": "4:4:4", "mode": "L"},
            "--subsampling: not with --mode L, which has",
        ),
        ({"subsampling": "4:2:0", "image_format": "png"}, "argument --subsampling: only jpg"),
        ({"seed": -1}, "argument --seed: must be from 0 to 18446744073709551615, not -1"),
        ({"seed": 2**64}, "argument --seed: .* not 18446744073709551616"),
        (
            {"image_format": "xcf"},
            "argument --image-format: unknown format 'xcf'; known are jpg, jpeg",
        ),
        ({"image_format": ""}, "argument --image-format: unknown format ''"),
        ({"image_format": ".jpg"}, "argument --image-format: unknown format"),
        ({"mode": "RGBA"}, "argument --mode: jpg has no mode 'RGBA'; it has RGB, L$"),
        ({"mode": "CMYK", "image_format": "png"}, "it has RGB, RGBA, L$"),
        ({"mode": "rgb"}, "argument --mode: jpg has no mode 'rgb'"),
        ({"mode": ""}, "argument --mode"),
        ({"image_format": "png", "width": 2**30, "mode": "L"}, "argument --width: a row .* 1 GiB"),
        (
            {"image_format": "png", "width": 2**28, "mode": "RGBA"},
            "argument --width: a row .* 1 GiB",
        ),
        (
            {"image_format": "bmp", "width": 32_768, "height": 32_768, "mode": "RGBA"},
            "BMP file of 32768x32768 would reach 4 GiB.*; use png",
        ),
        # The rows' padding counts, and the header does.
        ({"image_format": "bmp", "width": 1, "height": 2**30, "mode": "L"}, "would reach 4 GiB"),
        ({"image_format": "bmp", "width": 2, "height": (2**32 - 54) // 8 + 1}, "would reach 4 GiB"),
    ],
)
def test_invalid_arguments_are_wrong_usage(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=in_python(words)):
        spec(**changes)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("count", "argument --count: must be a whole number, not None"),
        ("start", "argument --start: must be a whole number, not None"),
        ("seed", "argument --seed: must be a whole number, not None"),
        ("target_size_stdev", "argument --target-size-stdev: must be a whole number, not None"),
        ("content", "argument --content: must be a str, not None"),
        ("layout", "argument --layout: must be a str, not None"),
        ("mode", "argument --mode: must be a str, not None"),
        ("image_format", "argument --image-format: must be a str, not None"),
    ],
)
def test_none_is_refused_where_it_is_not_the_default(field: str, words: str) -> None:
    with pytest.raises(UsageError, match=in_python(words)):
        spec(**{field: None})


def test_specs_of_a_size_are_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = SizeRange((2, 40), (3, 30))
    for changes in (
        {},
        {"sizes": drawn},
        {"sizes": drawn, "pooled": True, "mode": "L", "image_format": "png"},
    ):
        whole = spec(**changes)
        least = whole.sizes.least[1] if whole.sizes else None
        expected = replace(whole, width=5, height=4, sizes=None, pool_height=least)
        with monkeypatch.context() as patch:
            patch.setattr(DatasetSpec, "__post_init__", None)
            derived = whole.of_size(5, 4)
        assert derived == expected
        assert hash(derived) == hash(expected)


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        ("jpg", b"images/image_7.jpg"),
        ("jpeg", b"images/image_7.jpg"),
        ("JPG", b"images/image_7.jpg"),
        ("Jpeg", b"images/image_7.jpg"),
        ("png", b"images/image_7.png"),
        ("PNG", b"images/image_7.png"),
        ("bmp", b"images/image_7.bmp"),
        ("bitmap", b"images/image_7.bmp"),
        ("BitMap", b"images/image_7.bmp"),
        ("WebP", b"images/image_7.webp"),
        ("tif", b"images/image_7.tiff"),
        ("TIFF", b"images/image_7.tiff"),
        ("JPEG2000", b"images/image_7.jp2"),
        ("jp2", b"images/image_7.jp2"),
        ("gif", b"images/image_7.gif"),
    ],
)
def test_format_in_any_spelling_has_one_extension(spelling: str, path: bytes) -> None:
    assert spec(image_format=spelling).image_path(7) == path


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [
        (b"im/", b"x", b"im/x12.jpg"),
        (b".", b"x", b"./x12.jpg"),
        (b"/", b"", b"/12.jpg"),
        (b"\xff", b"\xfe\t", b"\xff/\xfe\t12.jpg"),
    ],
)
def test_path_is_as_the_folder_was_given(folder: bytes, name: bytes, path: bytes) -> None:
    assert spec(path=folder, name=name).image_path(12) == path


@pytest.mark.parametrize(("mode", "row"), [("L", 5), ("RGB", 15), ("RGBA", 20)])
def test_row_is_not_padded(mode: str, row: int) -> None:
    assert spec(width=5, mode=mode, image_format="bmp").row_bytes == row


def test_spec_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        spec().width = 5  # type: ignore[misc]


def test_defaults_are_those_of_the_documentation() -> None:
    made = spec()
    assert (made.count, made.image_format, made.start) == (1, "jpg", 0)
    assert (made.mode, made.quality, made.seed) == ("RGB", 75, 0)
    assert (made.compress_level, made.pooled, made.pool_strips) == (None, False, None)
    assert (spec(image_format="png").quality, spec(image_format="png").compress_level) == (None, 0)
    made = DatasetSpec("images")
    assert (made.path, made.name, made.width, made.height) == (b"images", b"image_", 1920, 1080)
    assert spec().subsampling == "4:2:0"
    assert spec(mode="L").subsampling is spec(image_format="png").subsampling is None


def test_parser_spec_and_python_function_know_the_same_options() -> None:
    parsed = vars(build_parser().parse_args([]))
    table = {option.field: option.default for option in OPTIONS}
    assert table.items() <= parsed.items()
    spec_fields = {field.name: field for field in fields(DatasetSpec)}
    others = {"path", "width", "height", "sizes", "delimiter", "pool_height", "whole_count"}
    assert spec_fields.keys() - others == table.keys()
    for name, default in table.items():
        assert name == "name" or spec_fields[name].default == default
    parameters = inspect.signature(create_images).parameters.keys()
    assert table.keys() | OptionalArguments.__annotations__.keys() <= parameters
    types = DatasetSpec.__annotations__
    for name, kind in OptionalArguments.__annotations__.items():
        # A ratio is given as a number or a text, which is not what it becomes.
        assert kind.__forward_arg__ == ("Any" if types[name] == "Fraction" else types[name])
    described = {*re.findall(r"(?m)^(\w+) : ", create_images.__doc__ or "")}
    assert table.keys() <= described


def test_create_images_has_an_explicit_signature() -> None:
    parameters = inspect.signature(create_images).parameters.values()
    assert [(found.name, found.default) for found in parameters] == [
        ("path", inspect.Parameter.empty),
        ("name", "image_"),
        ("width", 1920),
        ("height", 1080),
        ("count", 1),
        ("image_format", "jpg"),
        ("seed", 0),
        ("size", False),
        ("chunksize", 64),
        ("start", 0),
        ("name_format", None),
        ("extension", None),
        ("mode", "RGB"),
        ("quality", None),
        ("compress_level", None),
        ("content", "noise"),
        ("sizes", None),
        ("classes", None),
        ("layout", "flat"),
        ("files_per_dir", None),
        ("subfolders", None),
        ("shard_samples", None),
        ("index", False),
        ("direct", False),
        ("pooled", False),
        ("pool_strips", None),
        ("subsampling", None),
        ("target_size", None),
        ("target_size_stdev", 0),
        ("stamp", False),
        ("dedupe_ratio", 1),
        ("compress_ratio", 1),
        ("workers", None),
        ("resume", False),
        ("fsync", False),
        ("clean", False),
        ("keep_others", False),
    ]
    kinds = [found.kind for found in parameters]
    assert (
        kinds
        == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 9 + [inspect.Parameter.KEYWORD_ONLY] * 28
    )


@pytest.mark.parametrize("name", ["qualty", "pool_height", "delimiter"])
def test_unknown_keywords_are_type_errors(tmp_path: Path, name: str) -> None:
    words = rf"^create_images\(\) got an unexpected keyword argument '{name}'$"
    with pytest.raises(TypeError, match=words):
        create_images(tmp_path / "x", "x", 4, 3, 1, "jpg", **{name: b"\0"})  # type: ignore[arg-type]
    assert not (tmp_path / "x").exists()


def test_an_argument_given_twice_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="seed"):
        create_images("x", "x", 4, 3, 1, "jpg", 5, seed=5)  # type: ignore[misc]
