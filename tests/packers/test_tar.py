"""What both packers do alike with a tar stream: the same files as without, and nothing else."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import (
    JPEG,
    PACKERS,
    PATIENCE,
    PNG,
    command,
    contents,
    lines,
    run,
    shell,
    unfinished,
)
from tars import archive, block, member

MAGIC = b"\n\x23\xd7\xce"
SHARDS = {"tfrecord": ["x0", "x1", "x2"], "recordio": ["x0.rec", "x1.rec", "x2.rec"]}


@pytest.fixture
def dataset() -> list[tuple[str, bytes, str]]:
    """Give names, data and labels of eight images, some of which RecordIO has to cut."""
    labels = ["", "0", "7", "1,5,7", "16777216", "", "3", "0,0"]
    return [
        (f"s/{n}.jpg", JPEG + bytes(-len(JPEG) % 4) + MAGIC * (n % 3) + bytes(n * 9000), label)
        for n, label in enumerate(labels)
    ]


def members(dataset: list[tuple[str, bytes, str]], label_first: bool = False) -> bytes:
    """Return the archive of a dataset."""
    found: list[tuple[str, bytes]] = []
    for name, data, labels in dataset:
        sample = [(name, data)]
        if labels:
            sample.append((f"{name[:-4]}.cls", labels.encode()))
        found += reversed(sample) if label_first else sample
    return archive([("s/notes.json", b"{}" * 4000), *found])


def by_files(
    tool: str, folder: Path, dataset: list[tuple[str, bytes, str]], *more: str
) -> dict[str, bytes]:
    """Return what the tool writes when the images are files."""
    (folder / "s").mkdir()
    text = b""
    for name, data, labels in dataset:
        (folder / name).write_bytes(data)
        text += f"{name}\t{labels}\n".encode() if labels else f"{name}\n".encode()
    run(tool, *arguments("files", *more), input=text, cwd=folder)
    return contents(folder / "files")


def arguments(folder: str, *more: str) -> list[str]:
    name = [] if "--name-format" in more else ["--name", "x"]
    return ["--dest-path", folder, "--img-per-file", "3", *name, *more]


def error(result: subprocess.CompletedProcess[bytes], code: int = 1) -> str:
    assert result.returncode == code, result.stderr
    (line,) = (line for line in result.stderr.decode().splitlines() if ": error: " in line)
    return line


@pytest.mark.parametrize("label_first", [False, True])
def test_files_are_the_same_as_from_image_files(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]], label_first: bool
) -> None:
    data = members(dataset, label_first)
    result = run(tool, "--tar", *arguments("tar"), input=data, cwd=tmp_path)
    assert lines(result.stdout) == [f"tar/{name}" for name in SHARDS[tool]]
    assert contents(tmp_path / "tar") == by_files(tool, tmp_path, dataset)
    warning, summary = result.stderr.decode().splitlines()
    assert "ignored 1 non-image tar member (s/notes" in warning
    assert f"imagine-{tool}: 3 files, 8 images, " in summary


@pytest.mark.parametrize("option", [("-0",), ("--workers", "2"), ("--fsync",), ("--quiet",)])
def test_options_that_do_not_concern_the_source_are_accepted(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]], option: tuple[str, ...]
) -> None:
    result = run(tool, "--tar", *arguments("tar"), *option, input=members(dataset), cwd=tmp_path)
    end = b"\0" if option == ("-0",) else b"\n"
    assert lines(result.stdout, end) == [f"tar/{name}" for name in SHARDS[tool]]
    assert contents(tmp_path / "tar") == by_files(tool, tmp_path, dataset)


FORMAT_OPTIONS: dict[str, list[tuple[str, ...]]] = {
    "tfrecord": [
        ("--schema", "dlio"),
        ("--schema", "imagenet", "--label-offset", "1"),
        ("--index",),
        ("--index-path", "{}/indexes"),
    ],
    "recordio": [("--merged-index",)],
}


@pytest.mark.parametrize(
    ("packer", "option"),
    [
        (packer, option)
        for packer in PACKERS
        for option in [
            *FORMAT_OPTIONS[packer],
            ("--label-offset", "5"),
            ("--name-format", "x-{{shard:03d}}-of-{{total:03d}}"),
        ]
    ],
)
def test_options_of_records_and_names_do_the_same_as_with_files(
    tmp_path: Path, packer: str, option: tuple[str, ...]
) -> None:
    dataset = [(f"s/{n}.jpg", JPEG + bytes(n), str(n)) for n in range(8)]
    by_files(packer, tmp_path, dataset, *(word.format("files") for word in option))
    args = ["--tar", *arguments("tar", *(word.format("tar") for word in option))]
    result = run(packer, *args, input=members(dataset), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert subprocess.run(["diff", "-r", "tar", "files"], cwd=tmp_path).returncode == 0
    assert len(contents(tmp_path / "tar")) >= 3


def test_a_dry_run_reads_all_and_writes_nothing(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]]
) -> None:
    result = run(
        tool, "--tar", "--dry-run", *arguments("tar"), input=members(dataset), cwd=tmp_path
    )
    assert (result.returncode, result.stdout) == (0, b"")
    assert os.listdir(tmp_path) == []
    size = sum(len(data) for data in by_files(tool, tmp_path, dataset).values())
    if tool == "tfrecord":  # RecordIO's cuts are not looked for.
        assert f"({size} bytes)" in result.stderr.decode()
    assert "would write 3 files, 8 images, " in result.stderr.decode()


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_file_of_more_images_than_there_can_be_holds_all(
    tool: str, tmp_path: Path, more: list[str]
) -> None:
    args = ["--tar", "--dest-path", tmp_path, "--img-per-file", str(2**63), *more]
    result = run(tool, *args, input=archive([("0.jpg", JPEG), ("1.jpg", JPEG)]))
    assert result.returncode == 0
    assert b"1 file, 2 images, " in result.stderr


def test_an_image_without_the_schemas_features_is_named_by_its_member(tmp_path: Path) -> None:
    data = archive([("0.gif", b"GIF89a" + bytes(7) + b";")])
    args = ["--tar", "--schema", "imagenet", "--dest-path", tmp_path / "tar"]
    line = error(run("tfrecord", *args, input=data))
    assert "error: 0.gif: " in line
    assert line.endswith("(at byte 0 of the tar stream)")


def test_archives_are_packed_as_one_stream(tool: str, tmp_path: Path) -> None:
    dataset = ("--tar", "--width", "20", "--height", "12", "--count", "25", "--classes", "7")
    stream = run("gen", *dataset).stdout
    shards = lines(run("gen", *dataset, "--shard-samples", "4", "--path", tmp_path).stdout)
    args = ("--tar", "--img-per-file", "10", "--expect", "25", "--dest-path")
    assert run(tool, *args, tmp_path / "stream", input=stream).returncode == 0
    joined = b"".join(Path(shard).read_bytes() for shard in shards)
    assert run(tool, *args, tmp_path / "joined", input=joined).returncode == 0
    for part in ("0/2", "1/2"):
        named = run(tool, *args, tmp_path / "named", "--part", part, *shards)
        assert named.returncode == 0, named.stderr
    made = contents(tmp_path / "stream")
    assert len([name for name in made if not name.endswith(".idx")]) == 3
    assert made == contents(tmp_path / "joined") == contents(tmp_path / "named")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "b.tar: No such file or directory"),
        (b"", "b.tar: the tar stream is empty"),
        (archive([("1.jpg", JPEG)])[:700], "b.tar: the tar stream ends after 700 bytes"),
        (archive([("1.jpg", JPEG)])[:1024], "b.tar: the tar stream ends after 1024 bytes"),
        (archive([("1.cls", b"7")]), "1.cls: labels without an image"),
        (b"\x1f\x8b" + bytes(20), "b.tar: not a tar stream but gzip"),
    ],
)
def test_an_archive_that_is_missing_or_cut_is_an_error(
    tool: str, tmp_path: Path, data: bytes | None, words: str
) -> None:
    (tmp_path / "a.tar").write_bytes(archive([("0.jpg", JPEG)]))
    (tmp_path / "c.tar").write_bytes(archive([("1.jpg", JPEG)]))
    if data is not None:
        (tmp_path / "b.tar").write_bytes(data)
    args = ("--tar", "a.tar", "--img-per-file", "1", "--dest-path", "d", "b.tar", "c.tar")
    assert words in error(run(tool, *args, cwd=tmp_path))
    packed = [name for name in contents(tmp_path) if name.startswith("d/")]
    assert len(packed) == (data is not None) * (2 if tool == "recordio" else 1)


def test_a_list_and_a_tar_stream_exclude_each_other(tmp_path: Path) -> None:
    args = ["--tar", "--lst", "x.lst"]
    assert "--tar" in error(run("recordio", *args, input=b"", cwd=tmp_path), code=2)


def test_no_file_but_the_shards_is_made(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]]
) -> None:
    code = (
        "import os, sys\n"
        f"from imagine_{tool}.cli import main\n"
        "def hook(event, args):\n"
        "    if event == 'open' and args[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):\n"
        "        made.append(os.fsdecode(args[0]))\n"
        "made = []\n"
        "sys.addaudithook(hook)\n"
        "assert main(sys.argv[1:]) == 0\n"
        "sys.stderr.write('\\n'.join(made))\n"
    )
    args = [sys.executable, "-c", code, "--tar", "-q", *arguments("tar")]
    result = subprocess.run(args, input=members(dataset), capture_output=True, cwd=tmp_path)
    _, *names = result.stderr.decode().splitlines()  # after a warning about the other members
    made = [name for name in names if name != os.devnull]
    assert len(made) == len(contents(tmp_path / "tar"))
    assert all(name.startswith("tar/.imagine-") for name in made)
    assert sorted(os.listdir(tmp_path)) == ["tar"]


def test_full_files_at_the_end_leave_no_empty_one(tool: str, tmp_path: Path) -> None:
    data = archive([(f"{n}.jpg", JPEG) for n in range(6)])
    result = run(tool, "--tar", *arguments("tar"), input=data, cwd=tmp_path)
    assert lines(result.stdout) == [f"tar/{name}" for name in SHARDS[tool][:2]]


BAD = [
    ("s/1.jpg", b"text", "1"),
    ("s/3.jpg", b"", ""),
    ("s/4.jpg", b"text", ""),
    ("s/5.jpg", b"text", ""),
    ("s/6.jpg", JPEG, "99999999999999999999"),
]


def test_bad_images_are_skipped_as_from_files(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]]
) -> None:
    for name, data, labels in BAD:
        dataset[int(name[2])] = (name, data, labels)
    data = members(dataset)
    assert "s/1.jpg: not an image (first bytes: 74 65 78 74) (at byte" in error(
        run(tool, "--tar", *arguments("tar"), input=data, cwd=tmp_path)
    )
    assert contents(tmp_path / "tar") == {}
    (tmp_path / "tar" / SHARDS[tool][1]).write_bytes(b"of an earlier run")
    result = run(tool, "--tar", "--skip-invalid", *arguments("tar"), input=data, cwd=tmp_path)
    assert contents(tmp_path / "tar") == by_files(tool, tmp_path, dataset, "--skip-invalid")
    warnings = result.stderr.decode().splitlines()
    assert [line.endswith(" of the tar stream); skipped") for line in warnings[:5]] == [True] * 5
    assert "s/6.cls: label 99999999999999999999 is over" in warnings[4]
    assert warnings[-1].endswith(", 5 images skipped")


def test_all_images_bad_is_an_error(tool: str, tmp_path: Path) -> None:
    data = archive([("0.jpg", b"no"), ("1.jpg", b"no")])
    args = ["--tar", "--skip-invalid", "--dest-path", tmp_path / "tar"]
    assert "all images were skipped" in error(run(tool, *args, input=data))


def test_labels_that_float32_does_not_hold_are_refused_where_they_are_stored_so(
    tool: str, tmp_path: Path
) -> None:
    data = archive([("0.jpg", JPEG), ("0.cls", b"16777217")])
    result = run(tool, "--tar", input=data, cwd=tmp_path)
    if tool == "recordio":
        assert "0.jpg: label 16777217 has no exact float32" in error(result)
        assert "(at byte 0 of the tar stream)" in error(result)
    else:
        assert result.returncode == 0


def test_an_image_over_the_formats_limit_is_refused_before_it_is_read(
    tool: str, tmp_path: Path
) -> None:
    # The rest of it never comes.
    data = member(b"0.png", PNG) + block(b"1.jpg", b"37777777777\0") + JPEG
    line = error(run(tool, "--tar", "--dest-path", tmp_path / "tar", input=data))
    assert f"1.jpg: {2**32 - 1} bytes are over the record format's" in line
    assert contents(tmp_path / "tar") == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "standard input: the tar stream is empty; did the command that writes it fail?"),
        (b"s/0.jpg\n", "standard input: not a tar stream; is it a manifest? leave out --tar"),
        (archive([]), "standard input: no image in the tar stream"),
        (block(b"/0.jpg", kind=b"2") + bytes(10240), "/0.jpg: the name is absolute"),
        (b"\x1f\x8b" + bytes(20), "unpack it first: gunzip |"),
    ],
)
def test_unreadable_sources_write_nothing(
    tool: str, tmp_path: Path, data: bytes, reason: str
) -> None:
    result = run(tool, "--tar", "--dest-path", tmp_path / "tar", input=data)
    assert reason in error(result)
    assert result.stdout == b""
    assert unfinished(tmp_path) == os.listdir(tmp_path) == []


def test_a_stream_that_is_cut_leaves_the_files_before(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]]
) -> None:
    data = members(dataset)
    for size in (len(data) * 3 // 4, len(data) - 10240):
        result = run(tool, "--tar", *arguments("tar"), input=data[:size], cwd=tmp_path)
        assert f"the tar stream ends after {size} bytes" in error(result)
        assert lines(result.stdout) == [f"tar/{name}" for name in SHARDS[tool][:2]]
    expected = by_files(tool, tmp_path, dataset)
    found = contents(tmp_path / "tar")
    assert found == {name: expected[name] for name in found}
    assert len(found) == len(expected) * 2 // 3


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--source-path", "."], "argument --source-path: not with --tar"),
        (["--resume"], "argument --resume: not with --tar"),
        (["--test"], "argument --tar: not with --test"),
        (["--workers", "0"], "--workers"),
    ],
)
def test_invalid_options_are_refused(
    tool: str, tmp_path: Path, args: list[str], reason: str
) -> None:
    assert reason in error(run(tool, "--tar", *args, input=b"", cwd=tmp_path), code=2)
    assert os.listdir(tmp_path) == []


def test_a_tar_stream_given_as_a_manifest_is_recognized(tool: str, tmp_path: Path) -> None:
    result = run(tool, input=archive([("0.jpg", JPEG)]), cwd=tmp_path)
    assert "is it a tar stream? that needs --tar" in error(result)


def test_a_terminal_is_not_waited_on(tool: str, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    result = run(tool, "--tar", stdin=follower, cwd=tmp_path)
    assert "no input: pipe a tar stream in" in error(result, code=2)
    os.close(leader)
    os.close(follower)


def test_a_writer_that_goes_on_after_the_end_is_not_cut_off(tool: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(archive([("0.jpg", JPEG)]))
    zeros = "head -c 9000000 /dev/zero"
    result = shell(f"set -o pipefail; {{ cat a.tar; {zeros}; }} | imagine-{tool} --tar", tmp_path)
    assert result.returncode == 0
    assert len(result.stderr.splitlines()) == 1
    result = shell(f"set -o pipefail; cat a.tar a.tar | imagine-{tool} --tar", tmp_path)
    assert result.returncode == 0
    assert "1 file, 2 images, " in result.stderr


NUMBERED = [("a.jpg", JPEG), *((f"n01.{n}.jpg", JPEG + bytes(n)) for n in range(10))]


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_each_lost_image_is_named_and_counted(tool: str, tmp_path: Path, more: list[str]) -> None:
    args = ["--tar", "--dest-path", tmp_path / "tar", *more]
    result = run(tool, *args, "--skip-invalid", input=archive(NUMBERED))
    assert result.returncode == 0
    text = result.stderr.decode()
    for name, _ in NUMBERED[1:]:
        assert f"warning: {name}: " in text
    assert ", 10 images skipped" in text
    assert "with --key-by last-dot, at its last" in error(run(tool, *args, input=archive(NUMBERED)))


def test_the_options_of_samples_choose_images(tool: str, tmp_path: Path) -> None:
    args = ["--tar", "--dest-path", tmp_path]
    result = run(tool, *args, "--key-by", "last-dot", input=archive(NUMBERED))
    assert b"1 file, 11 images, " in result.stderr
    data = archive([("0.input.jpg", JPEG), ("0.seg.png", PNG), ("1.png", PNG)])
    result = run(tool, *args, "--image-extension", "input.jpg,png", input=data[:1024] + data[2048:])
    assert b"1 file, 2 images, " in result.stderr
    assert "0.seg.png" in error(run(tool, *args, "--image-extension", "jpg,png", input=data))


@pytest.mark.parametrize("option", ["--key-by=last-dot", "--image-extension=jpg"])
def test_options_of_samples_need_a_tar_stream(tool: str, tmp_path: Path, option: str) -> None:
    line = error(run(tool, "--source-path", ".", option, cwd=tmp_path), code=2)
    assert f"argument {option.partition('=')[0]}: only with --tar" in line
    assert os.listdir(tmp_path) == []


class Fed:
    """A tool whose stdin stays open."""

    def __init__(self, tool: str, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            command(tool, "--tar", *arguments(str(folder))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def feed(self, images: range) -> None:
        data = b"".join(member(b"%d.jpg" % n, JPEG) for n in images)
        # In one go, which the pipe has room for: after the first half, the tool may have ended.
        assert os.write(self.stdin.fileno(), data) == len(data) < 1 << 16

    def end(self) -> tuple[int, str]:
        self.stdin.close()
        code = self.process.wait(PATIENCE)
        self.stdout.close()
        assert self.process.stderr
        with self.process.stderr as stderr:
            return code, stderr.read().decode()


@pytest.fixture
def fed(tool: str, tmp_path: Path) -> Iterator[Fed]:
    fed = Fed(tool, tmp_path / "tar")
    yield fed
    fed.process.kill()
    for stream in (fed.stdin, fed.stdout, fed.process.stderr):
        if stream:
            stream.close()
    fed.process.wait()


def test_a_file_is_listed_while_the_next_is_written(tool: str, fed: Fed) -> None:
    fed.feed(range(5))
    assert fed.stdout.readline() == os.fsencode(fed.folder / SHARDS[tool][0]) + b"\n"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_whole_files(
    tool: str, fed: Fed, signum: signal.Signals
) -> None:
    fed.feed(range(5))
    fed.stdout.readline()
    fed.process.send_signal(signum)
    code, errors = fed.end()
    if signum == signal.SIGKILL:
        assert code == -signum
        # What it leaves is seen to by the next run.
        run(tool, "--tar", *arguments(str(fed.folder)), input=archive([("0.jpg", JPEG)]))
    else:
        assert code == 128 + signum
        assert "Traceback" not in errors
    assert unfinished(fed.folder) == []
    assert os.listdir(fed.folder)
    assert {name[:2] for name in os.listdir(fed.folder)} == {"x0"}


def test_a_reader_of_stdout_that_goes_ends_the_run(tool: str, fed: Fed) -> None:
    fed.stdout.close()
    fed.feed(range(5))
    assert fed.process.wait(PATIENCE) == 141
    assert fed.end() == (141, "")
    assert unfinished(fed.folder) == []


def test_a_file_too_large_leaves_the_files_before(
    tool: str, tmp_path: Path, dataset: list[tuple[str, bytes, str]]
) -> None:
    expected = by_files(tool, tmp_path, dataset)
    (tmp_path / "tar").mkdir()
    (tmp_path / "tar" / SHARDS[tool][2]).write_bytes(b"of an earlier run")
    args = ["--tar", *arguments("tar")]
    result = run(
        tool, *args, input=members(dataset), cwd=tmp_path, limits={resource.RLIMIT_FSIZE: 100_000}
    )
    assert f"tar/{SHARDS[tool][1]}: File too large" in error(result)
    assert lines(result.stdout) == [f"tar/{SHARDS[tool][0]}"]
    found = contents(tmp_path / "tar")
    assert found.pop(SHARDS[tool][2]) == b"of an earlier run"
    assert found == {name: data for name, data in expected.items() if name.startswith("x0")}


def test_a_target_that_is_removed_midway_is_named(tool: str, fed: Fed, tmp_path: Path) -> None:
    fed.feed(range(5))
    fed.stdout.readline()
    os.rename(fed.folder, tmp_path / "moved")
    fed.feed(range(5, 20))
    code, errors = fed.end()
    assert code == 1
    assert f"error: {fed.folder}" in errors
    assert "No such file or directory" in errors
    # What had just begun could not be found to be removed; under final names all is whole.
    moved = contents(tmp_path / "moved")
    assert all(data for name, data in moved.items() if not name.startswith("."))


@pytest.mark.process
def test_memory_is_that_of_two_images(tool: str, tmp_path: Path) -> None:
    image = JPEG.ljust(4 << 20, b"x")
    code = (
        "import re, sys\n"
        f"from imagine_{tool}.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(re.search('VmHWM:(.*) kB', open('/proc/self/status').read())[1])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--tar", "--dest-path", tmp_path, "-q"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    with process.stdin as stdin:
        for n in range(30):
            stdin.write(member(b"%d.json" % n, image[4:]))
            stdin.write(member(b"%d.jpg" % n, image))
        stdin.write(bytes(1024))
    process.stdin = None
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert int(stdout.splitlines()[-1]) < 64 << 10  # KiB; all images have 120 MiB


@pytest.mark.parametrize("more", ["", "--direct", "--image-format png --pooled"])
def test_generated_streams_give_the_same_as_generated_files(
    tool: str, tmp_path: Path, more: str
) -> None:
    gen = ["--width", "64", "--height", "48", "--count", "50", "--classes", "7", *more.split()]
    pack = ["--name", "x", "--img-per-file", "20", "--dest-path"]
    stream = run("gen", *gen, "--tar", check=True).stdout
    run(tool, "--tar", *pack, tmp_path / "tar", input=stream, check=True)
    listed = run("gen", *gen, "--path", tmp_path / "images", check=True).stdout
    run(tool, *pack, tmp_path / "files", input=listed, check=True)
    assert contents(tmp_path / "tar") == contents(tmp_path / "files") != {}


@pytest.mark.process
def test_streams_are_not_held_up_by_a_slow_writer(tool: str, tmp_path: Path) -> None:
    # Interrupted by signals that mean nothing, reading goes on.
    reader, writer = os.pipe()
    process = subprocess.Popen(
        command(tool, "--tar", *arguments(str(tmp_path))),
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(reader)
    data = archive([("0.jpg", JPEG)])

    def write() -> None:
        for begin in range(0, len(data), 5000):
            os.write(writer, data[begin : begin + 5000])
            process.send_signal(signal.SIGCONT)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    stdout, _ = process.communicate(timeout=PATIENCE)
    thread.join()
    assert lines(stdout) == [str(tmp_path / SHARDS[tool][0])]
