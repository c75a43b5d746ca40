"""JPEG and PNG files whose first bytes are not what they seem, and what TensorFlow makes of them.

Unit tests compare headers with these values, and a conformance test compares TensorFlow with them.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, NamedTuple

from PIL import Image

WIDTH, HEIGHT = 23, 17
# Of interlaced gray pixels: passes of Adam7 by the sides of their images.
_ADAM7_BYTES = sum(
    (1 + x) * y for x, y in ((3, 3), (3, 3), (6, 2), (6, 5), (12, 4), (11, 9), (23, 8))
)


class Odd(NamedTuple):
    """A file, and the channels of its pixels, or words of the error if it can't be decoded."""

    name: str
    data: bytes
    expected: int | str


def saved(mode: str, image_format: str = "JPEG", **options: Any) -> bytes:
    """Return an image of a mode as a file."""
    file = io.BytesIO()
    Image.effect_noise((WIDTH, HEIGHT), 40).convert(mode).save(file, image_format, **options)
    return file.getvalue()


def segment(marker: int, content: bytes = b"") -> bytes:
    """Return a segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """Return a chunk of a PNG file."""
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def spoiled(data: bytes) -> bytes:
    """Return a chunk with a wrong CRC."""
    return data[:-1] + bytes([data[-1] ^ 1])


def png(
    color: int,
    depth: int = 8,
    *before: bytes,
    first: bytes = b"",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    methods: bytes = b"\0\0\0",
) -> bytes:
    """Return a PNG file of a color type, with chunks before its header and before its pixels."""
    samples = {2: 3, 4: 2, 6: 4}.get(color, 1)
    row = bytes(1 + (WIDTH * samples * depth + 7) // 8)
    header = chunk(b"IHDR", struct.pack(">IIBB", *size, depth, color) + methods)
    rows = bytes(_ADAM7_BYTES) if methods[2] == 1 else row * HEIGHT
    pixels = chunk(b"IDAT", zlib.compress(rows))
    parts = (first, header, *before, pixels, chunk(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpegs() -> list[Odd]:
    """Return JPEG files."""
    gray, rgb = saved("L"), saved("RGB")
    begin, scan = rgb.index(b"\xff\xc0"), rgb.index(b"\xff\xda")
    end = begin + 19
    before, frame, tables, pixels = rgb[:begin], rgb[begin:end], rgb[end:scan], rgb[scan:]
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation

    def put(data: bytes) -> bytes:
        return before + data + rgb[begin:]

    def patch(place: int, new: bytes) -> bytes:
        changed = frame[:place] + new + frame[place + len(new) :]
        return before + changed + tables + pixels

    return [
        Odd("gray", gray, 1),
        Odd("RGB", rgb, 3),
        Odd("CMYK", saved("CMYK"), 3),
        Odd("progressive", saved("RGB", progressive=True), 3),
        Odd("progressive gray", saved("L", progressive=True), 1),
        Odd("EXIF orientation", saved("RGB", exif=exif), 3),
        Odd("fill bytes", put(b"\xff" * 9), 3),
        Odd("many fill bytes", put(b"\xff" * 70_000), 3),
        Odd("stray zero", put(b"\0"), 3),
        Odd("stray bytes", put(b"stray" * 20_000), 3),
        Odd("stray bytes of all kinds", put(bytes(range(255)) + b"\xff\0\0\xff\0"), 3),
        Odd("stray bytes after the signature", rgb[:2] + b"\xff\0" + rgb[2:], 3),
        Odd("stray bytes and fill bytes", put(b"\0\xff\xff"), 3),
        Odd("restart marker", put(b"\xff\xd0"), 3),
        Odd("TEM", put(b"\xff\x01"), 3),
        Odd("DNL", put(segment(0xDC, b"\0\x11")), 3),
        Odd("DAC", put(segment(0xCC, b"\0\x10")), 3),
        Odd("3000 segments", put(segment(0xFE) * 3000), 3),
        Odd("a segment of length 0", put(b"\xff\xfe\0\0"), 3),
        Odd("a segment of length 1", put(b"\xff\xfe\0\1"), 3),
        Odd("a frame in a comment", put(segment(0xFE, gray)), 3),
        Odd("frame first", rgb[:2] + frame + before[2:] + tables + pixels, 3),
        Odd("frame last", before + tables + frame + pixels, 3),
        Odd("bytes after the end", rgb + b"\0\0", 3),
        Odd("extended", patch(1, b"\xc1"), 3),
        Odd("arithmetic coding", patch(1, b"\xc9"), 3),
        *(
            Odd(
                f"frame {kind:x}",
                patch(1, bytes([kind])),
                f"hierarchical JPEG file (marker ff {kind:x}",
            )
            for kind in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF)
        ),
        *(
            Odd(f"marker {kind:02x}", put(segment(kind, b"x")), f"the marker ff {kind:02x} before")
            for kind in (0x02, 0xBF, 0xC8, 0xD8, 0xD9, 0xDE, 0xDF, 0xF0, 0xFD)
        ),
        Odd("no frame", before + tables + pixels, "the marker ff da before its frame"),
        Odd("12 bits", patch(4, b"\x0c"), "12 bits per channel"),
        Odd("zero height", patch(5, b"\0\0"), "no dimensions"),
        Odd("zero width", patch(7, b"\0\0"), "no dimensions"),
        Odd("2 components", put(segment(0xC0, frame[4:9] + b"\2" + frame[10:16])), "2 components"),
        Odd("a longer frame", put(segment(0xC0, frame[4:] + b"x")), "3 components in 16 bytes"),
        Odd("cut before the frame", before, "cut off"),
        Odd("cut in the frame", rgb[: begin + 7], "cut off"),
        Odd("cut pixels", rgb[:-30], "cut off"),
        Odd("no end", rgb[:-2], "cut off"),
        Odd("65501 columns", patch(7, struct.pack(">H", 65_501)), "65501x17 pixels are too many"),
    ]


def pngs() -> list[Odd]:
    """Return PNG files."""
    palette = chunk(b"PLTE", b"abcdef")
    largest = chunk(b"PLTE", bytes(range(256)) * 3)
    alpha = chunk(b"tRNS", b"\0\x80")
    text = chunk(b"tEXt", b"a\0b")
    good = png(2)
    wrong_length = good[:8] + chunk(b"IHDR", good[16:29] + b"x") + good[33:]
    return [
        *(
            Odd(f"color {color}, {depth} bits", png(color, depth), channels)
            for color, depths, channels in (
                (0, (1, 2, 4, 8, 16), 1),
                *((2, (8, 16), 3), (4, (8, 16), 2), (6, (8, 16), 4)),
            )
            for depth in depths
        ),
        *(
            Odd(f"color {color}, {depth} bits", png(color, depth), "a PNG file of an unknown kind")
            for color, depth in ((0, 3), (2, 4), (3, 16), (4, 4), (6, 1), (1, 8), (5, 8), (8, 8))
        ),
        *(Odd(f"palette, {depth} bits", png(3, depth, palette), 3) for depth in (1, 2, 4, 8)),
        *(Odd(f"alpha, {depth} bits", png(3, depth, palette, alpha), 4) for depth in (1, 2, 4, 8)),
        Odd("interlaced", png(0, 8, methods=b"\0\0\1"), 1),
        Odd("palette of 256 colors", png(3, 8, largest), 3),
        Odd("palette of too many colors for its bits", png(3, 1, largest), 3),
        Odd("alpha between other chunks", png(3, 8, text, palette, text, alpha, text), 4),
        Odd("alpha before the palette", png(3, 8, alpha, palette), 3),
        Odd("damaged alpha", png(3, 8, palette, spoiled(alpha)), 3),
        Odd("damaged alpha, then another", png(3, 8, palette, spoiled(alpha), alpha), 4),
        Odd("empty alpha", png(3, 8, palette, chunk(b"tRNS")), 3),
        Odd("more alpha than colors", png(3, 8, palette, chunk(b"tRNS", b"abc")), 3),
        Odd("more alpha than bits", png(3, 1, largest, chunk(b"tRNS", b"abc")), 3),
        Odd("gray with alpha", png(0, 8, chunk(b"tRNS", b"\0\1")), 1),
        Odd("RGB with alpha", png(2, 8, chunk(b"tRNS", b"\0\1\0\1\0\1")), 3),
        Odd("RGB with a palette", png(2, 8, palette), 3),
        Odd("unknown chunk", png(2, 8, chunk(b"zzZz", b"x")), 3),
        Odd("damaged text", png(2, 8, spoiled(text)), 3),
        Odd("bytes after the end", good + b"xx", 3),
        Odd("no palette", png(3), "without its palette"),
        Odd("empty palette", png(3, 8, chunk(b"PLTE")), "without its palette"),
        Odd("two palettes", png(3, 8, palette, palette), "damaged palette"),
        Odd("palette of a wrong length", png(3, 8, chunk(b"PLTE", b"abcd")), "damaged palette"),
        Odd("palette of 257 colors", png(3, 8, chunk(b"PLTE", bytes(771))), "damaged palette"),
        Odd("damaged palette", png(3, 8, spoiled(palette)), "damaged palette"),
        Odd(
            "Apple's PNG", png(6, first=chunk(b"CgBI", b"\x50\0\x20\x06")), "CgBI before its header"
        ),
        Odd("text first", png(2, first=text), "tEXt before its header"),
        Odd("unknown chunk first", png(2, first=chunk(b"zzZz", b"x")), 3),
        *(
            Odd(f"{kind.decode()} first", png(2, first=chunk(kind, b"x")), "before its header")
            for kind in (b"eXIf", b"pHYs", b"iCCP", b"tIME", b"tRNS", b"PLTE", b"IDAT")
        ),
        Odd("unknown critical chunk", png(2, 8, chunk(b"ZZZZ")), "ZZZZ before its pixels"),
        Odd("invalid name of a chunk", png(2, 8, chunk(b"a1Zz")), "a1Zz before its pixels"),
        Odd("two headers", png(2, 8, good[8:33]), "IHDR before its pixels"),
        Odd("no pixels", good[:33] + chunk(b"IEND"), "IEND before its pixels"),
        Odd("damaged header", good[:32] + b"x" + good[33:], "its header is damaged"),
        Odd("header of a wrong length", wrong_length, "its header is damaged"),
        Odd("zero width", png(2, size=(0, HEIGHT)), "no dimensions"),
        *(
            Odd(f"methods {methods!r}", png(2, methods=methods), "of an unknown kind")
            for methods in (b"\1\0\0", b"\0\1\0", b"\0\0\2")
        ),
        Odd("1000001 columns", png(2, size=(1_000_001, 1)), "1000001x1 pixels are too many"),
        Odd("2^29 pixels", png(2, size=(32_768, 16_384)), "32768x16384 pixels are too many"),
        Odd("cut header", good[:27], "cut off"),
        Odd("cut before the pixels", good[:33], "cut off"),
        Odd("no end", good[:-12], "cut off"),
    ]
