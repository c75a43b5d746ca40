"""The memory that making images takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagine_gen.dataset.spec import DatasetSpec

TARGET_POOL_BYTES = 2**29  # of strips at several levels of quantization, in a process

_PROCESS_BYTES = 60_000_000
_PHOTO_BYTES = 30_000_000  # the textures, and tiles of planes
_HEADER_BYTES = 2**16
_MAX_BYTES_PER_PIXEL = 16  # of any JPEG file


def worker_bytes(spec: DatasetSpec) -> int:
    """Return about how many bytes of memory a worker needs, as measured, without a pool's."""
    process = _PROCESS_BYTES + (_PHOTO_BYTES if spec.content == "photo" else 0)
    if spec.pooled:
        return process + (0 if spec.target_size is None else TARGET_POOL_BYTES)
    if not (spec.format.pixel_bytes or spec.compress_level):
        return process
    pixels = spec.width * spec.height
    canvas = pixels * (1 if spec.mode == "L" else 4)  # Pillow's image
    finest = spec.subsampling == "4:4:4"
    if spec.target_size is not None:
        # A search keeps two files, and tries the largest once. The target is capped, so that an
        # unreachable one gets its own error instead of one about memory.
        most = _HEADER_BYTES + _MAX_BYTES_PER_PIXEL * pixels
        files = max(3 * min(spec.target_size, most), pixels * (4 if finest else 3))
        return process + canvas + files
    if spec.compress_level:
        return process + canvas + canvas
    return process + canvas + pixels * (2 if finest else spec.format.pixel_bytes[spec.mode])
