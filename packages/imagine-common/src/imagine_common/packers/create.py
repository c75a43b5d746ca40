"""Pack a folder in one call: what `create_tfrecords` and `create_recordio` share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias, TypedDict

from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Shard
from imagine_common.packers.sources.folder import FolderSource

PathLike: TypeAlias = "str | bytes | os.PathLike[str]"


class PackSummary(NamedTuple):
    """What a run wrote or kept: files, records and bytes; and its duration in seconds."""

    files: int
    records: int
    bytes: int
    seconds: float


class PackOptions(TypedDict, total=False):
    """Keywords that the function of each format takes, besides its own.

    Attributes
    ----------
    recursive : bool
        Whether to pack the images in the folders below, too.
    labels_from_dirs : bool
        Whether to label each image with the place of its folder among the folders directly in the
        source, sorted by name. Implies `recursive`; images outside these folders are not packed.

    The others are attributes of `PackSpec`, which describes them.
    """

    resume: bool
    skip_invalid: bool
    fsync: bool
    recursive: bool
    labels_from_dirs: bool
    label_offset: int
    name_format: str | None


def create_records(
    pack: Callable[[FolderSource, PackSpec], Iterable[Shard]],
    source_path: PathLike,
    dest_path: PathLike,
    name: str,
    img_per_file: int,
    *,
    resume: bool = False,
    skip_invalid: bool = False,
    fsync: bool = False,
    recursive: bool = False,
    labels_from_dirs: bool = False,
    label_offset: int = 0,
    name_format: str | None = None,
) -> PackSummary:
    """Pack the images of a folder with a format's function and return what it wrote.

    The keywords are those of `PackOptions`.
    """
    spec = PackSpec(
        os.fsencode(dest_path),
        os.fsencode(name),
        img_per_file,
        resume=resume,
        skip_invalid=skip_invalid,
        fsync=fsync,
        label_offset=label_offset,
        name_format=None if name_format is None else os.fsencode(name_format),
    )
    source = FolderSource(os.fsencode(source_path), skip_invalid, recursive, labels_from_dirs)
    start = time.perf_counter()
    files = records = size = 0
    for shard in pack(source, spec):
        files += shard.records > 0
        records += shard.records
        size += shard.size
    return PackSummary(files, records, size, time.perf_counter() - start)
