"""Stamped images: a stamp is added to the files of another encoder."""

from __future__ import annotations

from zlib_ng.zlib_ng import crc32

from imagine_common.files.output import Buffer
from imagine_common.files.stamps import MAGIC, PLACES
from imagine_gen.dataset.cards import identity
from imagine_gen.dataset.formats import BMP_HEADER_BYTES
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder

_AFTER_APP0 = 20  # All JPEG files here begin with JFIF's segment.


class StampingEncoder(ImageEncoder):
    """Adds a stamp to each image, which carries the dataset's identity and the image's index."""

    def __init__(self, spec: DatasetSpec, encoder: ImageEncoder) -> None:
        self.dataset = identity(spec)
        self._encoder = encoder
        self._place = PLACES[spec.image_format]
        self._head = self._place.head + MAGIC + self.dataset
        # The offset of stamps near the beginning of files.
        begins = {"jpg": _AFTER_APP0, "bmp": BMP_HEADER_BYTES[spec.mode]}
        self._begins = begins.get(spec.image_format)

    def wanted_size(self, index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        size = self._encoder.wanted_size(index)
        return None if size is None else size + self._place.size

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        buffers, filler, _ = self._encoder.encode(index)
        stamp = self._head + index.to_bytes(8, "big")
        place = self._place
        before: list[Buffer]
        after: list[Buffer]
        if self._begins is not None:
            first, *after = buffers
            after.insert(0, first[self._begins :])
            before = [bytes(first[: self._begins]) + stamp]
        else:
            *before, last = buffers
            cut = len(last) - place.end
            before += last[:cut], stamp
            after = [last[cut:]]
        for at in place.sizes:
            first = bytes(before[0])
            size = int.from_bytes(first[at : at + 4], "little") + place.size
            before[0] = b"%b%b%b" % (first[:at], size.to_bytes(4, "little"), first[at + 4 :])
        crc = 0
        for buffer in before + after:
            crc = crc32(buffer, crc)
        packed = crc.to_bytes(4, "big")
        if place.after:  # a PNG chunk's own, of its type and data
            packed += crc32(packed, crc32(stamp[4:])).to_bytes(4, "big")
        return EncodedImage([*before, packed, *after], filler)
