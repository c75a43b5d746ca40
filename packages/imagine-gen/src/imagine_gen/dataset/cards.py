"""What identifies a dataset: the digest in stamps, and the fields of cards, which can be joined."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from imagine_common.cli.card import read_card
from imagine_common.cli.report import Report
from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.stamps import DATASET_BYTES
from imagine_common.text import show
from imagine_gen.dataset.dimensions import SizeList, SizeRange
from imagine_gen.dataset.options import GROUPS
from imagine_gen.dataset.spec import DatasetSpec


def digest_text(digest: int) -> str:
    """Return the sum of digests as cards have it."""
    return f"{digest % 2**256:064x}"


def fields_of(spec: DatasetSpec, first: int, report: Report, digest: int) -> dict[str, object]:
    """Return the fields of a card of the images of a report, from index `first` on."""
    arguments = json.loads(_arguments(spec, *GROUPS))
    dataset = {name: arguments.pop(name, getattr(spec, name)) for name in ("start", "count")}
    images = {"first": first, "images": report.images, "bytes": report.size}
    return {"arguments": arguments, **dataset, **images, "digest": digest_text(digest)}


def identity(spec: DatasetSpec) -> bytes:
    """Return a digest of all arguments that can change a byte of an image, for stamps."""
    text = _arguments(spec, "image", "content")
    return hashlib.sha256(text.encode()).digest()[:DATASET_BYTES]


def _arguments(spec: DatasetSpec, *groups: str) -> str:
    """Return the dimensions, and the options in some groups of the help that are not defaults."""
    found: dict[str, object] = {"width": spec.width, "height": spec.height}
    if spec.sizes:
        found["sizes"] = asdict(spec.sizes)
    for option in (option for group in groups for option in GROUPS[group]):
        if (value := getattr(spec, option.field)) != option.default:
            found[option.field] = value
    return json.dumps(found, sort_keys=True, default=_plain)


def _plain(value: Any) -> object:
    if isinstance(value, (bytes, os.PathLike)):
        return os.fsdecode(value)
    return value.__index__() if hasattr(value, "__index__") else str(float(value))  # a ratio


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
