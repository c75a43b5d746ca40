"""imagine-gen --dry-run: what would be made, and whether it fits."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.files.folders import FreeSpace, require_space
from imagine_common.text import human_seconds
from imagine_gen import DatasetSpec
from imagine_gen.estimate import estimate, measure_target
from support import run

SMALL = ("--width", "64", "--height", "64")


def test_nothing_is_written(tmp_path: Path) -> None:
    result = run("gen", "--path", tmp_path / "new", *SMALL, "--count", "1000", "--dry-run")
    assert (result.returncode, result.stdout) == (0, b"")
    assert not (tmp_path / "new").exists()
    written = result.stderr.decode().splitlines()
    found = re.fullmatch(
        r"imagine-gen: would make 1,000 images, about [0-9.]+ MB, in about [0-9.]+ s with"
        r" \d+ workers?, not counting the time to write \(estimated from (\d+) images\)",
        written[0],
    )
    assert found
    assert 3 <= int(found[1]) <= 32  # as many as there is time for
    assert re.fullmatch(r"imagine-gen: .*/new: [0-9.]+ [a-zA-Z]+ free", written[1])
    assert len(written) == 2


def test_the_rate_of_an_existing_target_is_measured_and_nothing_stays(tmp_path: Path) -> None:
    result = run("gen", "--path", tmp_path, *SMALL, "--count", "100000", "--dry-run")
    assert (result.returncode, result.stdout) == (0, b"")
    assert list(tmp_path.iterdir()) == []
    assert re.search(
        rb": takes [0-9.]+ [kMG]B or [0-9,]+ files a second, so writing takes about"
        rb" [0-9,.]+ (s|min|h|days), some of it while images are made\n",
        result.stderr,
    )


@pytest.mark.parametrize("folder", [b"none", b"s3://bucket/none", b"/dev/full", b"/proc"])
def test_the_rate_of_other_targets_is_not_known(folder: bytes) -> None:
    assert measure_target(folder, 1000) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (26.4, "26 s"),
        (119.4, "119 s"),
        (185, "3 min"),
        (7200, "2 h"),
        (86400 * 1234.4, "1,234 days"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


@pytest.mark.parametrize("options", [{}, {"direct": True}, {"image_format": "png"}])
def test_bytes_are_about_those_that_would_be_made(
    tmp_path: Path, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagine_gen.estimate._SECONDS", inf)
    spec = DatasetSpec(b"p", b"i", 64, 64, 200, **options)  # type: ignore[arg-type]
    args = ["--direct"] if "direct" in options else []
    args += ["--image-format", options.get("image_format", "jpg")]
    run("gen", "--path", tmp_path, *SMALL, "--count", "200", *args)
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    estimated = estimate(spec)
    assert estimated.tried == 32
    assert estimated.bytes == pytest.approx(written, rel=0.02)


def test_images_that_are_tried_are_of_the_part_asked_for() -> None:
    one = estimate(DatasetSpec(b"p", b"i", 64, 64, 1, start=2**40))
    assert one.tried == 1
    assert one.seconds > 0


def test_too_little_space_is_an_error(tmp_path: Path) -> None:
    args = ("--path", tmp_path / "new", *SMALL, "--count", str(2**62), "--dry-run")
    result = run("gen", *args)
    assert result.returncode == 1
    assert re.search(rb"error: .*/new: does not fit: about [0-9e.+]+ \wB are needed", result.stderr)


def test_a_stream_needs_no_space(tmp_path: Path) -> None:
    result = run("gen", "--tar", *SMALL, "--count", str(2**62), "--dry-run")
    assert (result.returncode, result.stdout) == (0, b"")


def test_verifying_and_estimating_do_not_go_together(tmp_path: Path) -> None:
    result = run("gen", "--path", tmp_path, "--dry-run", "--verify")
    assert result.returncode == 2
    assert b"argument --verify: not with --dry-run" in result.stderr


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (FreeSpace(1_000_000, None, 4096), None),
        (FreeSpace(1_000_000, 10, 4096), None),
        (FreeSpace(900_000, None, 4096), "about 920 kB are needed, 900 kB are free"),
        (FreeSpace(1_000_000, 9, 4096), "has room for 9 more files, not 10"),
    ],
)
def test_blocks_and_files_count_too(
    monkeypatch: pytest.MonkeyPatch, free: FreeSpace, words: str | None
) -> None:
    monkeypatch.setattr("imagine_common.files.folders.free_space", lambda _: free)
    if words is None:
        require_space(b"d", 900_000, 10)
    else:
        with pytest.raises(ImagineError, match=words):
            require_space(b"d", 900_000, 10)


@pytest.mark.parametrize(
    ("path", "words"),
    [("/dev/null/x", "/dev/null is not a folder"), ("/dev/null", "/dev/null is not a folder")],
)
def test_an_impossible_folder_is_an_error(path: str, words: str) -> None:
    result = run("gen", "--path", path, *SMALL, "--dry-run")
    assert result.returncode == 1
    assert words in result.stderr.decode()


def test_a_stream_that_would_be_refused_is_refused() -> None:
    result = run("gen", "--tar", "--name", "a.b", *SMALL, "--dry-run")
    assert result.returncode == 2
    assert b"argument --name: a.b contains a dot" in result.stderr
