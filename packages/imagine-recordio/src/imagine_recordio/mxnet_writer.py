"""Write the same files with MXNet's own writer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from imagine_common.errors import ImagineError
from imagine_common.packers.records import Image, RecordFile
from imagine_recordio.shards import RecordIOFormat


class MXNetFormat(RecordIOFormat):
    """`.rec` files and indexes, written by `mxnet.recordio.MXIndexedRecordIO`."""

    needs_local_files = True

    def write(self, files: Sequence[bytes], images: Iterator[Image], fsync: bool) -> RecordFile:
        """Write the images into a shard's files, which appear whole or not at all."""
        try:
            from mxnet.recordio import IRHeader, MXIndexedRecordIO, pack
        except Exception as error:  # MXNet needs names that NumPy 1.24 removed.
            reason = f"{error}; it needs NumPy before 1.24"
            raise ImagineError(f"--writer mxnet: can't import MXNet: {reason}") from error
        records = 0
        with self.open_files(files, fsync) as (file, index):
            temporary = os.fsdecode(index.unfinished_path()), os.fsdecode(file.unfinished_path())
            writer = MXIndexedRecordIO(*temporary, "w")
            for image in images:
                labels = image.labels if len(image.labels) > 1 else sum(image.labels)
                header = IRHeader(0, labels, image.position, 0)
                writer.write_idx(image.position, pack(header, image.data))
                records += 1
            writer.close()
            size = sum(os.path.getsize(name) for name in temporary)
        return RecordFile(os.fsdecode(files[0]), records, size)
