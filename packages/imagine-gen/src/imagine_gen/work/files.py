"""From an image to its file: making it, or keeping the one that exists.

A file can be kept if its header and its end are as they would be. Formats without an end marker
must not end in zeros, which a power failure leaves.
"""

from __future__ import annotations

import io
import os
import warnings
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files.folders import clear_leftovers, create_subfolder
from imagine_common.files.image_ends import GIF_HEAD_BYTES, TAIL_BYTES, gif_palette_bytes, has_end
from imagine_common.files.image_headers import read_header
from imagine_common.files.output import OutputFile
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.stamps import check_stamp
from imagine_common.files.storage import open_input, output_file, sync_file
from imagine_common.files.urls import is_remote, local_path
from imagine_common.host.threads import check_stopped, worker_process
from imagine_common.parallel.progress import progress
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder

_PLUGINS = {"AVIF": "Avif", "GIF": "Gif", "JPEG2000": "Jpeg2K", "TIFF": "Tiff", "WEBP": "WebP"}
_READ_WHOLE = ("AVIF", "WEBP")  # by Pillow, for the header of an image
_HEAD_BYTES = 1 << 16
_WINDOW_BYTES = 64  # Only a file's header and its end are read.


class FinishedFile(NamedTuple):
    """The file of an image: its size in bytes, its bytes of filler, and whether it was kept.

    `digest` is for `--card`, and 0 without it.
    """

    size: int
    filler: int = 0
    kept: bool = False
    digest: int = 0


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
        size = existing_size(spec, encoder.dataset, index) if resume else 0
        file = kept_file(encoder, index, size)
        if file is None:
            with output_file(path, fsync) as output:
                file = write_image(output, encoder, index)
        elif fsync:
            sync_file(path)
        files.append(file)
        progress.advance()
    return files


def kept_file(encoder: ImageEncoder, index: int, size: int) -> FinishedFile | None:
    """Return an image's existing file of `size` bytes, or None if it has to be made."""
    keeps = size and encoder.wanted_size(index) in (None, size)
    return FinishedFile(size, kept=True) if keeps else None


def write_image(file: OutputFile, encoder: ImageEncoder, index: int) -> FinishedFile:
    """Write an image to an open file, and return what the file will be once it is closed."""
    buffers, filler, _ = encoder.encode(index)
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


def existing_size(spec: DatasetSpec, dataset: bytes, index: int) -> int:
    """Return the bytes of an image's file, or 0 if it is not complete or not as asked for.

    A `dataset` is that in its stamp; an image without one must have none.
    """
    try:
        with open_input(spec.image_path(index), "an image file") as file:
            spec = spec.of_image(index)
            contents = FileSlice(file.read_at, 0, _WINDOW_BYTES)
            stamp = check_stamp(contents, 0, file.size)
            if (stamp or (b"", index)) != (dataset, index):
                return 0
            if spec.format.pillow:
                header = read_complete(file, spec.format.pillow)
                return file.size if header == (spec.width, spec.height, spec.mode) else 0
            wanted = (spec.image_format, spec.width, spec.height, spec.mode)
            is_whole = _is_whole(contents, file.size)
            return file.size if is_whole and read_header(contents)[:4] == wanted else 0
    except ImagineError:
        return 0  # Replacing the file reports what is wrong with it.


def read_complete(file: InputFile, kind: str) -> tuple[int, int, str] | None:
    """Return width, height and mode of a file, or None if it is broken, cut or of another kind.

    `kind` is Pillow's name of the format. A GIF file has mode L if its palette is gray.
    """
    contents = FileSlice(file.read_at, 0)
    if not _is_whole(contents, file.size):
        return None
    if kind == "TIFF" and worker_process.is_set():
        silence_pillow()
    try:
        # `Image.open` would refuse large images as decompression bombs.
        plugin = import_module(f"PIL.{_PLUGINS[kind]}ImagePlugin")
        opener = getattr(plugin, f"{_PLUGINS[kind]}ImageFile")
        size = file.size if kind in _READ_WHOLE else _HEAD_BYTES
        image = opener(io.BytesIO(file.read_at(0, size)), "")
    except Exception:  # Pillow raises many types for a broken file.
        return None
    return (*image.size, _gif_mode(contents) if kind == "GIF" else image.mode)


@lru_cache(maxsize=1)
def silence_pillow() -> None:
    """Keep Pillow silent about broken TIFF files, which are made again, while this process lives.

    Threads share filters, so this is only for processes that belong to a tool or its workers.
    """
    import logging

    warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
    logging.getLogger("PIL.TiffImagePlugin").addHandler(logging.NullHandler())


def _is_whole(contents: FileSlice, size: int) -> bool:
    """Return whether a file has its end, and not 16 zeros; a row of BMP is padded with only 3."""
    return has_end(contents, size) and any(contents[max(0, size - TAIL_BYTES) : size])


def _gif_mode(contents: FileSlice) -> str:
    palette = contents[GIF_HEAD_BYTES : GIF_HEAD_BYTES + gif_palette_bytes(contents, 10)]
    return "L" if palette[0::3] == palette[1::3] == palette[2::3] else "RGB"
