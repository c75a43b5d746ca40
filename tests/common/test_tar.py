"""Writing tar streams, read back by the standard library and by the system's tar."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_common.errors import ImagineError
from imagine_common.exchange.tar import archive_end, member_head
from tars import archive

NAMES = [
    b"image_0.jpg",
    b"a/b/c.cls",
    b"n" * 100,
    b"n" * 101,
    b"d/" * 400 + b"x.png",
    "größe_1.jpg".encode(),
    b"\xff\xfe.jpg",
    b"\xff" * 300,
    b"new\nline.jpg",
    b" ",
]


def read_back(data: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            assert (member.mtime, member.mode, member.uid, member.gid) == (0, 0o644, 0, 0)
            assert (member.uname, member.gname, member.isreg()) == ("", "", True)
            file = tar.extractfile(member)
            assert file
            found.append((os.fsencode(member.name), file.read()))
    return found


def test_the_standard_library_reads_it_back() -> None:
    members = [(name, b"x" * (number * 300)) for number, name in enumerate(NAMES)]
    assert read_back(archive(members)) == members


def test_non_utf8_names_are_declared_as_bytes() -> None:
    assert b" hdrcharset=BINARY\n" in member_head(b"\xff.jpg", 0)
    assert b"hdrcharset" not in member_head("ü.jpg".encode(), 0)


@given(st.binary(min_size=1, max_size=700).filter(lambda n: b"\0" not in n), st.binary())
def test_any_name_is_read_back(name: bytes, content: bytes) -> None:
    if not name.endswith(b"/"):  # which the standard library takes for a folder
        assert read_back(archive([(name, content)])) == [(name, content)]


def test_bytes_are_those_of_the_standard_library() -> None:
    # Newer versions of it leave the device's fields empty, which POSIX doesn't care about.
    plain = (name for name in NAMES if name.isascii() and len(name) <= 100)
    members = [(name, b"y" * number) for number, name in enumerate(plain)]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(os.fsdecode(name))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    assert without_devices(archive(members)) == without_devices(stream.getvalue())


def without_devices(data: bytes) -> list[bytes]:
    blocks = [data[i : i + 512] for i in range(0, len(data), 512)]
    return [
        block[:148] + block[156:329] + block[345:] if block[257:262] == b"ustar" else block
        for block in blocks
    ]


@pytest.mark.skipif(not shutil.which("tar"), reason="needs tar")
def test_the_systems_tar_reads_it_back(tmp_path: Path) -> None:
    names = [b"image_0.jpg", b"d/" * 80 + b"x.png", "größe.jpg".encode(), b"n" * 101]
    path = tmp_path / "archive"
    path.write_bytes(archive([(name, b"z" * 1000) for name in names]))
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    listed = subprocess.run(
        ["tar", "tf", path, "--quoting-style=literal"], capture_output=True, env=env
    )
    assert (listed.stdout.splitlines(), listed.stderr, listed.returncode) == (names, b"", 0)
    subprocess.run(["tar", "xf", path, "-C", tmp_path], check=True, env=env)
    for name in names:
        assert (tmp_path / os.fsdecode(name)).read_bytes() == b"z" * 1000
        status = os.stat(tmp_path / os.fsdecode(name))
        assert status.st_mtime == 0


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 2**40])
def test_sizes_of_eight_gibibytes_and_more_are_read(size: int) -> None:
    # Of the bytes themselves, only as many are there as the reader looks for.
    with tarfile.open(fileobj=io.BytesIO(member_head(b"large", size)), mode="r|") as tar:
        member = tar.next()
    assert member
    assert (member.name, member.size) == ("large", size)


@pytest.mark.parametrize("name", [b"", b"a\0b"])
def test_impossible_names_are_refused(name: bytes) -> None:
    with pytest.raises(ImagineError, match="not a valid name for a file in a tar stream"):
        member_head(name, 1)


def test_archives_are_filled_up_to_whole_records() -> None:
    for size in range(0, 30 * 512, 512):
        end = archive_end(size)
        assert len(end) >= 1024
        assert (size + len(end)) % 10240 == 0
