"""The record of an image: IRHeader of mxnet.recordio, labels, and the image's file."""

from __future__ import annotations

import struct

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer
from imagine_common.packers.records import Image
from imagine_common.text import show
from imagine_recordio.framing import MAX_LENGTH, frame, frame_size

HEADER = struct.Struct("<IfQQ")  # flag, label, id, id2; little-endian
LABEL_BYTES = 4


def image_record(image: Image) -> list[Buffer]:
    """Return an image's record in its frame, in pieces: the image is not copied.

    One label (or none, which means 0) is the header's label, with flag 0. Several follow the header
    as float32, and the flag is their number. The id is the image's position in the dataset, or what
    a list gives for it.
    """
    return frame([_header(image.position, image.labels), image.data])


def least_record_size(image: Image) -> int:
    """Return the bytes of an image's record in its frame, where it needs no cutting."""
    return frame_size(_header_size(image.labels) + image.size)


def image_limit(image: Image) -> int:
    """Return the most bytes that an image with this image's path and labels may have.

    Raises
    ------
    ImagineError
        For whole numbers as labels which RecordIO, that stores them as float32, would change, and
        others that are too large for it. Fractions are rounded.
    """
    for label in image.labels:
        try:
            stored = struct.unpack("<f", struct.pack("<f", float(label)))[0]
        except OverflowError:
            stored = None
        if stored is None or (stored != label and label == int(label)):
            raise ImagineError(
                f"{show(image.path)}: label {label} has no exact float32, as which RecordIO stores"
                f" it; all numbers up to {2**24} have"
            )
    return MAX_LENGTH - _header_size(image.labels)


def _header(position: int, labels: tuple[float, ...]) -> bytes:
    if len(labels) <= 1:
        return HEADER.pack(0, sum(labels), position, 0)
    return HEADER.pack(len(labels), 0, position, 0) + struct.pack(f"<{len(labels)}f", *labels)


def _header_size(labels: tuple[float, ...]) -> int:
    return HEADER.size + LABEL_BYTES * (len(labels) if len(labels) > 1 else 0)
