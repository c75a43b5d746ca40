"""Where a dataset's images go below its folder: all into it, by class, or so many to a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.files.folders import subfolders

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

FLAT, IMAGEFOLDER = "flat", "imagefolder"
LAYOUTS = (FLAT, IMAGEFOLDER)

_NUMBERED_DIGITS = 6
_SUBFOLDER = re.compile(rb"(?:class_)?[0-9]+")


def check_layout(spec: DatasetSpec) -> None:
    """Refuse a layout that can't be meant.

    Raises
    ------
    UsageError
        Where the layout is unknown, or doesn't go with what else is asked for.
    """
    if spec.layout not in LAYOUTS:
        raise UsageError(
            f"argument --layout: unknown layout {spec.layout!r}; known are {', '.join(LAYOUTS)}"
        )
    if spec.layout == IMAGEFOLDER and spec.classes is None:
        raise UsageError("argument --layout: imagefolder needs --classes, a folder for each")
    if spec.layout == IMAGEFOLDER and spec.files_per_dir is not None:
        raise UsageError("argument --files-per-dir: not with --layout imagefolder")


def subfolder(spec: DatasetSpec, index: int) -> bytes:
    """Return the folder of an image below the dataset's; empty for the dataset's own.

    Class folders have numbers of one length, so that the order of their names, from which readers
    take labels, is that of the labels.
    """
    if spec.layout == IMAGEFOLDER and spec.classes is not None:
        return b"class_%0*d" % (len(str(spec.classes - 1)), index % spec.classes)
    if spec.files_per_dir is not None:
        return b"%0*d" % (_NUMBERED_DIGITS, index // spec.files_per_dir)
    return b""


def has_subfolders(spec: DatasetSpec) -> bool:
    """Tell whether images go into folders below the dataset's."""
    return spec.layout == IMAGEFOLDER or spec.files_per_dir is not None


def folders(spec: DatasetSpec) -> Iterator[bytes]:
    """Yield the dataset's folder, and those below it that are there and named as ours are.

    Raises
    ------
    ImagineError
        Where the folder can't be read.
    """
    yield spec.path
    if not has_subfolders(spec):
        return
    for name in subfolders(spec.path):
        if _SUBFOLDER.fullmatch(name):
            yield os.path.join(spec.path, name)
