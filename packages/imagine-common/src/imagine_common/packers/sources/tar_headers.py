"""What the blocks of a tar stream say, with nothing in them taken on trust.

Formats are those of IEEE Std 1003.1 (pax: "ustar Interchange Format", "pax Header Block") and of
GNU tar ("Basic Tar Format"), to which POSIX's older `v7` belongs too. The standard library reads
them all, but is made for archives of friends: it takes `0o1_7` for a number, keeps an extended
header of any size in memory, goes on behind a damaged block as if the archive ended there, and
needs 15 µs for a block instead of 5.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.packers.images.files import is_image
from imagine_common.text import show

FILE_KINDS = (b"0", b"\0", b"7")  # regular, as v7 has it, contiguous
FOLDER_KIND = b"5"
EXTENDED_KINDS = (b"x", b"X")  # POSIX's, and Solaris's of before
GLOBAL_KIND = b"g"
LONG_NAME_KIND = b"L"  # GNU's, as the next
LONG_LINK_KIND = b"K"

_REFUSED = {
    b"1": "a hard link; write the archive with --hard-dereference",
    b"2": "a symbolic link; write the archive with --dereference",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"S": "a sparse file; write the archive without --sparse",
    b"D": "a list of an incremental dump",
    b"M": "the rest of a file that begins in another volume",
    b"V": "a volume's label; write the archive without --label",
}
_SPARSE = "a sparse file; write the archive without --sparse"

_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_RECORD = re.compile(rb"([1-9][0-9]{0,8}) ")
_NO_MANIFEST = re.compile(rb"[\x01-\x08\x0b-\x1f]|\0\0")
_DIGITS = re.compile(rb"[0-9]{1,19}")
_MAX_SIZE = 2**63 - 1
_MAX_NAME = 4096  # Linux's longest path

_NAME = slice(0, 100)
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_KIND = slice(156, 157)
_MAGIC = slice(257, 265)
_PREFIX = slice(345, 500)
_POSIX = b"ustar\x0000"

_OTHER_FORMATS = (  # their first bytes, and what unpacks them
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"\xfd7zXZ\0", "xz", "unxz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "unzstd"),
    (b"\x04\x22\x4d\x18", "LZ4", "unlz4"),
    (b"PK", "ZIP", ""),
)


class Block(NamedTuple):
    """What a header block tells: a name, a size in bytes, and the kind of what follows, a letter.

    The size may still be replaced by an extended header's, and is None where it is no number.
    """

    name: bytes
    size: int | None
    kind: bytes


class Extension(NamedTuple):
    """What extended headers say about the member after them, where they say something."""

    name: bytes = b""
    long_name: bytes = b""  # GNU's
    size: int | None = None
    is_sparse: bool = False


def parse_block(block: bytes) -> Block | None:
    """Return what a block of 512 bytes tells, or None where its checksum is not its own."""
    field = block[_CHECKSUM]
    checksum = _octal(field)
    # A few writers of old summed up signed characters.
    total = sum(block) - sum(field) + 8 * 0x20
    if checksum != total and checksum != total - 256 * sum(
        octet >= 0x80 for octet in block[:148] + block[156:]
    ):
        return None
    name = _text(block[_NAME])
    if block[_MAGIC] == _POSIX and block[_PREFIX.start]:
        name = _text(block[_PREFIX]) + b"/" + name
    return Block(name, _number(block[_SIZE]), block[_KIND])


def parse_extended(data: bytes) -> dict[bytes, bytes]:
    """Return the records of an extended header.

    Raises
    ------
    ImagineError
        Where the data is no sequence of records `length key=value newline`.
    """
    records = {}
    begin = 0
    while begin < len(data):
        match = _RECORD.match(data, begin)
        end = begin + int(match[1]) if match else 0
        if not match or not match.end() < end <= len(data) or data[end - 1] != 0x0A:
            raise ImagineError(f"an extended header has no valid record at its byte {begin}")
        key, equals, value = data[match.end() : end - 1].partition(b"=")
        if not key or not equals:
            raise ImagineError(f"an extended header's record at its byte {begin} has no key")
        records[key] = value
        begin = end
    return records


def extend(extension: Extension, records: dict[bytes, bytes]) -> Extension:
    """Return what is known of the next member after a further extended header.

    Raises
    ------
    ImagineError
        Where it gives a size that is no number.
    """
    name = records.get(b"path") or extension.name
    size = extension.size
    if told := records.get(b"size"):
        size = int(told) if _DIGITS.fullmatch(told) else -1
        if not 0 <= size <= _MAX_SIZE:
            raise ImagineError(f"an extended header has an impossible size ({show(told[:40])})")
    is_sparse = extension.is_sparse or any(key.startswith(b"GNU.sparse.") for key in records)
    return Extension(name, extension.long_name, size, is_sparse)


def check_global(records: dict[bytes, bytes]) -> None:
    """Refuse a global extended header that says something about every member's name or size.

    Raises
    ------
    ImagineError
    """
    extension = extend(Extension(), records)
    if extension != Extension():
        raise ImagineError("a global header sets the names or sizes of all members")


def check_member(name: bytes, kind: bytes, is_sparse: bool) -> None:
    """Refuse what is neither a plain file nor a folder, or would lead out of the archive.

    Raises
    ------
    ImagineError
    """
    if not name:
        raise ImagineError("a member has no name")
    if len(name) > _MAX_NAME:
        raise ImagineError(f"{show(name[:100])}…: a name of over {_MAX_NAME} bytes")
    if b"\0" in name:
        raise ImagineError(f"{show(name)}: a name with a NUL byte")
    if name.startswith(b"/"):
        raise ImagineError(f"{show(name)}: an absolute name; expected one within the archive")
    if b".." in name.split(b"/"):
        raise ImagineError(f"{show(name)}: a name that leads out of the archive")
    if is_sparse:
        raise ImagineError(f"{show(name)}: {_SPARSE}")
    if kind not in FILE_KINDS and kind != FOLDER_KIND:
        what = _REFUSED.get(kind, f"of an unknown type ({show(kind)})")
        raise ImagineError(f"{show(name)}: {what}; only plain files can be packed")


def what_else(head: bytes) -> str | None:
    """Return what a stream is, if not a tar stream, and what to do; None for nothing known."""
    for signature, name, command in _OTHER_FORMATS:
        if head.startswith(signature):
            hint = f"; unpack it first: {command} |" if command else ""
            return f"not a tar stream but {name}{hint}"
    if is_image(head):
        return "not a tar stream but an image; leave out --tar to name images by a manifest"
    has_lines = b"\n" in head or b"\0" in head.strip(b"\0")
    if has_lines and not _NO_MANIFEST.search(head):
        return "not a tar stream; is it a manifest? leave out --tar"
    return None


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _octal(field: bytes) -> int | None:
    match = _OCTAL.fullmatch(field)
    return int(match[1] or b"0", 8) if match else None


def _number(field: bytes) -> int | None:
    """Return a size in octal, or as GNU's binary number, which the first bit announces."""
    if field[0] < 0x80:
        return _octal(field)
    number = int.from_bytes(field[1:], "big")
    return number if field[0] == 0x80 and number <= _MAX_SIZE else None
