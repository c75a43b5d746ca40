"""An input file that fails is named in one line, whichever system call fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from imagine_gen.cli import main as gen
from imagine_recordio.cli import main as recordio
from imagine_tfrecord.cli import main as tfrecord

CALLS = ("stat", "open", "fstat", "pread", "close")
IMAGES = ["--width", "9", "--height", "9", "--count", "2", "--image-format", "png"]
PACK = ["--source-path", "images", "--workers", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "list").write_text("0\t1\timages/image_0.png\n")
    assert gen(["--path", f"{folder}/images", *IMAGES]) == 0
    for main in (tfrecord, recordio):
        args = ["--source-path", f"{folder}/images", "--dest-path", f"{folder}/records"]
        assert main(args + (["--index"] if main is tfrecord else [])) == 0
    return folder


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("main", "args"),
    [
        (gen, ["--path", "images", *IMAGES, "--verify", "--workers", "1"]),
        *(
            (main, args)
            for main in (tfrecord, recordio)
            for args in (
                [*PACK, "--dest-path", "out"],
                [*PACK, "--dry-run"],
                [*PACK, "--dest-path", "records", "--resume"],
            )
        ),
        (recordio, ["--lst", "list", "--workers", "1", "--dest-path", "out"]),
        (tfrecord, ["--test", "records/tfrecord_0"]),
        (recordio, ["--test", "records/recordio_0.rec"]),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else value.__module__[8:],
)
def test_an_input_file_that_fails_is_named(  # type: ignore[no-untyped-def]
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    main,
    args: list[str],
    call: str,
) -> None:
    monkeypatch.chdir(folder)
    original = getattr(os, call)
    failed = ""
    left = 0

    def fail(file: int | bytes, *more: object, **kwargs: object) -> object:
        """Fail at a regular input file once, after as many calls as are left."""
        nonlocal failed, left
        path = os.fsencode(f"/proc/self/fd/{file}" if isinstance(file, int) else file)
        path = os.path.realpath(path)
        is_input = b"/images/" in path or (b"/records/" in path and b".imagine-" not in path)
        writes = call == "open" and more[0] != os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        if is_input and not writes and not failed:
            left -= 1
            if left < 0:
                failed = os.fsdecode(os.path.basename(path))
                if call == "close":
                    original(file)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(file, *more, **kwargs)

    for number in range(40):
        left, failed = number, ""
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            code = main(args)
        text = capfd.readouterr().err
        if not failed:
            break
        assert code == 1
        assert f"{failed}: {os.strerror(errno.EIO)}" in text, text
        assert "OSError" not in text
    assert not failed
    assert number or call in ("open", "close", "pread", "fstat")
