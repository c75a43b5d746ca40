"""`--card`: a JSON file that describes a dataset, with nothing about the run that made it.

docs/reproducibility.md describes the fields.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from imagine_common import __version__
from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.folders import clear_leftovers
from imagine_common.files.storage import exists, is_file, open_input, output_file
from imagine_common.text import show

_MAX_BYTES = 1 << 24
_NUMBERS = ("start", "count", "first", "images", "bytes")
_DIGEST = re.compile("[0-9a-f]{64}")


@contextmanager
def card_file(args: argparse.Namespace) -> Generator[dict[str, Any]]:
    """Yield a dictionary for the fields of `--card`, and write it unless an error ends the run.

    An older card stays until then. Without `--card`, nothing is written.
    """
    if args.card is None:
        yield {}
        return
    import json

    if args.card in (b"", b"-") or (exists(args.card) and not is_file(args.card)):
        raise UsageError("argument --card: must be a file; standard output is for paths")
    if args.card == args.summary_json:
        raise UsageError("argument --card: not the file of --summary-json")
    _refuse_other(args.card)
    with output_file(args.card) as file:
        clear_leftovers(os.path.dirname(args.card) or b".")
        card = {"tool": args.prog, "version": __version__, "libraries": [*args.libraries()]}
        yield card
        _refuse_other(args.card)  # The run itself may have written it.
        file.write([json.dumps(card, indent=2).encode() + b"\n"])


def _refuse_other(path: bytes) -> None:
    """Raise an `ImagineError` if a file exists that is no card, such as an image of the dataset."""
    if exists(path):
        with open_input(path, "a card") as file:
            if file.read_at(0, 1) not in (b"", b"{"):
                raise ImagineError(f"{show(path)}: exists and is no card; --card only replaces one")


def read_card(path: bytes) -> dict[str, Any]:
    """Return the card of a dataset of images, or raise an `ImagineError` that names the file."""
    import json

    with open_input(path, "a card") as file:
        data = file.read_at(0, _MAX_BYTES)
    try:
        card: dict[str, Any] = json.loads(data)
        numbers = [card[name] for name in _NUMBERS]
        is_card = isinstance(card["arguments"], dict) and _DIGEST.fullmatch(card["digest"])
        if is_card and all(type(number) is int and number >= 0 for number in numbers):
            return card
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise ImagineError(f"{show(path)}: not a card that imagine-gen --card wrote")
