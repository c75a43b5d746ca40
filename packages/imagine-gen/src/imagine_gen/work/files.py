"""From an image to its file: making it, or keeping the one that exists.

A file can be kept if its header and its end are as they would be. Pillow reads a header only and
does not notice a cut, so the end of each of its formats is checked here. Of WebP and AVIF files it
reads all bytes, without decoding them. Formats without an end marker must not end in zeros, which a
power failure leaves.
"""

from __future__ import annotations

import os
import struct
import warnings
from functools import lru_cache
from importlib import import_module
from typing import IO, Any, NamedTuple, cast

from imagine_common.errors import ImagineError
from imagine_common.files.folders import clear_leftovers, create_subfolder
from imagine_common.files.image_ends import TAIL_BYTES, has_end
from imagine_common.files.image_headers import read_header
from imagine_common.files.output import OutputFile
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.storage import open_input, output_file, sync_file
from imagine_common.files.urls import is_remote, local_path
from imagine_common.host.threads import check_stopped, worker_process
from imagine_common.parallel.progress import progress
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder

_PLUGINS = {"AVIF": "Avif", "GIF": "Gif", "JPEG2000": "Jpeg2K", "TIFF": "Tiff", "WEBP": "WebP"}
_WINDOW_BYTES = 64  # Only a file's header and its end are read.
_MAX_BOXES = 64
_GIF_HEAD_BYTES = 13
_STRIP_OFFSETS, _STRIP_BYTES = 273, 279  # TIFF 6.0, section 8


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
        progress.advance()
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


def existing_size(spec: DatasetSpec, path: bytes) -> int:
    """Return the bytes of an image's file, or 0 if it is not complete or not as asked for."""
    try:
        with open_input(path, "an image file") as file:
            if spec.format.pillow:
                header = read_complete(file, spec.format.pillow)
                return file.size if header == (spec.width, spec.height, spec.mode) else 0
            contents = FileSlice(file.read_at, 0, _WINDOW_BYTES)
            wanted = (spec.image_format, spec.width, spec.height, spec.mode)
            is_whole = has_end(contents, file.size) and not _ends_in_zeros(contents, file.size)
            return file.size if is_whole and read_header(contents)[:4] == wanted else 0
    except ImagineError:
        return 0  # Replacing the file reports what is wrong with it.


def read_complete(file: InputFile, kind: str) -> tuple[int, int, str] | None:
    """Return width, height and mode of a file, or None if it is broken, cut or of another kind.

    `kind` is Pillow's name of the format. A GIF file has mode L if its palette is gray.
    """
    if kind == "TIFF" and worker_process.is_set():
        silence_pillow()
    try:
        # `Image.open` would refuse large images as decompression bombs.
        plugin = import_module(f"PIL.{_PLUGINS[kind]}ImagePlugin")
        opener = getattr(plugin, f"{_PLUGINS[kind]}ImageFile")
        image = opener(cast(IO[bytes], _Stream(file)), "")
        if not _has_end(file, kind, image):
            return None
    except Exception:  # Pillow raises many types for a broken file.
        return None
    width, height = image.size
    return (width, height, _gif_mode(file) if kind == "GIF" else image.mode)


@lru_cache(maxsize=1)
def silence_pillow() -> None:
    """Keep Pillow silent about broken TIFF files, which are made again, while this process lives.

    Threads share filters, so this is only for processes that belong to a tool or its workers.
    """
    import logging

    warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
    logging.getLogger("PIL.TiffImagePlugin").addHandler(logging.NullHandler())


def _has_end(file: InputFile, kind: str, image: Any) -> bool:
    size = file.size
    if kind == "GIF":
        return _gif_end(FileSlice(file.read_at, 0)) == size
    if kind == "JPEG2000":
        return file.read_at(4, 4) == b"jP  " and file.read_at(size - 2, 2) == b"\xff\xd9"
    if _ends_in_zeros(FileSlice(file.read_at, 0, TAIL_BYTES), size):
        return False
    if kind == "WEBP":
        return 8 + int.from_bytes(file.read_at(4, 4), "little") == size
    if kind == "TIFF":
        strips = zip(image.tag_v2[_STRIP_OFFSETS], image.tag_v2[_STRIP_BYTES])
        return all(offset + length <= size for offset, length in strips)
    return _ends_with_box(file)


def _ends_in_zeros(contents: FileSlice, size: int) -> bool:
    """Return whether the last 16 bytes are zeros; a row of BMP is padded with only 3."""
    return not any(contents[max(0, size - TAIL_BYTES) : size])


def _ends_with_box(file: InputFile) -> bool:
    """Return whether a file of boxes (ISO/IEC 14496-12) has its pixels and ends with a box."""
    begin, kinds = 0, set()
    for _ in range(_MAX_BOXES):
        length, kind = struct.unpack(">I4s", file.read_at(begin, 8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read_at(begin + 8, 8))
        kinds.add(kind)
        begin = begin + length if length else file.size
        if begin >= file.size:
            break
    return begin == file.size and b"mdat" in kinds


def _gif_end(data: FileSlice) -> int | None:
    """Return the offset after a GIF file's trailer, or None if its blocks don't lead to one."""
    offset = _GIF_HEAD_BYTES + _palette_bytes(data, 10)
    while (kind := data[offset : offset + 1]) != b";":
        if kind == b",":  # an image: its descriptor, palette and code size
            offset += 11 + _palette_bytes(data, offset + 9)
        elif kind == b"!":  # an extension
            offset += 2
        else:
            return None
        while length := data[offset : offset + 1][0]:  # of a sub-block
            offset += 1 + length
        offset += 1
    return offset + 1


def _palette_bytes(data: FileSlice, offset: int) -> int:
    """Return the size of a GIF palette, given the offset of its flags."""
    flags = data[offset : offset + 1][0]
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _gif_mode(file: InputFile) -> str:
    palette = file.read_at(_GIF_HEAD_BYTES, _palette_bytes(FileSlice(file.read_at, 0), 10))
    return "L" if palette[0::3] == palette[1::3] == palette[2::3] else "RGB"


class _Stream:
    """A file object for Pillow that reads only the bytes that Pillow asks for."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._file.size - self._offset)
        data = self._file.read_at(self._offset, left if size < 0 else min(size, left))
        self._offset += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._offset = offset + (0, self._offset, self._file.size)[whence]
        return self._offset

    def tell(self) -> int:
        return self._offset
