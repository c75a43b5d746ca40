"""Reading tar streams: which images and labels they give, and what of them is refused."""

from __future__ import annotations

import gzip
import os
import random
import re
import select
import tarfile
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagine_common.errors import ImagineError, UsageError
from imagine_common.packers.records import Image, InvalidSample
from imagine_common.packers.sources.tar import TarSource
from support import JPEG, PNG
from tars import (
    END,
    any_format,
    archive,
    block,
    by_library,
    extended,
    member,
    record,
    with_checksum,
)

LIMIT = 2**29
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
LONG = "d" * 90 + "/" + "n" * 120


def read(
    data: bytes,
    limit: int = LIMIT,
    key_by: str = "first-dot",
    extensions: Sequence[bytes] = (),
    skip_invalid: bool = False,
) -> tuple[list[Image | ImagineError], TarSource]:
    """Return what a stream gives, and its source."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        source = TarSource(file.fileno(), key_by, extensions)
        found = list(source.images(any_format(limit), skip_invalid=skip_invalid))
        assert file.read(1) == b"", "not read to its end"
        return found, source


def images(
    data: bytes,
    limit: int = LIMIT,
    key_by: str = "first-dot",
    extensions: Sequence[bytes] = (),
) -> list[tuple[str, tuple[float, ...], bytes]]:
    """Return names, labels and data of the images in a stream, all of which must be good."""
    found, _ = read(data, limit, key_by, extensions)
    assert all(isinstance(image, Image) for image in found), found
    return [
        (os.fsdecode(image.path), image.labels, image.data)
        for image in found
        if isinstance(image, Image)
    ]


def refusal(data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(ImagineError) as caught:
        read(data, limit)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def bad(data: bytes, limit: int = LIMIT) -> str:
    """Return the error that stands in the place of the only image."""
    ((error,), _) = read(data, limit)
    assert isinstance(error, ImagineError)
    return str(error)


def test_images_come_in_order_with_their_labels() -> None:
    data = archive(
        [
            ("t/0.jpg", JPEG),
            ("t/0.cls", b"7"),
            ("t/1.cls", b" 1, 5,7\r\n"),
            ("t/1.png", PNG),
            ("t/2.JPEG", JPEG * 300),
            ("u/2.jpg", JPEG),
            ("u/2.CLS", b"0\n"),
        ]
    )
    assert images(data) == [
        ("t/0.jpg", (7,), JPEG),
        ("t/1.png", (1, 5, 7), PNG),
        ("t/2.JPEG", (), JPEG * 300),
        ("u/2.jpg", (0,), JPEG),
    ]


def test_a_sample_is_named_up_to_the_first_dot_of_its_base_name() -> None:
    data = archive(
        [("a.b/c.x.jpg", JPEG), ("a.b/c.cls", b"3"), ("a.b/d.cls", b"4"), ("a.b/d", b"")]
    )
    assert "a.b/d.cls: labels without an image" in refusal(data)
    data = archive([("a.b/c.x.jpg", JPEG), ("a.b/c.cls", b"3")])
    assert images(data) == [("a.b/c.x.jpg", (3,), JPEG)]


def test_an_image_is_recognized_by_its_first_bytes_not_its_name() -> None:
    data = archive([("a.img", JPEG), ("a.txt", b"not one"), ("b.tmp.bin", PNG)])
    found, source = read(data)
    assert [image.path for image in found if isinstance(image, Image)] == [b"a.img", b"b.tmp.bin"]
    assert (source.ignored.count, source.ignored.first) == (1, b"a.txt")


def test_other_members_are_ignored_and_reported() -> None:
    data = archive(
        [
            ("README", b"x" * 5000),
            ("0.json", b"{}"),
            ("0.jpg", JPEG),
            ("._0.jpg", b"resource fork"),
            (".hidden", b""),
            ("0.cls", b"2"),  # A name without a key ends no sample.
        ]
    )
    found, source = read(data)
    assert found == [Image(0, b"0.jpg", (2,), len(JPEG), JPEG)]
    assert source.warnings() == ["standard input: ignored 4 non-image tar members (README …)"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_of_the_standard_library_is_read(form: int) -> None:
    names = ["0.jpg", f"{LONG[:150]}.jpg", "größe.jpg", "with space.jpg"]
    data = by_library([(name, JPEG) for name in names], form)
    assert images(data) == [(name, (), JPEG) for name in names]


@pytest.mark.parametrize("form", FORMATS[1:])
def test_long_names_are_read(form: int) -> None:
    assert images(by_library([(f"{LONG}.jpg", JPEG)], form)) == [(f"{LONG}.jpg", (), JPEG)]


@pytest.mark.parametrize("form", ["gnu", "pax", "ustar", "v7", "oldgnu"])
def test_every_format_of_the_systems_tar_is_read(tmp_path: Path, form: str) -> None:
    (tmp_path / "0.jpg").write_bytes(JPEG)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/1.jpg").write_bytes(PNG)
    path = tmp_path / "out.tar"
    command = f"tar cf {path} --format={form} -C {tmp_path} ./0.jpg sub"
    if os.system(command):
        pytest.skip("needs GNU tar")
    assert images(path.read_bytes()) == [("./0.jpg", (), JPEG), ("sub/1.jpg", (), PNG)]


def test_global_and_repeated_headers_are_read() -> None:
    data = (
        extended(record(b"comment", b"x"), b"g")
        + extended(record(b"path", b"never.jpg") + record(b"mtime", b"1.5"))
        + extended(record(b"path", b"0.jpg") + record(b"size", b"%d" % len(JPEG)))
        + block(b"short", b"", b"0")
        + JPEG
        + bytes(-len(JPEG) % 512)
        + block(b"././@LongLink", b"00000000003\0", b"K")
        + b"xy\0".ljust(512, b"\0")
        + member(b"1.jpg", PNG)
        + END
    )
    assert images(data) == [("0.jpg", (), JPEG), ("1.jpg", (), PNG)]


def test_binary_sizes_are_read() -> None:
    size = b"\x80" + len(JPEG).to_bytes(11, "big")
    data = block(b"0.jpg", size) + JPEG + bytes(-len(JPEG) % 512) + END
    assert images(data) == [("0.jpg", (), JPEG)]


def test_signed_checksums_are_read() -> None:
    head = bytearray(block("ü.jpg".encode(), b"%011o\0" % len(JPEG)))
    blank = head[:148] + b" " * 8 + head[156:]
    signed = sum(octet - 256 * (octet >= 0x80) for octet in blank)
    head[148:156] = b"%06o\0 " % signed
    assert images(bytes(head) + JPEG + bytes(-len(JPEG) % 512) + END) == [("ü.jpg", (), JPEG)]


def test_times_in_old_gnu_headers_are_not_part_of_the_name() -> None:
    head = bytearray(block(b"0.jpg", b"%011o\0" % len(JPEG)))
    head[257:265] = b"ustar  \0"
    head[345:357] = b"14000000000\0"
    data = with_checksum(bytes(head)) + JPEG + bytes(-len(JPEG) % 512) + END
    assert images(data) == [("0.jpg", (), JPEG)]


def test_folders_are_ignored_silently() -> None:
    data = block(b"d", b"00000001000\0", b"5") + block(b"e/", b"", b"\0") + member(b"0.jpg", JPEG)
    found, source = read(data + END)
    assert len(found) == 1
    assert source.warnings() == []


@pytest.mark.parametrize("zeros", [0, 1, 512, 10240, 3 << 20])
def test_joined_archives_are_read_to_the_end(zeros: int) -> None:
    first = archive([("0.jpg", JPEG), ("1.jpg", JPEG)])
    # The same name is another sample in another archive.
    second = archive([("1.jpg", PNG), ("1.cls", b"3")])
    whole = [("0.jpg", (), JPEG), ("1.jpg", (), JPEG), ("1.jpg", (3,), PNG)]
    data = first + bytes(zeros) + second
    assert images(data) == images(data + bytes(zeros)) == images(END + data + END) == whole


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (b"x", "the tar stream ends after 10241 bytes, before its end"),
        (b"x" * 512, "not a tar stream (first bytes: 78 78 78 78 78 78 78 78) (at byte 10240 of"),
        (gzip.compress(END, mtime=0), "not a tar stream but gzip; unpack it first: gunzip | (at"),
        (archive([("1.jpg", JPEG)])[:600], "the tar stream ends after 10840 bytes, before its"),
        (bytes(512) + b"x" * 512, "(at byte 10752 of the tar stream)"),
    ],
)
def test_other_data_after_an_archive_is_refused(more: bytes, reason: str) -> None:
    assert reason in refusal(archive([("0.jpg", JPEG)]) + more)


# The names of files whose dots do not end the names of samples.
NUMBERED = [("a.jpg", JPEG), *((f"n01.{n}.jpg", JPEG) for n in range(1230, 1240)), ("z.jpg", PNG)]


def test_each_image_of_a_sample_with_several_is_lost_by_name() -> None:
    first, error, last = read(archive(NUMBERED), skip_invalid=True)[0]
    assert isinstance(error, InvalidSample)
    assert sorted(reason.partition(":")[0] for reason in error.args) == [
        name for name, _ in NUMBERED[1:-1]
    ]
    assert first == Image(0, b"a.jpg", (), len(JPEG), JPEG)
    assert last == Image(2, b"z.jpg", (), len(PNG), PNG)
    assert str(error) == (
        "n01.1231.jpg: another image in the sample of n01.1230.jpg; --image-extension chooses one;"
        " the name of a sample ends at its first dot: with --key-by last-dot, at its last (at byte"
        " 2048 of the tar stream)"
    )
    # Unless they are to be skipped, the error does not wait for the others.
    _, error, _ = read(archive(NUMBERED))[0]
    assert isinstance(error, InvalidSample)
    assert len(error.args) == 2


def test_names_may_end_at_the_last_dot() -> None:
    members = [("1.2/a.b.cls", b"7"), ("1.2/a.b.jpg", JPEG), ("1.2/a.c", JPEG), *NUMBERED[:3]]
    assert images(archive(members), key_by="last-dot") == [
        ("1.2/a.b.jpg", (7,), JPEG),
        *((name, (), JPEG) for name, _ in members[2:]),
    ]
    (error,) = read(archive([("a.jpg", JPEG), ("a.png", PNG)]), key_by="last-dot")[0]
    assert "--key-by" not in str(error)
    with pytest.raises(UsageError, match="--key-by: 'dot' is not first-dot or last-dot"):
        TarSource(0, "dot")


@pytest.mark.parametrize("extensions", [[b"jpg"], [b".JPG"], [b"tif", b"input.jpg"]])
def test_an_extension_chooses_among_the_images_of_a_sample(extensions: list[bytes]) -> None:
    members = [("0.seg.png", PNG), ("0.input.jpg", JPEG), ("0.cls", b"5"), ("1.input.JPG", JPEG)]
    found, source = read(archive(members), extensions=extensions)
    assert found == [
        Image(0, b"0.input.jpg", (5,), len(JPEG), JPEG),
        Image(1, b"1.input.JPG", (), len(JPEG), JPEG),
    ]
    assert source.warnings() == ["standard input: ignored 1 other image (0.seg.png)"]


def test_a_sample_without_the_extension_is_lost() -> None:
    members = [("0.seg.png", PNG), ("0.cls", b"5"), ("1.jpg", JPEG), ("1.seg.png", b"no image")]
    error, image = read(archive(members), extensions=[b"jpg"])[0]
    reason = "no image of its sample has the extension of --image-extension (at byte 0 of the tar"
    assert f"0.seg.png: {reason}" in str(error)
    assert image == Image(1, b"1.jpg", (), len(JPEG), JPEG)
    # It promises an image there, too.
    assert "not an image" in bad(archive([("0.input.jpg", b"<html>")]))
    with pytest.raises(UsageError, match="--image-extension: an extension is empty"):
        TarSource(0, extensions=[b"jpg", b""])


def test_members_without_extension_are_known_by_their_content() -> None:
    members = [("d/0", JPEG), ("d/0.cls", b"3"), ("README", b"text"), ("d/1", PNG), ("1.", PNG)]
    found, source = read(archive([*members, ("d/.2", JPEG), ("d/._1.jpg", b"fork")]))
    assert found == [
        Image(0, b"d/0", (3,), len(JPEG), JPEG),
        Image(1, b"d/1", (), len(PNG), PNG),
        Image(2, b"1.", (), len(PNG), PNG),
    ]
    assert source.warnings() == [
        "standard input: ignored 2 non-image tar members (README …)",
        "standard input: ignored 1 hidden image (d/.2)",
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_labels_whose_names_go_on_after_the_first_dot_are_not_lost(order: int) -> None:
    members = [("n1.7.cls", b"3"), ("n1.7.jpg", JPEG)][::order]
    assert "n1.7.jpg: its labels are in n1.7.cls; the name of a" in bad(archive(members))
    assert images(archive(members), key_by="last-dot") == [("n1.7.jpg", (3,), JPEG)]
    # These are not the image's by their name.
    assert images(archive([("0.fine.cls", b"3"), ("0.jpg", JPEG)])) == [("0.jpg", (), JPEG)]


def test_each_lost_image_has_one_reason() -> None:
    members = [("0.cls", b"cat"), ("0.jpg", b"text"), ("0.png", PNG), ("0.gif", b"")]
    (error, _) = read(archive([*members, ("1.jpg", JPEG)]), skip_invalid=True)[0]
    assert isinstance(error, InvalidSample)
    assert [reason.partition(":")[0] for reason in error.args] == ["0.jpg", "0.png", "0.gif"]


def test_images_of_any_size_cross_the_buffers() -> None:
    rng = random.Random(0)
    members = [
        (f"{n}.jpg", JPEG + rng.randbytes(rng.choice((0, 1, 480, 40_000)))) for n in range(99)
    ]
    members += [(f"b{n}.jpg", JPEG + rng.randbytes(n * 33_333)) for n in range(60)]
    assert images(archive(members)) == [(name, (), data) for name, data in members]


@pytest.mark.parametrize("most", [1, 7, 97, 511, 513])
def test_bytes_that_trickle_in_are_read(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    def readv(fd: int, buffers: list[memoryview]) -> int:
        data = os.read(fd, min(most, len(buffers[0])))
        buffers[0][: len(data)] = data
        return len(data)

    monkeypatch.setattr(os, "readv", readv)
    assert images(SMALL) == WHOLE


def test_a_descriptor_that_does_not_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where another process takes the bytes first, it has none after all.
    monkeypatch.setattr(select, "select", lambda *_: ([0], [], []))
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    data = archive([("0.cls", b"5"), ("0.jpg", JPEG)])

    def trickle() -> None:
        for begin in range(0, len(data), 1000):
            time.sleep(0.001)
            os.write(writer, data[begin : begin + 1000])
        os.close(writer)

    thread = threading.Thread(target=trickle)
    thread.start()
    found = list(TarSource(reader).images(any_format(LIMIT)))
    thread.join()
    os.close(reader)
    assert found == [Image(0, b"0.jpg", (5,), len(JPEG), JPEG)]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("0.jpg", b"")], "0.jpg: the file is empty (at byte 0 of the tar stream)"),
        ([("0.jpg", b"text")], "0.jpg: not an image (first bytes: 74 65 78 74) (at byte 0 of"),
        ([("0.webp", bytes(90))], "0.webp: not an image (first bytes: 00 00 00 00 00 00 00 00)"),
        ([("0.jpg", JPEG), ("0.seg.png", PNG)], "0.seg.png: another image in the sample of 0.jpg"),
        ([("0.jpg", JPEG), ("0.jpg", JPEG)], "0.jpg: another image in the sample of 0.jpg"),
        ([("0.jpg", JPEG), ("0.cls", b"")], "0.cls: expected a label in digits, or several"),
        (
            [("0.cls", b"cat"), ("0.jpg", JPEG)],
            "by commas, found cat (at byte 0 of the tar",
        ),
        ([("0.jpg", JPEG), ("0.cls", b"-1")], "found -1 (at byte 1024 of the tar stream)"),
        ([("0.jpg", JPEG), ("0.cls", b"1 2")], "found 1 2"),
        ([("0.jpg", JPEG), ("0.cls", b"1,")], "found 1,"),
        ([("0.jpg", JPEG), ("0.cls", b"1.0")], "found 1.0"),
        ([("0.jpg", JPEG), ("0.cls", b"1\0")], "found 1\\x00"),
        ([("0.jpg", JPEG), ("0.cls", "١".encode())], "expected a label in digits"),
        ([("0.jpg", JPEG), ("0.cls", b"%d" % 2**63)], f"label {2**63} is over {2**63 - 1} (at"),
        ([("0.jpg", JPEG), ("0.cls", b"9" * 5000)], f"a label is over {2**63 - 1}"),
        ([("0.jpg", JPEG), ("0.cls", b"1," * 600_000)], "0.cls: labels of over 1 MiB"),
        ([("0.cls", b"1"), ("0.jpg", JPEG), ("0.cls", b"1")], "0.cls: labels again, after 0.cls"),
        ([("0.jpg", JPEG + bytes(1000))], f"{len(JPEG) + 1000} bytes are over the record format's"),
    ],
)
def test_a_bad_image_or_label_takes_its_place(
    members: list[tuple[str, bytes]], reason: str
) -> None:
    assert reason in bad(archive(members), limit=len(JPEG))
    # What stands around it is not touched.
    around = [("a.jpg", JPEG), *members, ("b.cls", b"1"), ("b.png", PNG)]
    found, _ = read(archive(around), limit=len(JPEG))
    assert [isinstance(image, Image) for image in found] == [True, False, True]


REFUSED = {
    "absolute": (block(b"/etc/passwd.jpg"), "/etc/passwd.jpg: the name is absolute"),
    "leading out": (block(b"a/../../b.jpg"), "a/../../b.jpg: the name leads out of the archive"),
    "dots": (block(b".."), "..: the name leads out"),
    "dots, folder": (block(b"../", kind=b"5"), "../: the name leads out"),
    "dots in pax": (
        extended(record(b"path", b"../a.jpg")) + block(),
        "../a.jpg: the name leads",
    ),
    "no name": (block(b""), "a member has no name"),
    "NUL in pax": (extended(record(b"path", b"a\0.jpg")) + block(), "the name contains a NUL byte"),
    "hard link": (block(kind=b"1"), "a.jpg: a hard link; write the archive with --hard-deref"),
    "symbolic link": (block(kind=b"2"), "a.jpg: a symbolic link; write the archive with --deref"),
    "character device": (block(kind=b"3"), "a.jpg: a character device; only plain files"),
    "block device": (block(kind=b"4"), "a.jpg: a block device; only plain files"),
    "FIFO": (block(kind=b"6"), "a.jpg: a FIFO; only plain files can be packed (at"),
    "GNU sparse": (block(kind=b"S"), "a.jpg: a sparse file; write the archive without --sparse"),
    "pax sparse": (
        extended(record(b"GNU.sparse.major", b"1")) + block(),
        "a.jpg: a sparse file; write the archive without --sparse",
    ),
    "volume": (block(kind=b"M"), "a.jpg: the rest of a file that begins in another volume"),
    "label": (block(kind=b"V"), "a.jpg: a volume label"),
    "type": (block(kind=b"\xfe"), "a.jpg: a member of unknown type (\\udcfe)"),
    "negative size": (block(size=b"\xff" * 12), "a.jpg: the size is not a number"),
    "huge size": (block(size=b"\x80" + b"\xff" * 11), "a.jpg: the size is not a number"),
    "odd size": (block(size=b"0x10"), "a.jpg: the size is not a number"),
    "python's size": (block(size=b"0o1_0"), "a.jpg: the size is not a number"),
    "minus": (block(size=b"-0000000001\0"), "a.jpg: the size is not a number"),
    "pax size": (extended(record(b"size", b"-1")) + block(), "an invalid size (-1)"),
    "pax large size": (extended(record(b"size", b"%d" % 2**63)) + block(), "an invalid size"),
    "pax long size": (extended(record(b"size", b"9" * 99)) + block(), "an invalid size (999"),
    "pax garbage": (extended(b"hello"), "an extended header has no valid record at its byte 0"),
    "pax length": (extended(b"99 path=a\n"), "no valid record at its byte 0"),
    "pax length 0": (extended(b"0 path=a\n"), "no valid record at its byte 0"),
    "pax short": (extended(b"3 a=b\n"), "no valid record at its byte 0"),
    "pax no key": (extended(b"5 =b\n"), "an extended header's record at its byte 0 has no key"),
    "pax no equals": (extended(b"5 ab\n"), "an extended header's record at its byte 0 has no key"),
    "pax second": (extended(record(b"a", b"b") + b"x"), "no valid record at its byte 6"),
    "huge pax": (block(b"x", b"00040000000\0", b"x"), "an extended header is over 1 MiB"),
    "huge long name": (block(b"x", b"00040000000\0", b"L"), "an extended header is over 1 MiB"),
    "pax without size": (block(b"x", b"?", b"x"), "or its size is not a number"),
    "long name": (
        extended(record(b"path", b"n" * 5000)) + block(),
        "nnnn…: the name is over 4096 bytes",
    ),
    "global path": (
        extended(record(b"path", b"a.jpg"), b"g") + block(),
        "a global header sets the names or sizes of all members (at",
    ),
    "no member": (extended(record(b"path", b"b.jpg")), "an extended header without a member"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_members_are_refused_by_name(case: str) -> None:
    data, reason = REFUSED[case]
    line = refusal(data + END)
    assert reason in line
    assert "of the tar stream)" in line
    # After good images too, which have been given by then.
    assert reason in refusal(archive([("good.jpg", JPEG)])[:1024] + data + END)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the tar stream is empty; did the command that writes it fail?"),
        (END, "no image in the tar stream; did the command that writes it fail?"),
        (
            archive([("README", b"")]),
            "no image in the tar stream (ignored 1 non-image tar member (README))",
        ),
        (gzip.compress(END, mtime=0), "not a tar stream but gzip; unpack it first: gunzip |"),
        (b"BZh9" + bytes(999), "not a tar stream but bzip2; unpack it first: bunzip2 |"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "not a tar stream but Zstandard; unpack it first: unzstd"),
        (b"\xfd7zXZ\0" + bytes(999), "not a tar stream but xz; unpack it first: unxz |"),
        (b"PK\3\4" + bytes(999), "not a tar stream but ZIP"),
        (JPEG, "not a tar stream but an image; leave out --tar"),
        (b"images/0.jpg\n", "not a tar stream; is it a manifest? leave out --tar"),
        (b"images/0.jpg\n" * 99, "not a tar stream; is it a manifest? leave out --tar"),
        (b"images/0.jpg\0" * 99, "not a tar stream; is it a manifest? leave out --tar"),
        (bytes(range(1, 256)) * 9, "not a tar stream (first bytes: 01 02 03 04 05 06 07 08)"),
        (b"\0", "the tar stream ends after 1 bytes, before its end"),
        (bytes(511), "the tar stream ends after 511 bytes, before its end"),
        (bytes(512), "the tar stream ends after 512 bytes, before its end"),
        (bytes(512) + archive([("0.jpg", JPEG)]), "damaged: a single block of zeros (at byte 512"),
        (member(b"0.jpg", JPEG), "the tar stream ends after 1024 bytes, before its end"),
        (member(b"0.jpg", JPEG)[:600], "the tar stream ends after 600 bytes, before its end"),
        (member(b"0.jpg", JPEG) + b"x" * 512 + END, "damaged: no valid header (at byte 1024 of"),
    ],
)
def test_an_incomplete_tar_stream_is_refused(data: bytes, reason: str) -> None:
    assert reason in refusal(data)
    assert refusal(data).startswith("standard input: ")


def test_a_folder_as_stdin_is_an_error(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(ImagineError, match="standard input: Is a directory"):
        list(TarSource(fd).images(any_format(LIMIT)))
    os.close(fd)


def test_a_large_member_is_ignored_without_being_held() -> None:
    # A terabyte that is not there: neither is memory asked for it, nor is it taken for read.
    size = b"\x80" + (2**40).to_bytes(11, "big")
    line = refusal(block(b"0.bin", size) + bytes(5 << 20))
    assert f"ends after {(5 << 20) + 512} bytes" in line
    assert f"ends after {(5 << 20) + 512} bytes" in refusal(
        block(b"0.jpg", size) + JPEG.ljust(5 << 20)
    )


SMALL = (
    extended(record(b"path", b"0.jpg"))
    + b"".join(
        (
            member(b"short", JPEG),
            member(b"0.cls", b"1"),
            block(b"d/", b"", b"5"),
            block(b"././@LongLink", b"00000000006\0", b"L") + b"1.png\0".ljust(512, b"\0"),
            member(b"1", PNG),
        )
    )
    + bytes(1024)
)
WHOLE = [("0.jpg", (1,), JPEG), ("1.png", (), PNG)]


def test_a_stream_cut_anywhere_is_refused() -> None:
    assert images(SMALL) == WHOLE
    for size in range(len(SMALL)):
        assert re.search("ends after|is empty", refusal(SMALL[:size])), size


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(1, 255)), max_size=4))
def test_changed_bytes_give_an_error_or_images(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL)
    for place, change in changes:
        data[place] ^= change
    try:
        found, _ = read(bytes(data))
    except ImagineError as error:
        assert "\n" not in str(error)
    else:
        assert len(found) <= 2


@given(st.integers(0, 7), st.integers(0, 147) | st.integers(156, 511))
def test_a_flipped_bit_in_a_header_is_found(bit: int, place: int) -> None:
    data = bytearray(member(b"0.jpg", JPEG) + END)
    data[place] ^= 1 << bit
    refusal(bytes(data))


@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    refusal(data)


def test_any_header_with_the_right_checksum_is_refused_or_read() -> None:
    fields = random.Random(7)
    for _ in range(3000):
        head = bytearray(block(b"0.jpg", b"%011o\0" % len(JPEG)))
        place = fields.randrange(512)
        size = fields.choice((1, 2, 12))
        head[place : place + size] = fields.randbytes(size)
        data = with_checksum(bytes(head[:512])) + JPEG + bytes(-len(JPEG) % 512) + END
        try:
            read(data)
        except ImagineError as error:
            assert "\n" not in str(error)
