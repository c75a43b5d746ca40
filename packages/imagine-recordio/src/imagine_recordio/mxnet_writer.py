"""The same files through MXNet itself: for those who trust nothing else."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.storage import indexed_file
from imagine_common.packers.records import Image, Shard

_INSTALL = "pip install 'imagine-recordio[mxnet]' (Python 3.11 or older), or leave the option out"


def require_mxnet() -> None:
    """Check that MXNet is installed, without the seconds that importing it takes.

    Raises
    ------
    UsageError
    """
    if importlib.util.find_spec("mxnet") is None:
        raise UsageError(f"argument --writer: MXNet is not installed; {_INSTALL}")


def write_shard(files: Sequence[bytes], images: Iterator[Image], fsync: bool) -> Shard:
    """Write one `.rec` file and its `.idx`, whole or not at all, with `MXIndexedRecordIO`."""
    try:
        from mxnet.recordio import IRHeader, MXIndexedRecordIO, pack
    except Exception as error:  # NumPy 1.24 and later lack names that MXNet asks for.
        raise ImagineError(
            f"--writer mxnet: MXNet can't be imported ({error}); {_INSTALL}"
        ) from error
    records = 0
    with indexed_file(files[0], files[1], fsync) as (file, index):
        temporary = os.fsdecode(index.unfinished_path()), os.fsdecode(file.unfinished_path())
        writer = MXIndexedRecordIO(*temporary, "w")
        for image in images:
            labels = image.labels if len(image.labels) > 1 else sum(image.labels)
            header = IRHeader(0, labels, image.position, 0)
            writer.write_idx(image.position, pack(header, image.data))
            records += 1
        writer.close()
        size = sum(os.path.getsize(name) for name in temporary)
    return Shard(files[0], records, size)
