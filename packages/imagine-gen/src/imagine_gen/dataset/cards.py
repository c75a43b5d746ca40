"""The cards of datasets: their fields, and how those of parts are joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from imagine_common.cli.card import read_card
from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError
from imagine_common.text import show
from imagine_gen.dataset.dimensions import SizeList, SizeRange
from imagine_gen.dataset.identity import arguments_of, plain
from imagine_gen.dataset.options import GROUPS
from imagine_gen.dataset.spec import DatasetSpec


def digest_text(digest: int) -> str:
    """Return the sum of digests as cards have it."""
    return f"{digest % 2**256:064x}"


def fields_of(spec: DatasetSpec, first: int, report: Report, digest: int) -> dict[str, object]:
    """Return the fields of a card of the images of a report, from index `first` on."""
    arguments = arguments_of(spec, *GROUPS)
    for name in ("start", "count"):
        arguments.pop(name, None)
    return {
        "arguments": json.loads(json.dumps(arguments, sort_keys=True, default=plain)),
        "start": spec.start,
        "count": spec.count,
        "first": first,
        "images": report.images,
        "bytes": report.size,
        "digest": digest_text(digest),
    }


def dataset_of(file: bytes, card: dict[str, Any], **others: Any) -> DatasetSpec:
    """Return the dataset that the card in a file describes; `others` are further arguments."""
    values = dict(card["arguments"])
    try:
        if sizes := values.pop("sizes", None):
            kind: Any = SizeRange if "widths" in sizes else SizeList
            values["sizes"] = kind(**{name: _tuples(value) for name, value in sizes.items()})
        if card["images"] != card["count"]:
            values["whole_count"] = card["count"]
        return DatasetSpec(start=card["first"], count=card["images"], **values, **others)
    except (UsageError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, UsageError) else "it has unknown arguments"
        raise ImagineError(f"{show(file)}: not a card that can be verified: {reason}") from None


def _tuples(value: object) -> object:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def join_cards(paths: Sequence[bytes]) -> dict[str, Any]:
    """Return the card of a dataset, given those of all of its parts.

    Raises
    ------
    ImagineError
        If a card can't be read, is of another dataset, or parts overlap or are missing.
    """
    cards = sorted(((read_card(path), path) for path in paths), key=lambda pair: pair[0]["first"])
    joined, _ = cards[0]
    end = min(card["start"] for card, _ in cards)
    last = max(card["start"] + card["count"] for card, _ in cards)
    totals = {"start": end, "count": last - end, "first": end, "images": last - end}
    size = digest = 0
    for card, path in cards:
        for name in ("tool", "version", "libraries", "arguments"):
            if card.get(name) != joined.get(name):
                known = show(cards[0][1])
                raise ImagineError(f"{show(path)}: its {name!r} is not that of {known}")
        if card["images"] and card["first"] != end:
            fault = "are missing before it" if card["first"] > end else "overlap with it"
            first, after = sorted((card["first"], end))
            raise ImagineError(f"{show(path)}: images {first} to {after - 1} {fault}")
        end += card["images"]
        size += card["bytes"]
        digest += int(card["digest"], 16)
    if end != last:
        raise ImagineError(f"{show(cards[-1][1])}: images {end} to {last - 1} are missing after it")
    return {**joined, **totals, "bytes": size, "digest": digest_text(digest)}
