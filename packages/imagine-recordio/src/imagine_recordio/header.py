"""The header of an image record: IRHeader of mxnet.recordio."""

from __future__ import annotations

import struct

from imagine_common.errors import ImagineError, show
from imagine_common.packing import Image

_HEADER = struct.Struct("<IfQQ")


def image_header(image: Image) -> bytes:
    """Return what stands before an image: flag, label, id and id2, little-endian.

    One label (or none, which means 0) is the label, with flag 0. Several follow the header as
    float32, and the flag is their number. The id is the image's position in the dataset.

    Raises
    ------
    ImagineError
        As `check_labels` does.
    """
    check_labels(image)
    labels = image.labels or (0,)
    if len(labels) == 1:
        return _HEADER.pack(0, labels[0], image.position, 0)
    vector = struct.pack(f"<{len(labels)}f", *labels)
    return _HEADER.pack(len(labels), 0, image.position, 0) + vector


def check_labels(image: Image) -> None:
    """Refuse labels that RecordIO, which stores them as float32, would change.

    Raises
    ------
    ImagineError
        Naming the image.
    """
    for label in image.labels:
        if struct.unpack("<f", struct.pack("<f", label))[0] != label:
            raise ImagineError(
                f"{show(image.path)}: label {label} has no exact float32, as which RecordIO stores"
                f" it; all numbers up to {2**24} have"
            )
