"""What happens to labels between the source and the record."""

from __future__ import annotations

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import INT64_MAX, Entry
from imagine_common.text import show


def offset_labels(entry: Entry, offset: int) -> Entry:
    """Return an entry with a number added to each of its labels, or to the 0 of one without.

    Raises
    ------
    ImagineError
        Where a label is over 2**63 - 1 then, or becomes negative.
    """
    if not offset:
        return entry
    labels = tuple(label + offset for label in entry.labels or (0,))
    for before, label in zip(entry.labels or (0,), labels):
        if label > INT64_MAX or label < 0 <= before:
            raise ImagineError(
                f"{show(entry.path)}: label {before} with the offset {offset} is"
                f" {'negative' if label < 0 else f'over {INT64_MAX}'}"
            )
    return Entry(entry.path, labels)
