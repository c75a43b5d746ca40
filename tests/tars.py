"""Tar streams for tests: good ones by our writer, others by the standard library, or by hand."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

from imagine_common.exchange.tar import archive_end, member_head, member_padding
from imagine_common.packers.shards.record_format import RecordFormat

END = bytes(10240)


def member(name: bytes, data: bytes) -> bytes:
    """Return a whole member."""
    return member_head(name, len(data)) + data + member_padding(len(data))


def archive(members: Iterable[tuple[bytes | str, bytes]]) -> bytes:
    """Return an archive of names and data."""
    data = b"".join(
        member(name if isinstance(name, bytes) else name.encode(), content)
        for name, content in members
    )
    return data + archive_end(len(data))


def by_library(members: Iterable[tuple[str, bytes]], form: int, **fields: object) -> bytes:
    """Return an archive as the standard library writes it; `fields` are those of each member."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def block(name: bytes = b"a.jpg", size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    """Return a header block with any name, size field and type, and the right checksum."""
    head = bytearray(member_head(b"x", 0))
    head[0:100] = name.ljust(100, b"\0")
    head[124:136] = size.ljust(12, b"\0")
    head[156:157] = kind
    return with_checksum(bytes(head))


def with_checksum(head: bytes) -> bytes:
    """Return a header block with its checksum put right."""
    blank = head[:148] + b" " * 8 + head[156:]
    return head[:148] + b"%06o\0 " % sum(blank) + head[156:]


def extended(records: bytes, kind: bytes = b"x") -> bytes:
    """Return an extended header of some records."""
    size = b"%011o\0" % len(records)
    return block(b"PaxHeader", size, kind) + records + member_padding(len(records))


def record(key: bytes, value: bytes) -> bytes:
    """Return a record of an extended header."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d%b" % (length, rest)


def any_format(limit: int) -> RecordFormat:
    """Return a record format that takes every image of at most `limit` bytes."""
    form = SimpleNamespace(image_limit=lambda image: limit, examine=lambda path, file: None)
    return cast(RecordFormat, form)
