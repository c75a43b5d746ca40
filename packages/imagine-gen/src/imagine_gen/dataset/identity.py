"""The arguments of a dataset as JSON, and the digest that identifies it in stamps."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict

from imagine_common.files.stamps import DATASET_BYTES
from imagine_gen.dataset.options import GROUPS
from imagine_gen.dataset.spec import DatasetSpec


def arguments_of(spec: DatasetSpec, *groups: str) -> dict[str, object]:
    """Return the dimensions, and the options in some groups of the help that are not defaults."""
    found: dict[str, object] = {"width": spec.width, "height": spec.height}
    if spec.sizes:
        found["sizes"] = asdict(spec.sizes)
    for option in (option for group in groups for option in GROUPS[group]):
        if (value := getattr(spec, option.field)) != option.default:
            found[option.field] = value
    return found


def identity(spec: DatasetSpec) -> bytes:
    """Return a digest of all arguments that can change a byte of an image."""
    text = json.dumps(arguments_of(spec, "image", "content"), sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).digest()[:DATASET_BYTES]


def plain(value: object) -> object:
    """Return the value of an argument as a number or a text, for JSON."""
    if isinstance(value, (bytes, os.PathLike)):
        return os.fsdecode(value)
    return value.__index__() if hasattr(value, "__index__") else str(value)
