"""The record of an image: an IRHeader of mxnet.recordio, labels, and the image's file."""

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
    """Return an image's record in its frame, as buffers: the image itself is not copied.

    A single label (0 if there is none) is in the header, with flag 0. Several labels follow the
    header as float32, and the flag is their number. The id is the image's position.
    """
    return frame([_header(image.position, image.labels), image.data])


def least_record_size(image: Image) -> int:
    """Return the bytes of an image's record in its frame, if it is not split."""
    return frame_size(_header_size(image.labels) + image.size)


def image_limit(image: Image) -> int:
    """Return the largest size in bytes of an image with this image's labels.

    Labels must fit into float32, and float32 may round fractions, but not whole numbers.
    """
    for label in image.labels:
        try:
            stored = struct.unpack("<f", struct.pack("<f", float(label)))[0]
        except OverflowError:
            stored = None
        if stored is None or (stored != label and label == int(label)):
            raise ImagineError(
                f"{show(image.path)}: label {label} has no exact float32, which RecordIO needs;"
                f" all whole numbers up to {2**24} have one"
            )
    return MAX_LENGTH - _header_size(image.labels)


def _header(position: int, labels: tuple[float, ...]) -> bytes:
    if len(labels) <= 1:
        return HEADER.pack(0, sum(labels), position, 0)
    return HEADER.pack(len(labels), 0, position, 0) + struct.pack(f"<{len(labels)}f", *labels)


def _header_size(labels: tuple[float, ...]) -> int:
    return HEADER.size + LABEL_BYTES * (len(labels) if len(labels) > 1 else 0)
