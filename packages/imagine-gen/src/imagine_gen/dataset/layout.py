"""The folders of a dataset: one for all images, one for each class, or numbered ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagine_common.files.folders import subfolders

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

FLAT, IMAGEFOLDER = "flat", "imagefolder"

_NUMBERED_DIGITS = 6
_SUBFOLDER = re.compile(rb"(?:class_)?[0-9]+")


def subfolder(spec: DatasetSpec, index: int) -> bytes:
    """Return the name of the folder of an image in the dataset's folder; empty for that folder.

    The numbers of class folders have one length, because readers derive labels from the order of
    the names.
    """
    if spec.layout == IMAGEFOLDER and spec.classes is not None:
        return b"class_%0*d" % (len(str(spec.classes - 1)), index % spec.classes)
    if spec.files_per_dir is not None:
        return b"%0*d" % (_NUMBERED_DIGITS, index // spec.files_per_dir)
    return b""


def has_subfolders(spec: DatasetSpec) -> bool:
    """Return whether images go into folders below the dataset's folder."""
    return spec.layout == IMAGEFOLDER or spec.files_per_dir is not None


def folders(spec: DatasetSpec) -> Iterator[bytes]:
    """Yield the dataset's folder, and the existing folders in it that have names of its layout."""
    yield spec.path
    if not has_subfolders(spec):
        return
    for name in subfolders(spec.path):
        if _SUBFOLDER.fullmatch(name):
            yield os.path.join(spec.path, name)
