"""From an image to its file: making it, or keeping the one that exists."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from imagine_common.files.folders import clear_leftovers, create_subfolder
from imagine_common.files.output import OutputFile
from imagine_common.files.storage import output_file, sync_file
from imagine_common.files.urls import is_remote, local_path
from imagine_common.host.threads import check_stopped
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.existing import existing_size


class FinishedFile(NamedTuple):
    """The file of an image: its size in bytes, its bytes of filler, and whether it was kept."""

    size: int
    filler: int = 0
    kept: bool = False


def make_images(
    resume: bool, fsync: bool, run: bytes, spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[FinishedFile]:
    """Make the files of a unit's images on a disk; with `resume`, keep those that exist.

    With `fsync`, they are on the disk in the end. `run` is different in every run, because folders
    made by an earlier run of this process may be gone.
    """
    files = []
    for index in indexes:
        check_stopped()
        path = spec.image_path(index)
        if spec.has_subfolders:
            _enter_folder(os.path.dirname(local_path(path)), fsync, run)
        size = existing_size(spec.of_image(index), path) if resume else 0
        file = kept_file(encoder, index, size)
        if file is None:
            with output_file(path, fsync) as output:
                file = write_image(output, encoder, index)
        elif fsync:
            sync_file(path)
        files.append(file)
    return files


def kept_file(encoder: ImageEncoder, index: int, size: int) -> FinishedFile | None:
    """Return an image's existing file of `size` bytes, or None if it has to be made."""
    keeps = size and encoder.wanted_size(index) in (None, size)
    return FinishedFile(size, kept=True) if keeps else None


def write_image(file: OutputFile, encoder: ImageEncoder, index: int) -> FinishedFile:
    """Write an image to an open file, and return what the file will be once it is closed."""
    buffers, filler = encoder.encode(index)
    file.write(buffers)
    file.flush()
    return FinishedFile(file.size, filler)


def clear_folders(spec: DatasetSpec) -> None:
    """Remove what dead processes of this host left in a dataset's folders on a disk."""
    for folder in () if is_remote(spec.path) else spec.folders():
        clear_leftovers(folder)


@lru_cache(maxsize=1 << 16)
def _enter_folder(folder: bytes, fsync: bool, _run: bytes) -> None:
    """Make a folder, or clear what dead processes left in it; once in each process and run."""
    if not create_subfolder(folder, fsync):
        clear_leftovers(folder)
