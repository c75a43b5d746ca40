"""Feeding mutated real files to all that reads: `python tests/fuzz.py --inputs 1000000` for long.

Readers may refuse an input, saying where in it; they may not crash, hang, or take a changed
TFRecord for a good one.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import struct
import tarfile
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import NEWLINE, NUL, parse_line, read_lines
from imagine_common.files.image_headers import read_header
from imagine_common.packers.checking import FileReport
from imagine_common.packers.images import is_image, look_at_image, read_image
from imagine_common.packers.records import Image
from imagine_common.packers.sources.tar import TarSource
from support import JPEG, PNG, run
from tars import any_format, archive, by_library, with_checksum

MOST_SECONDS = 2.0
_GEN_FORMATS = ("jpg", "png", "bmp", "webp", "tiff", "avif", "jp2", "gif")
_WHERE = re.compile(r"record \d+ at byte \d+: |\.idx: |: [A-Z][a-z ]+$")
_NUMBERS = (0, 1, 3, 4, 0x7F, 0x80, 0xFF, 2**29 - 1, 2**29, 2**31 - 1, 2**32 - 1, 0xCED7230A)


class Target(NamedTuple):
    """What is fuzzed: real inputs, and a function that gives one that was mutated to a reader."""

    name: str
    samples: list[bytes]
    read: Callable[[Path, bytes], None]


def targets(folder: Path) -> list[Target]:
    """Return all that can be fuzzed."""
    images = folder / "images"
    images.mkdir()
    paths = []
    for number, data in enumerate((JPEG, PNG, JPEG + b"\n\x23\xd7\xce" * 3, PNG)):
        paths.append(images / f"{number}.jpg")
        paths[-1].write_bytes(data)
    # Relative paths: the result of a seed must not depend on the place of this folder.
    lines = b"".join(
        os.fsencode(path.relative_to(folder)) + b"\t%d" % n * (n % 2) + b",7" * (n == 3) + b"\n"
        for n, path in enumerate(paths)
    )
    found = [
        Target(
            "manifest", [lines, lines.replace(b"\n", b"\0"), b"\xef\xbb\xbf" + lines], _manifest
        ),
        Target("tar", _tar_samples(), _tar),
        Target("image", [JPEG, PNG, b"GIF89a" + bytes(7) + b";", b"BM" + bytes(60)], _image),
    ]
    args: list[str | Path] = ["--path", images, "--width", "9", "--height", "9", "--name", "g"]
    formats = [name for name in _GEN_FORMATS if _makes(name, args)]
    samples = [PNG, *(path.read_bytes() for path in sorted(images.glob("g*")))]
    found.append(Target("existing image", samples, partial(_existing, formats)))
    for tool, suffix, read in (("tfrecord", "", _tfrecord), ("recordio", ".rec", _recordio)):
        run(tool, "--dest-path", folder, input=lines, cwd=folder)
        samples = [(folder / f"{tool}_0{suffix}").read_bytes()]
        if tool == "recordio":
            samples = [samples[0] + b"INDEX" + (folder / "recordio_0.idx").read_bytes()]
        found.append(Target(tool, samples, read))
    return found


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return data with one to a few changes: of bits, bytes, numbers, blocks, or its length."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(8)
        size = rng.choice((1, 2, 4, 8, 40, 300))
        if kind <= 1 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 2 and place < len(changed):
            changed[place] = rng.choice((0, 1, 0x0A, 0x20, 0x30, 0x7F, 0x80, 0xFF))
        elif kind == 3:
            number = struct.pack("<Q", rng.choice(_NUMBERS))[: rng.choice((4, 8))]
            changed[place : place + len(number)] = number
        elif kind == 4:
            del changed[place : place + size]
        elif kind == 5:
            begin = rng.randrange(len(changed) + 1)
            changed[place:place] = changed[begin : begin + size]
        elif kind == 6:
            changed[place:place] = rng.randbytes(size)
        else:
            del changed[place:]
    return bytes(changed)


def _manifest(folder: Path, data: bytes) -> None:
    for delimiter in (NEWLINE, NUL):
        reader, writer = os.pipe()
        try:
            os.write(writer, data)
            os.close(writer)
            for lines in read_lines(reader, delimiter):
                for line in lines or ():
                    _refusable(partial(parse_line, line))
        except ImagineError as error:
            assert "\n" not in str(error)
        finally:
            os.close(reader)


def _tar_samples() -> list[bytes]:
    members = [("0.jpg", JPEG), ("0.cls", b"1"), ("n" * 120 + ".png", PNG), ("1.json", b"{}")]
    return [archive(members)] + [
        by_library([(name, data) for name, data in members], form)
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    ]


def _tar(folder: Path, data: bytes) -> None:
    # With valid checksums, the checks of a header's other fields run too.
    blocks = [data[i : i + 512] for i in range(0, len(data), 512)]
    righted = [with_checksum(b) if b[257:262] == b"ustar" and len(b) == 512 else b for b in blocks]
    for stream in (data, b"".join(righted)):
        path = folder / "input"
        path.write_bytes(stream)
        with path.open("rb") as file:
            _refusable(partial(_read_tar, file.fileno(), len(stream)))


def _read_tar(fd: int, size: int) -> None:
    for image in TarSource(fd).images(any_format(2**29)):
        if isinstance(image, ImagineError):
            assert "\n" not in str(image)
        else:
            assert is_image(image.data[:32])
            assert len(image.data) < size
            assert not image.path.startswith(b"/")


def _image(folder: Path, data: bytes) -> None:
    path = folder / "input"
    path.write_bytes(data)
    name = os.fsencode(path)

    def look(name: bytes) -> object:
        return look_at_image(Image(0, name), 2**29, lambda path, file: read_header(file))

    if _refusable(partial(look, name)) is not None:
        assert read_image(name, 2**29) == data
    _refusable(partial(look, data.replace(b"\0", b"") or b"x"))


def _makes(image_format: str, args: list[str | Path]) -> bool:
    """Make an image, and return whether the installed Pillow could."""
    result = run("gen", *args, "--image-format", image_format)
    assert result.returncode == 0 or b"the installed Pillow" in result.stderr, result.stderr
    return result.returncode == 0


def _existing(formats: list[str], folder: Path, data: bytes) -> None:
    from imagine_gen.dataset.spec import DatasetSpec
    from imagine_gen.work.files import existing_size

    for image_format in formats:
        spec = DatasetSpec(folder, b"input", 9, 9, image_format=image_format)
        Path(os.fsdecode(spec.image_path(0))).write_bytes(data)
        assert existing_size(spec, b"", 0) in (0, len(data))


def _tfrecord(folder: Path, data: bytes) -> None:
    from imagine_tfrecord.check import check_tfrecord

    path = folder / "input"
    path.write_bytes(data)
    _require_places(check_tfrecord(os.fsencode(path)))
    # With valid CRCs, records that are not an Example are parsed too.
    from imagine_tfrecord.framing import frame

    (folder / "framed").write_bytes(b"".join(frame([data[12:]])))
    report = check_tfrecord(os.fsencode(folder / "framed"))
    assert report.findings == ()


def _recordio(folder: Path, data: bytes) -> None:
    from imagine_recordio.check import check_recordio

    records, mark, index = data.partition(b"INDEX")
    (folder / "input.rec").write_bytes(records)
    (folder / "input.idx").unlink(missing_ok=True)
    if mark:
        (folder / "input.idx").write_bytes(index)
    _require_places(check_recordio(os.fsencode(folder / "input.rec")))


def _require_places(report: FileReport) -> None:
    for finding in report.findings:
        assert "\n" not in finding
        assert _WHERE.search(finding), finding


def _refusable(read: Callable[[], object]) -> object:
    try:
        return read()
    except ImagineError as error:
        assert "\n" not in str(error)
        return None


def fuzz(target: Target, folder: Path, inputs: range, seed: int) -> None:
    """Give a target inputs that its seed and their numbers determine."""
    for number in inputs:
        rng = random.Random(f"{seed} {target.name} {number}")
        data = mutate(rng.choice(target.samples), rng)
        begin = time.process_time()  # not what other processes take
        try:
            target.read(folder, data)
        except BaseException as error:
            raise AssertionError(f"{target.name}, input {number}, seed {seed}: {data!r}") from error
        assert time.process_time() - begin < MOST_SECONDS, f"{target.name}, input {number}: hangs"


def main() -> None:
    """Fuzz for long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = targets(folder)
        for target in found:
            begin = time.perf_counter()
            fuzz(target, folder, range(args.inputs // len(found)), args.seed)
            seconds = time.perf_counter() - begin
            print(
                f"{target.name}: {args.inputs // len(found)} inputs in {seconds:.0f} s", flush=True
            )


if __name__ == "__main__":
    main()
