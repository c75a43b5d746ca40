"""What both packers do alike about names by a format, and names that wait for the total."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from support import (
    JPEG,
    PATIENCE,
    RECORD_SUFFIX,
    command,
    lines,
    manifest,
    run,
    session_members,
    unfinished,
    wait_for,
    write_images,
)

FORMAT = "train-{shard:05d}-of-{total:05d}"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "source", (JPEG + b"#%d#" % n for n in range(7)))


def names(tool: str, stems: list[str]) -> list[str]:
    """Return the names of all files of some shards."""
    suffixes = ("",) if tool == "tfrecord" else (".rec", ".idx")
    return sorted(stem + suffix for stem in stems for suffix in suffixes)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("img_{shard}", ["img_0", "img_1", "img_2"]),
        ("{shard:02}.x", ["00.x", "01.x", "02.x"]),
        (FORMAT, [f"train-0000{n}-of-00003" for n in range(3)]),
        ("{{{shard:d}}}_{total}", ["{0}_3", "{1}_3", "{2}_3"]),
        ("é{total}\udcff{shard}", ["é3\udcff0", "é3\udcff1", "é3\udcff2"]),
    ],
)
def test_the_format_is_the_whole_stem(
    tool: str, tmp_path: Path, images: list[Path], text: str, stems: list[str], workers: str
) -> None:
    args = ["--img-per-file", "3", "--workers", workers]
    plain = run(tool, "--dest-path", tmp_path / "plain", *args, input=manifest(images))
    out = tmp_path / "out"
    result = run(tool, "--dest-path", out, "--name-format", text, *args, input=manifest(images))
    assert result.returncode == 0, result.stderr
    assert lines(result.stdout) == [f"{out}/{stem}{RECORD_SUFFIX[tool]}" for stem in stems]
    assert sorted(os.listdir(out)) == names(tool, stems)
    for ours, theirs in zip(lines(result.stdout), lines(plain.stdout)):
        assert Path(ours).read_bytes() == Path(theirs).read_bytes()
    assert b": 3 files, 7 images, " in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "",
        "{total}",
        "{shard",
        "shard}",
        "{}",
        "{0}",
        "{Shard}",
        "{shard.real}",
        "{shard.__class__}",
        "{shard[0]}",
        "{shard!r}",
        "{shard:>9}",
        "{shard:x}",
        "{shard:+d}",
        "{shard:,}",
        "{shard:{total}}",
        "{shard:999999999d}",
        "{shard:99d}{total:99d}{shard:99d}",
        "{shard}" + "x" * 230,
        "a/{shard}",
        "../{shard}",
        "a\n{shard}",
    ],
)
def test_an_invalid_format_is_refused(
    tool: str, tmp_path: Path, images: list[Path], text: str
) -> None:
    args = ["--dest-path", tmp_path / "out", "--name-format", text]
    result = run(tool, *args, input=manifest(images))
    assert result.returncode == 2
    assert b"name" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_prefix_beside_a_format_would_count_for_nothing(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    args = ["--dest-path", tmp_path / "out", "--name", "x", "--name-format", FORMAT]
    result = run(tool, *args, input=manifest(images))
    assert result.returncode == 2
    assert b"argument --name: not with --name-format" in result.stderr
    assert not (tmp_path / "out").exists()


def test_resuming_needs_names_that_are_known(tool: str, tmp_path: Path, images: list[Path]) -> None:
    args = ["--dest-path", tmp_path, "--img-per-file", "3", "--resume", "--name-format"]
    result = run(tool, *args, FORMAT, input=manifest(images))
    assert result.returncode == 2
    assert b"write the number itself in the place of {total}" in result.stderr
    for kept in (b"3 files, ", b"(3 there already)"):
        result = run(tool, *args, "{shard}-of-3", input=manifest(images))
        assert kept in result.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_is_left_of_a_run_whose_total_is_not_known(
    tool: str, tmp_path: Path, images: list[Path], workers: str
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "2", "--name-format", FORMAT]
    source = manifest([*images, tmp_path / "missing.jpg"])
    result = run(tool, *args, "--workers", workers, input=source)
    assert result.returncode == 1
    assert result.stdout == b""
    assert os.listdir(out) == []


@pytest.mark.process
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_shards_that_wait_go_when_the_run_is_ended(
    tool: str, tmp_path: Path, images: list[Path], signum: int, code: int, workers: str
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "1", "--name-format", FORMAT]
    with subprocess.Popen(
        command(tool, *args, "--workers", workers),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        process.stdin.write(manifest(images))
        process.stdin.flush()
        wait_for(lambda: len(unfinished(out)) >= 6)
        process.send_signal(signum)
        assert process.wait(PATIENCE) == code
        assert process.stdout
        assert process.stdout.read() == b""
    assert os.listdir(out) == []


@pytest.mark.process
def test_the_next_run_removes_a_killed_runs_files(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "1", "--name-format", FORMAT]
    with subprocess.Popen(
        command(tool, *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdin
        process.stdin.write(manifest(images))
        process.stdin.flush()
        wait_for(lambda: len(unfinished(out)) >= 6)
        process.kill()
    # A worker that is still about may be about to hand over one more.
    wait_for(lambda: not session_members(process.pid))
    assert unfinished(out)
    assert run(tool, *args, input=manifest(images)).returncode == 0
    assert sorted(os.listdir(out)) == names(tool, [f"train-0000{n}-of-00007" for n in range(7)])


def test_names_have_no_gap_where_all_of_a_shard_was_skipped(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "2", "--name-format", "{shard}-{total}"]
    bad = [tmp_path / "no1", tmp_path / "no2"]
    result = run(tool, *args, "--skip-invalid", input=manifest([*images[:2], *bad, *images[2:4]]))
    assert result.returncode == 0
    assert sorted(os.listdir(out)) == names(tool, ["0-2", "1-2"])
    assert b"another run" not in result.stderr


def test_a_reader_of_stdout_that_goes_leaves_a_whole_dataset(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    merged = ["--merged-index"] if tool == "recordio" else []
    args = ["--dest-path", out, "--img-per-file", "1", "--name-format", FORMAT, *merged]
    reader, writer = os.pipe()
    os.close(reader)
    result = run(tool, *args, stdout=writer, input=manifest(images))
    os.close(writer)
    assert result.returncode == 141
    whole = names(tool, [f"train-0000{n}-of-00007" for n in range(7)])
    assert sorted(os.listdir(out)) == whole + ["train-merged.idx"] * len(merged)


def test_no_shard_has_its_name_unless_all_can(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "2", "--name-format", FORMAT]
    old = out / f"train-00003-of-00004{RECORD_SUFFIX[tool]}"
    (old / "folder").mkdir(parents=True)
    result = run(tool, *args, input=manifest(images))
    assert (result.returncode, result.stdout) == (1, b"")
    assert os.listdir(out) == [old.name]


def test_an_old_file_of_the_same_name_is_replaced(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    args = ["--dest-path", tmp_path / "out", "--name-format", FORMAT, "--img-per-file", "4"]
    first = run(tool, *args, input=manifest(images))
    old = [Path(path).read_bytes() for path in lines(first.stdout)]
    second = run(tool, *args, input=manifest(images[::-1]))
    assert second.stdout == first.stdout
    assert [Path(path).read_bytes() for path in lines(second.stdout)] != old
    assert run(tool, "--test", *lines(second.stdout)).returncode == 0


def test_the_python_functions_take_a_format(tool: str, tmp_path: Path, images: list[Path]) -> None:
    if tool == "tfrecord":
        from imagine_tfrecord import create_tfrecords as create
    else:
        from imagine_recordio import create_recordio as create  # type: ignore[assignment]

    summary = create(images[0].parent, tmp_path / "out", "unused", 3, name_format=FORMAT)
    assert summary.files == 3
    assert sorted(os.listdir(tmp_path / "out")) == names(
        tool, [f"train-0000{n}-of-00003" for n in range(3)]
    )


def test_the_python_functions_leave_nothing_unnamed(
    tool: str, tmp_path: Path, images: list[Path]
) -> None:
    from imagine_common.errors import ImagineError

    if tool == "tfrecord":
        from imagine_tfrecord import create_tfrecords as create
    else:
        from imagine_recordio import create_recordio as create  # type: ignore[assignment]

    images[-1].write_bytes(b"no image")
    out = tmp_path / "out"
    with pytest.raises(ImagineError, match="not an image"):
        create(images[0].parent, out, "unused", 1, name_format=FORMAT, workers=1)
    assert os.listdir(out) == []
