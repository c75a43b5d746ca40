"""--test of both packers: stamps of images inside records."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagine_gen import create_images
from imagine_recordio.check import check_recordio
from imagine_recordio.framing import MAGIC_BYTES, frame
from support import PACKERS, RECORD_SUFFIX, lines, manifest, run

COUNT, IN_FILE = 40, 10


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("stamped")
    create_images(folder, width=24, height=17, count=COUNT, stamp=True, direct=True)
    return [folder / f"image_{number}.jpg" for number in range(COUNT)]


def pack_and_test(tool: str, folder: Path, paths: list[Path]) -> tuple[int, list[str]]:
    """Pack images, test the files, and return the exit code and the messages."""
    args = ["--dest-path", folder, "--img-per-file", IN_FILE, "--workers", "1", "-q", "--clean"]
    packed = run(tool, *args, input=manifest(paths), check=True)
    result = run(tool, "--test", *lines(packed.stdout), "-q", "--workers", "1")
    return result.returncode, result.stderr.decode().splitlines()


@pytest.mark.parametrize("tool", PACKERS)
def test_images_in_order_give_no_warning(tool: str, tmp_path: Path, images: list[Path]) -> None:
    assert pack_and_test(tool, tmp_path, images) == (0, [])
    names = [tmp_path / f"{tool}_{number}{RECORD_SUFFIX[tool]}" for number in (2, 0, 3, 1)]
    result = run(tool, "--test", *names)
    assert (result.returncode, b"warning" in result.stderr) == (0, False)


def changes(rng: random.Random, images: list[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Yield the manifests of datasets in which one image is swapped, lost or repeated."""
    for _ in range(8):
        first, second = sorted(rng.sample(range(COUNT), 2))
        swapped = [*images]
        swapped[first], swapped[second] = swapped[second], swapped[first]
        yield f"{first} with {second}", swapped
        lost = rng.randrange(1, COUNT - 1)  # Without the number, the ends can't be missed.
        yield f"without {lost}", [*images[:lost], *images[lost + 1 :]]
        again = rng.randrange(COUNT)
        place = rng.randrange(COUNT)
        yield f"{again} at {place}", [*images[:place], images[again], *images[place:]]


def test_all_swaps_losses_and_repetitions_are_reported(tmp_path: Path, images: list[Path]) -> None:
    rng = random.Random(3)
    fixed = [("a boundary", images[:10] + images[9:]), ("lost", images[:10] + images[11:])]
    for case, paths in [*fixed, *changes(rng, images)]:
        code, messages = pack_and_test("recordio", tmp_path, paths)
        assert (code, bool(messages)) == (0, True), case
        assert all(": warning: " in message for message in messages)
        assert all(" image " in message for message in messages), messages


@pytest.mark.parametrize("tool", PACKERS)
def test_warning_names_both(tool: str, tmp_path: Path, images: list[Path]) -> None:
    _, (message,) = pack_and_test(tool, tmp_path, images[:3] + images[4:])
    words = "1 record whose image does not follow the one before (first record 3: image 4 after"
    assert f"{words} image 2)" in message
    _, (message,) = pack_and_test(tool, tmp_path, images[:10] + images[11:])
    names = [tmp_path / f"{tool}_{number}{RECORD_SUFFIX[tool]}" for number in (1, 0)]
    assert message.endswith(f"{names[0]}: image 11 follows image 9 of {names[1]}")


@pytest.mark.parametrize("tool", PACKERS)
def test_another_dataset_is_a_warning(tool: str, tmp_path: Path, images: list[Path]) -> None:
    create_images(tmp_path / "o", width=24, height=17, count=9, stamp=True, seed=9, direct=True)
    other = tmp_path / "o/image_5.jpg"
    _, messages = pack_and_test(tool, tmp_path, [*images[:5], other, *images[6:10], other])
    assert "with stamps of another dataset (first record 5: " in messages[0]
    assert " its dataset is " in messages[-1]


def payloads(data: bytes) -> list[range]:
    """Return the offsets of the images in a RecordIO file without split records."""
    found, offset = [], 0
    while offset < len(data):
        length = struct.unpack_from("<I", data, offset + 4)[0] & 2**29 - 1
        found.append(range(offset + 8 + 24, offset + 8 + length))
        offset += 8 + length + -length % 4
    return found


def test_every_flip_in_an_image_is_found_with_its_record(
    tmp_path: Path, images: list[Path]
) -> None:
    pack_and_test("recordio", tmp_path, images[:IN_FILE])
    path = tmp_path / "recordio_0.rec"
    data = path.read_bytes()
    rng = random.Random(4)
    for number in range(150):
        record, places = rng.choice([*enumerate(payloads(data))])
        # Half of them in the first bytes, where a flip hides the stamp.
        at = rng.choice(places if number % 2 else places[:72])
        changed = bytearray(data)
        changed[at] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        findings = check_recordio(os.fsencode(path)).findings
        assert [f": record {record} at byte " in finding for finding in findings] == [True], at


def test_large_and_split_records_are_checked(tmp_path: Path) -> None:
    create_images(tmp_path, width=900, height=800, count=2, stamp=True, image_format="bmp")
    create_images(tmp_path, "small", 9, 9, stamp=True, image_format="bmp")
    good, large, small = (
        (tmp_path / f"{name}.bmp").read_bytes() for name in ("image_0", "image_1", "small0")
    )
    split = small[:60] + MAGIC_BYTES + small[64:]
    unchecked = large[:60] + MAGIC_BYTES + large[64:]
    changed = large[:5000] + bytes([large[5000] ^ 1]) + large[5001:]
    path = tmp_path / "r.rec"
    files = [good, changed, split, unchecked]
    path.write_bytes(b"".join(b"".join(frame([bytes(24), file])) for file in files))
    report = check_recordio(os.fsencode(path))
    assert [": record 1 at " in report.findings[0], ": record 2 at " in report.findings[1]]
    assert len(report.findings) == 2
    assert "too long to check its stamp, and split (first record 3)" in report.remarks[-1]
