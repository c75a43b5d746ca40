from __future__ import annotations

import errno
import os
import pickle
import signal

import pytest

from imagine_common.errors import (
    ImagineError,
    Interrupted,
    StdoutClosed,
    StorageFull,
    UsageError,
    WorkerLost,
    file_error,
)
from imagine_common.host.signals import ENDING_SIGNALS
from imagine_common.text import printable, show


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"a\nb", r"a\nb"),
        (b"a\r", r"a\r"),
        (b"a\tb", r"a\tb"),
        (b"a\0b", r"a\x00b"),
        (b"\x1b[31mred", r"\x1b[31mred"),
        (b"\xff.jpg", r"\udcff.jpg"),
        ("\udcff", r"\udcff"),
        (b"\xef\xbb\xbfa", r"\ufeffa"),
        ("\u202egpj.a", r"\u202egpj.a"),
        ("\N{NO-BREAK SPACE}", r"\xa0"),
        (b"", "''"),
    ],
)
def test_unprintable_text_is_escaped(path: str | bytes, shown: str) -> None:
    assert show(path) == shown


@pytest.mark.parametrize(
    "path", ["a.jpg", "folder/a b.jpg", "Bärenzoo/熊.jpg", "it's", 'a"b', "a\\n"]
)
def test_printable_text_is_unchanged(path: str) -> None:
    assert show(path) == path
    assert show(os.fsencode(path)) == path


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://SECRET@bucket/x", "s3://...@bucket/x"),
        ("no s3://SECRET@bucket/x, or S3://A:B@b", "no s3://...@bucket/x, or S3://...@b"),
        ("abfs://container@account/x", "abfs://container@account/x"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("a@b://c", "a@b://c"),
    ],
)
def test_the_user_in_a_url_is_not_shown(url: str, shown: str) -> None:
    assert show(url) == shown
    assert printable(url) == shown


def test_a_full_disk_is_an_error_of_its_own() -> None:
    assert type(file_error("a", OSError(errno.ENOSPC, "full"))) is StorageFull
    assert type(file_error("a", OSError(errno.EDQUOT, "full"))) is StorageFull


def test_file_error_names_file_and_reason() -> None:
    error = file_error(b"a\n", FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert type(error) is ImagineError
    assert str(error) == r"a\n: No such file or directory"


def test_file_error_without_errno_still_says_why() -> None:
    assert str(file_error("a", OSError("odd"))) == "a: odd"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImagineError("x"), 1),
        (WorkerLost("x"), 1),
        (UsageError("x"), 2),
        (StdoutClosed("x"), 141),
        (Interrupted(signal.SIGHUP), 129),
        (Interrupted(signal.SIGINT), 130),
        (Interrupted(signal.SIGTERM), 143),
    ],
)
def test_every_error_has_its_exit_code_and_keeps_it_between_processes(
    error: ImagineError | Interrupted, code: int
) -> None:
    assert error.exit_code == code
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.args == error.args
    assert copy.exit_code == code


def test_nothing_that_catches_exceptions_swallows_an_interruption() -> None:
    assert not issubclass(Interrupted, Exception)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU} <= set(
        ENDING_SIGNALS
    )
