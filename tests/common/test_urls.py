"""Telling URLs from paths, and refusing those that can't be meant."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from imagine_common.errors import UsageError
from imagine_common.files.urls import check_url, is_remote, is_url, local_path
from support import JPEG, PACKERS, PATH_OPTION, TOOLS, lines, manifest, run

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("path", "url", "stored"),
    [
        (b"s3://bucket/x", True, True),
        (b"S3://bucket/x", True, True),
        (b"gs://bucket/x", True, True),
        (b"abfs://c@account.dfs.core.windows.net/x", True, True),
        (b"file:///x", True, False),
        (b"/s3://bucket", False, False),
        (b"./s3://bucket", False, False),
        (b"s3:/bucket", False, False),
        (b"s3:", False, False),
        (b"://x", False, False),
        (b"3s://x", False, False),
        (b"a b://x", False, False),
        (b"\xff://x", False, False),
    ],
)
def test_a_url_begins_with_a_scheme(path: bytes, url: bool, stored: bool) -> None:
    assert is_url(path) == url
    assert is_remote(path) == stored


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@bucket/x",
        f"s3://key:{SECRET}/more@bucket/x",
        f"gs://:{SECRET}@bucket",
        f"S3://key:{SECRET}@",
        f"file://user:{SECRET}@host/x",
    ],
)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_password_in_a_url_is_refused_and_not_repeated(
    tool: str, tmp_path: Path, url: str
) -> None:
    result = run(tool, PATH_OPTION[tool], url, "--verbose", input=b"x\n", cwd=tmp_path)
    assert result.returncode == 2
    assert b"give credentials as the store's own tools take them" in result.stderr
    assert SECRET.encode() not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (b"s3://", "the URL has no bucket, as in s3://BUCKET/PREFIX"),
        (b"s3:///x", "the URL has no bucket"),
        (b"sftp://host/x", "sftp:// URLs are not supported; s3, s3a, gs, gcs, az, abfs, abfss are"),
        (b"memory://x", "memory:// URLs are not supported"),
        (b"https://host/x?X-Amz-Signature=s3cr3t", "a web server is not an object store"),
        (b"s3://bucket/\xff", "names in object stores must be UTF-8"),
        (b"file://host/x", "three slashes and an absolute path"),
        (b"file://x", "three slashes and an absolute path"),
        (b"s3:/bucket", "s3:/bucket: a URL begins with s3://"),
        (b"S3:bucket/x", "a URL begins with S3://, and a local path of this name with ./"),
        (b"gs:/bucket", "a URL begins with gs://"),
        (b"file:/tmp/x", "a URL begins with file://"),
    ],
)
def test_urls_that_lead_nowhere_are_refused(url: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        check_url(url)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "extra"),
    [("s3://b", "s3"), ("s3a://b", "s3"), ("gs://b", "gs"), ("gcs://b", "gs"), ("az://b", "az")],
)
def test_the_package_to_install_is_named(
    url: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none(_name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find_none)
    with pytest.raises(UsageError, match=rf"pip install './packages/imagine-common\[{extra}\]'"):
        check_url(url.encode())


WITHOUT_BACKEND = """
import sys
sys.modules["obstore"] = None
from importlib import import_module
sys.exit(import_module(f"imagine_{sys.argv[1]}.cli").main(sys.argv[2:]))
"""


def without_backend(tool: str, *args: str, data: bytes, cwd: Path) -> tuple[int, str]:
    command = [sys.executable, "-c", WITHOUT_BACKEND, tool, *args]
    result = subprocess.run(command, input=data, capture_output=True, cwd=cwd)
    assert result.stdout == b""
    return result.returncode, result.stderr.decode()


@pytest.mark.process
@pytest.mark.parametrize("tool", TOOLS)
def test_a_url_without_its_backend_exits_2(tool: str, tmp_path: Path) -> None:
    code, said = without_backend(tool, PATH_OPTION[tool], "s3://b", data=b"x\n", cwd=tmp_path)
    assert code == 2
    assert "in a checkout: pip install './packages/imagine-common[s3]'" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
@pytest.mark.parametrize("tool", PACKERS)
@pytest.mark.parametrize(
    ("args", "data"),
    [
        (["--source-path", "s3://b"], b""),
        (["--test", "s3://b/x"], b""),
        (["--workers", "1"], b"s3://b/x\n"),
        (["--skip-invalid", "--workers", "2"], b"s3://b/x\n" * 1001),
    ],
)
def test_a_source_without_its_backend_exits_2(
    tool: str, tmp_path: Path, args: list[str], data: bytes
) -> None:
    code, said = without_backend(tool, *args, data=data, cwd=tmp_path)
    assert code == 2
    assert "in a checkout: pip install './packages/imagine-common[s3]'" in said
    assert list(tmp_path.iterdir()) == []


LOCAL_RUN = """
import sys
from importlib import import_module
code = import_module(f"imagine_{sys.argv[1]}.cli").main(sys.argv[2:])
stores = ("obstore", "asyncio", "imagine_common.files.stores")
heavy = [name for name in sys.modules if name.startswith(stores)]
print(code, heavy, file=sys.stderr)
"""


@pytest.mark.process
@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_imported_for_stores_without_a_url(tool: str, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(JPEG)
    args = ["--workers", "1", "-q", PATH_OPTION[tool], str(tmp_path / "out")]
    process = subprocess.run(
        [sys.executable, "-c", LOCAL_RUN, tool, *args],
        input=manifest([tmp_path / "x.jpg"]),
        capture_output=True,
        check=True,
    )
    assert process.stderr == b"0 []\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_url_is_a_local_path_that_is_printed_as_given(tool: str, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(JPEG)
    url = f"file://{tmp_path}/out"
    given = manifest([f"file://{tmp_path}/x.jpg"])
    result = run(tool, PATH_OPTION[tool], url, input=given, check=True)
    (line,) = lines(result.stdout)
    assert line.startswith(url + "/")
    assert Path(line.removeprefix("file://")).is_file()
    assert local_path(line.encode()) == line.removeprefix("file://").encode()


@pytest.mark.parametrize("tool", PACKERS)
def test_totals_in_names_under_a_file_url(tool: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        (tmp_path / "in" / f"{n}.jpg").write_bytes(JPEG)
    out = tmp_path / "out"
    args = ["--source-path", f"file://{tmp_path}/in", "--dest-path", f"file://{out}"]
    args += ["--name-format", "x-{shard}-of-{total}", "--img-per-file", "2"]
    result = run(tool, *args, check=True)
    assert [line.removeprefix(f"file://{out}/")[:8] for line in lines(result.stdout)] == [
        "x-0-of-2",
        "x-1-of-2",
    ]
    assert len(list(out.iterdir())) == (2 if tool == "tfrecord" else 4)
