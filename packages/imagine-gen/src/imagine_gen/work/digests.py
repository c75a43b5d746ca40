"""The digests of images for `--card`, which are computed where images are made or read."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from zlib_ng.zlib_ng import crc32

from imagine_common.files.output import Buffer
from imagine_common.files.reading import read_pieces
from imagine_common.files.storage import open_input
from imagine_common.parallel.begun import finished
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.work.units import Work

_IMAGE = struct.Struct(">QQI")  # index, size, CRC-32


def with_digests(
    work: Work[Any], spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[Any]:
    """Do work on a unit, and give each result the digest of its image; kept files are read."""
    digests = _Digests(encoder)
    results = finished(work(spec, digests, indexes))
    for index, result in zip(indexes, results):
        if index not in digests.found and result.size:
            digests.read(index, spec.image_path(index))
    found = digests.found
    return [result._replace(digest=found.get(at, 0)) for at, result in zip(indexes, results)]


class _Digests(ImageEncoder):
    """Encodes images with another encoder, and computes the digests of those that are `found`."""

    def __init__(self, encoder: ImageEncoder) -> None:
        from hashlib import sha256  # Slow to import, and only cards need it.

        self._sha256 = sha256
        self._encoder = encoder
        self.dataset = encoder.dataset
        self.found: dict[int, int] = {}

    def wanted_size(self, index: int) -> int | None:
        """Return the size in bytes that an image's file must have, or None for any."""
        return self._encoder.wanted_size(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image."""
        image = self._encoder.encode(index)
        return image._replace(buffers=self._summed(index, image.buffers))

    def read(self, index: int, path: bytes) -> None:
        """Compute the digest of an existing file."""
        with open_input(path, "an image file") as file, file.stream() as stream:
            deque(self._summed(index, read_pieces(stream, file.size)), maxlen=0)

    def _summed(self, index: int, buffers: Iterable[Buffer]) -> Iterator[Buffer]:
        size = crc = 0
        for buffer in buffers:
            size += len(buffer)
            crc = crc32(buffer, crc)
            yield buffer
        digest = self._sha256(_IMAGE.pack(index, size, crc)).digest()
        self.found[index] = int.from_bytes(digest, "big")
