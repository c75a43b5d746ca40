"""The formats that Pillow writes: their files, whether it has them, what memory they take."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import PIL
import pytest
from PIL import Image, features

from imagine_common.errors import UsageError
from imagine_common.files.image_ends import is_cut
from imagine_common.files.reading import InputFile
from imagine_common.packers.images import HEAD_BYTES, is_image
from imagine_gen.dataset.formats import FORMATS, require_codec
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.work.encoders import image_encoder
from imagine_gen.work.files import existing_size, read_complete
from pillow_formats import AVAILABLE, KINDS
from support import in_python, lines, run

CASES = [(name, mode) for name in AVAILABLE for mode in FORMATS[name].modes]
LOSSLESS = [case for case in CASES if case[0] in ("tiff", "jp2") or case == ("gif", "L")]
LONGEST = [("webp", "RGB", 16_383), ("gif", "L", 65_535), ("avif", "RGB", 32_768)]


class InMemory(InputFile):
    """A file in memory that reads only the requested bytes."""

    def __init__(self, contents: bytes) -> None:
        self.contents = contents
        self.size = len(contents)

    def read_at(self, offset: int, size: int) -> bytes:
        assert min(offset, size) >= 0
        return self.contents[offset : offset + size]

    def stream(self) -> BinaryIO:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def spec(image_format: str, mode: str, width: int = 24, height: int = 17) -> DatasetSpec:
    return DatasetSpec(b"x", b"x", width, height, image_format=image_format, mode=mode, seed=3)


def encoded(made: DatasetSpec, index: int = 0) -> bytes:
    return b"".join(image_encoder(made).encode(index).buffers)


@pytest.mark.parametrize("name", KINDS)
def test_a_format_is_available_exactly_if_pillow_has_it(tmp_path: Path, name: str) -> None:
    size = ("--width", "9", "--height", "8")
    result = run("gen", "--path", tmp_path / "im", *size, "--image-format", name)
    if name in AVAILABLE:
        assert result.returncode == 0, result.stderr
        (path,) = lines(result.stdout)
        with Image.open(path) as image:
            assert (image.format, image.size) == (KINDS[name], (9, 8))
    else:
        assert result.returncode == 2
        message = f"argument --image-format: the installed Pillow {PIL.__version__} cannot write "
        assert message.encode() in result.stderr
        assert not (tmp_path / "im").exists()


def test_pillow_has_avif_from_the_version_in_the_error_on() -> None:
    """Its own wheels, which CI installs, have all of them then."""
    if tuple(map(int, PIL.__version__.split(".")[:2])) >= (11, 3):
        assert list(KINDS) == AVAILABLE
    else:
        assert [name for name in KINDS if name != "avif"] == AVAILABLE


@pytest.mark.parametrize("known", [True, False], ids=["built without", "older than it"])
def test_a_format_missing_in_pillow_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        monkeypatch.setitem(
            features.modules, "avif", ("no_such_module", *features.modules["webp"][1:])
        )
    else:
        monkeypatch.delitem(features.modules, "avif", raising=False)
    with pytest.raises(UsageError, match=r"cannot write AVIF; of .* wheels, those from 11\.3"):
        require_codec(FORMATS["avif"])


@pytest.mark.parametrize(("name", "mode"), CASES)
@pytest.mark.parametrize("size", [(24, 17), (1, 1), (1, 40), (300, 2)], ids=str)
def test_files_decode_to_the_mode_and_size_asked_for(
    name: str, mode: str, size: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(encoded(spec(name, mode, *size)))) as image:
        image.load()
        assert image.format == KINDS[name]
        assert image.size == size
        assert image.mode == ("P" if (name, mode) == ("gif", "RGB") else mode)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        (name, mode)
        for name, mode in CASES
        if name in ("tiff", "jp2") or (name, mode[0]) == ("gif", "L")
    ],
)
def test_lossless_formats_hold_the_pixels_that_png_does(name: str, mode: str) -> None:
    with (
        Image.open(io.BytesIO(encoded(spec(name, mode), 5))) as image,
        Image.open(io.BytesIO(encoded(spec("png", mode), 5))) as expected,
    ):
        assert image.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", [name for name in ("webp", "avif") if name in AVAILABLE])
def test_quality_is_heeded_where_a_format_loses_something(name: str) -> None:
    sizes = [
        len(encoded(DatasetSpec(b"x", b"x", 64, 64, image_format=name, quality=quality)))
        for quality in (5, 75, 100)
    ]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_files_are_the_same_however_the_work_is_split(tmp_path: Path, name: str, mode: str) -> None:
    args = ["--width", "64", "--height", "48", "--count", "5", "--image-format", name]
    args += ["--mode", mode]
    alone = run("gen", "--path", tmp_path / "a", *args, "--workers", "1")
    shared = run("gen", "--path", tmp_path / "b", *args, "--workers", "3", "--chunksize", "1")
    assert (alone.returncode, shared.returncode) == (0, 0)
    found = [
        [Path(path).read_bytes() for path in lines(result.stdout)] for result in (alone, shared)
    ]
    assert found[0] == found[1]
    assert len(set(found[0])) == 5


@pytest.mark.parametrize("name", KINDS)
def test_pooled_is_refused_with_the_formats_that_have_it(name: str) -> None:
    words = "argument --pooled: only png, bmp have it"
    with pytest.raises(UsageError, match=in_python(words)):
        DatasetSpec(b"x", b"x", 4, 3, image_format=name, pooled=True)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("webp", {"width": 16_384}, "argument --width: must be from 1 to 16383"),
        ("webp", {"mode": "L"}, "argument --mode: webp has no mode 'L'; it has RGB, RGBA"),
        ("avif", {"height": 32_769}, "argument --height: must be from 1 to 32768"),
        ("avif", {"width": 16_385, "height": 16_384}, "are over 268435456 pixels, the limit"),
        ("gif", {"width": 65_536}, "argument --width: must be from 1 to 65535"),
        ("gif", {"mode": "RGBA"}, "argument --mode: gif has no mode 'RGBA'; it has RGB, L"),
        ("tiff", {"width": 2**16, "height": 2**16}, "TIFF file of 65536x65536 would reach 4 GiB"),
        ("tiff", {"compress_level": 1}, "argument --compress-level: only png has it"),
    ],
)
def test_limits_of_the_formats_are_known(name: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=in_python(words)):
        DatasetSpec(
            **{"path": b"x", "name": b"x", "width": 4, "height": 3, **changes}, image_format=name
        )


@pytest.mark.parametrize(
    ("name", "mode", "side"),
    [("webp", "RGB", 16_383), ("gif", "L", 65_535), ("avif", "RGB", 32_768)],
)
@pytest.mark.parametrize("tall", [False, True])
def test_the_longest_side_is_written_and_read(name: str, mode: str, side: int, tall: bool) -> None:
    if name not in AVAILABLE:
        with pytest.raises(UsageError):
            spec(name, mode)
        return
    size = (1, side) if tall else (side, 1)
    with Image.open(io.BytesIO(encoded(spec(name, mode, *size)))) as image:
        image.load()
        assert image.size == size


@pytest.mark.parametrize(("name", "mode"), CASES)
@pytest.mark.parametrize("size", [(24, 17), (700, 3)], ids=str)
def test_headers_match_the_spec_and_a_cut_is_noticed(
    name: str, mode: str, size: tuple[int, int]
) -> None:
    file, kind = encoded(spec(name, mode, *size)), KINDS[name]
    assert read_complete(InMemory(file), kind) == (*size, mode)
    for end in range(len(file)):
        assert read_complete(InMemory(file[:end]), kind) is None
        assert end < HEAD_BYTES or is_cut(file[:end], end)
        if end <= len(file) - 16 or kind == "GIF":  # as a power failure leaves a file
            zeroed = file[:end].ljust(len(file), b"\0")
            assert read_complete(InMemory(zeroed), kind) is None, end
    assert name == "tiff" or read_complete(InMemory(file + b"\0"), kind) is None


def test_headers_of_other_programs_files_are_read(tmp_path: Path) -> None:
    """Lossless WebP, TIFF with its header at its end, GIF of several frames."""
    image = Image.effect_noise((400, 300), 60)
    rgb, rgba = image.convert("RGB"), image.convert("RGBA")
    rgba.putalpha(image)
    assert header(rgb, "WEBP", lossless=True) == (400, 300, "RGB")
    assert header(rgba, "WEBP", lossless=True) == (400, 300, "RGBA")
    assert header(rgb, "TIFF", compression="tiff_lzw") is None  # Its header is at its end.
    assert header(image.convert("1"), "TIFF") == (400, 300, "1")
    assert header(rgb.convert("CMYK"), "TIFF") == (400, 300, "CMYK")
    frames = [rgb.rotate(90)]
    assert header(rgb, "GIF", save_all=True, append_images=frames) == (400, 300, "L")
    assert header(Image.new("RGB", (9, 8), "red"), "GIF") == (9, 8, "RGB")
    assert header(rgb, "JPEG2000", tile_size=(64, 64)) == (400, 300, "RGB")
    assert header(rgb, "JPEG2000", no_jp2=True) is None
    for name in AVAILABLE:
        file = io.BytesIO()
        rgb.save(file, "PNG")
        assert read_complete(InMemory(file.getvalue()), KINDS[name]) is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"save_all": True, "append_images": [Image.new("RGB", (5, 4), "red")]}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("AVIF", {}),
        ("AVIF", {"save_all": True, "append_images": [Image.new("RGB", (5, 4), "red")]}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
        ("GIF", {}),
        ("GIF", {"save_all": True, "append_images": [Image.new("RGB", (5, 4), "red")]}),
    ],
)
def test_packers_know_the_kinds_of_files_that_pillow_writes(
    kind: str, options: dict[str, Any]
) -> None:
    if kind not in Image.SAVE:
        assert (kind, "avif" in AVAILABLE) == ("AVIF", False)
        return
    file = io.BytesIO()
    Image.new("RGB", (5, 4), "blue").save(file, kind, **options)
    assert is_image(file.getvalue()[:HEAD_BYTES])


def test_packers_know_a_big_endian_tiff() -> None:
    file = io.BytesIO()
    Image.new("I;16B", (5, 4)).save(file, "TIFF")
    assert file.getvalue()[:2] == b"MM"
    assert is_image(file.getvalue()[:HEAD_BYTES])


def header(image: Image.Image, kind: str, **options: Any) -> tuple[Any, ...] | None:
    file = io.BytesIO()
    image.save(file, kind, **options)
    assert not is_cut(file.getvalue(), file.tell())
    return read_complete(InMemory(file.getvalue()), kind)


def test_the_header_of_a_big_endian_tiff_is_read() -> None:
    file = b"MM\0*\0\0\0\x08\0\x07"
    for tag, kind, count, value in (
        (256, 3, 1, 6 << 16),
        (257, 4, 1, 5),
        (258, 3, 3, 100),
        (262, 3, 1, 2 << 16),
        (273, 4, 1, 200),
        (277, 3, 1, 3 << 16),
        (279, 4, 1, 90),
    ):
        file += struct.pack(">HHII", tag, kind, count, value)
    file = file.ljust(100, b"\0") + b"\0\x08" * 3
    file = file.ljust(290, b"\1")
    assert read_complete(InMemory(file), "TIFF") == (6, 5, "RGB")
    assert read_complete(InMemory(file[:-1]), "TIFF") is None


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"RIFF",
        b"RIFF\x14\0\0\0WEBPVP8 ",
        b"RIFF\x16\0\0\0WEBPVP8?" + bytes(14),
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff" + b"\0\1\3\0\1\0\0\0\1\0\0\0" * 300,
        b"MM\0*\0\0\0\x08\0\1\1\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x0cftypavif" + b"\0\0\0\x08free" * 100,
        b"\0\0\0\x0cftypavif" + b"\0\0\0\1meta\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x0cftypavif" + b"\0\0\0\0meta\0\0",
        b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\7jp2h\xff\xd9",
        b"GIF89a;",
    ],
)
def test_broken_headers_are_rejected(tmp_path: Path, file: bytes) -> None:
    for name in AVAILABLE:
        made = replace(spec(name, "RGB"), path=os.fsencode(tmp_path))
        (tmp_path / f"x0.{name}").write_bytes(file)
        assert existing_size(made, b"", 0) == 0


@pytest.mark.parametrize(
    ("tag", "value"), [(258, b"\3\0\3\0\0\0\xff\xff\0\0"), (277, b"\3\0\1\0\0\0\xff\xff\0\0")]
)
def test_pillow_says_nothing_of_a_broken_tiff(tmp_path: Path, tag: int, value: bytes) -> None:
    args = ["--path", tmp_path, "--width", "5", "--height", "4", "--image-format", "tiff"]
    (path,) = lines(run("gen", *args).stdout)
    whole = Path(path).read_bytes()
    entry = whole.index(struct.pack("<H", tag), int.from_bytes(whole[4:8], "little"))
    Path(path).write_bytes(whole[: entry + 2] + value + whole[entry + 12 :])
    resumed = run("gen", *args, "--resume")
    assert b"1 image" in resumed.stderr
    assert resumed.stderr.count(b"\n") == 1, resumed.stderr
    assert Path(path).read_bytes() == whole


RESUME = """
import logging, sys, warnings
from imagine_gen import create_images
create_images(sys.argv[1], "a", 5, 4, 1, "gif")
before = list(warnings.filters), set(sys.modules)
create_images(sys.argv[1], "a", 5, 4, 1, "gif", resume=True)
assert {name for name in set(sys.modules) - before[1] if name.endswith("ImagePlugin")} == set()
create_images(sys.argv[1], "a", 5, 4, 1, "tiff")
create_images(sys.argv[1], "a", 5, 4, 1, "tiff", resume=True)
assert warnings.filters == before[0]
assert not logging.getLogger("PIL.TiffImagePlugin").handlers
"""


@pytest.mark.process
def test_resuming_leaves_nothing_behind_in_the_callers_process(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", RESUME, tmp_path], check=True)


MEASURE = """
import sys
from imagine_gen.work.encoders import image_encoder
from imagine_gen.dataset.formats import worker_bytes
from imagine_gen.dataset.spec import DatasetSpec

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) << 10

name, mode = sys.argv[1:]
quality = 100 if name in ("webp", "avif") else None
make = lambda side: DatasetSpec(
    b"x", b"x", side, side, image_format=name, mode=mode, quality=quality
)
list(image_encoder(make(64)).encode(0).buffers)
before = status("VmRSS")
spec = make(1200)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
list(image_encoder(spec).encode(0).buffers)
print((status("VmHWM") - before) / (worker_bytes(spec) - worker_bytes(make(1))))
"""


@pytest.mark.process
@pytest.mark.parametrize(("name", "mode"), [case for case in CASES if case[0] != "avif"])
def test_memory_for_encoding_is_as_estimated(name: str, mode: str) -> None:
    """AVIF, which takes the longest, was measured in the same way."""
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, name, mode], capture_output=True, text=True, check=True
    )
    assert 0.5 < float(result.stdout) < 1.1
