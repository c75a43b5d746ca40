"""Add the label offset."""

from __future__ import annotations

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import INT64_MAX
from imagine_common.packers.records import Image
from imagine_common.text import show


def offset_labels(image: Image, offset: int) -> Image:
    """Return an image with a number added to each of its labels, or to the 0 of one without.

    Raises
    ------
    ImagineError
        If a label would be over 2**63 - 1, or become negative.
    """
    if not offset:
        return image
    labels = tuple(label + offset for label in image.labels or (0,))
    for before, label in zip(image.labels or (0,), labels):
        if label > INT64_MAX or label < 0 <= before:
            raise ImagineError(
                f"{show(image.path)}: label {before} with the offset {offset} is"
                f" {'negative' if label < 0 else f'over {INT64_MAX}'}"
            )
    return image._replace(labels=labels)
