"""Pack a folder in one call: the part that `create_tfrecords` and `create_recordio` share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypedDict

from imagine_common.errors import UsageError
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.packing import pack
from imagine_common.packers.records import RecordFile
from imagine_common.packers.shards.files import ShardFiles
from imagine_common.packers.shards.record_format import RecordFormat
from imagine_common.packers.sources.base import LineSource, Source, StreamSource
from imagine_common.packers.sources.folder import FolderSource
from imagine_common.parallel.ordered_map import Workers
from imagine_common.signatures import PathLike, check_types, named_by_parameter


def pack_records(
    source: Source,
    spec: PackSpec,
    workers: Workers | None,
    written: Callable[[RecordFile], object],
    record_format: Callable[..., RecordFormat],
    *own: object,
) -> Generator[RecordFile]:
    """Pack the images of a source; `own` are the arguments of `record_format`."""
    with named_by_parameter():
        check_types({"spec": spec, "workers": workers}, pack_records.__annotations__)
        if not isinstance(source, (LineSource, StreamSource)):
            raise UsageError(f"argument --source: must be a source of images, not {source!r}")
        return pack(source, ShardFiles(spec, record_format(spec, *own)), workers, written)


class PackSummary(NamedTuple):
    """What a run wrote or kept: files, records and bytes; and its duration in seconds.

    `skipped` has the error of each image that was left out, and `warnings` what the folders have
    besides images and files of this run.
    """

    files: int
    records: int
    bytes: int
    seconds: float
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class PackOptions(TypedDict, total=False):
    """The keywords that the function of each format takes besides its own, and describes."""

    workers: Workers | None
    resume: bool
    skip_invalid: bool
    fsync: bool
    recursive: bool
    labels_from_dirs: bool
    exclude: Sequence[str | bytes]
    skip_empty_classes: bool
    label_offset: int
    name_format: PathLike | None
    layout: str
    subfolders: int | None
    expect: int | None
    clean: bool
    keep_others: bool | None


_FOLDER_DEFAULTS: dict[str, object] = {
    "recursive": False,
    "labels_from_dirs": False,
    "exclude": (),
    "skip_empty_classes": False,
}
OPTION_DEFAULTS = {
    name: getattr(PackSpec, name, _FOLDER_DEFAULTS.get(name))
    for name in PackOptions.__annotations__
}


def create_records(
    source_path: PathLike,
    dest_path: PathLike,
    name: PathLike,
    img_per_file: int,
    options: PackOptions,
    record_format: Callable[..., RecordFormat],
    *own: object,
) -> PackSummary:
    """Pack the images of a folder; `own` are the arguments of `record_format`."""
    kinds = {key: kind.__forward_arg__ for key, kind in PackOptions.__annotations__.items()}
    check_types(options, kinds)
    values: dict[str, Any] = {**OPTION_DEFAULTS, **options}
    workers = values.pop("workers")
    recursive, labels_from_dirs, exclude, skip_empty = map(values.pop, _FOLDER_DEFAULTS)
    only_warns = values["keep_others"] is None
    values["skip_invalid"] = values["skip_invalid"] or only_warns
    if values["name_format"] is not None:
        values["name_format"] = os.fsencode(values["name_format"])
    spec = PackSpec(dest_path, name, img_per_file, **values)
    exclude = [os.fsencode(pattern) for pattern in exclude]
    source = FolderSource(
        os.fsencode(source_path), recursive, labels_from_dirs, exclude, skip_empty, only_warns
    )
    start = time.perf_counter()
    files = records = size = 0
    skipped: list[str] = []
    warned: list[str] = []
    shard_files = ShardFiles(spec, record_format(spec, *own))
    for shard in pack(source, shard_files, workers, warn=warned.append):
        files += shard.records > 0
        records += shard.records
        size += shard.size
        skipped += shard.skipped
    seconds = time.perf_counter() - start
    warned += source.warnings()
    return PackSummary(files, records, size, seconds, tuple(skipped), tuple(warned))
