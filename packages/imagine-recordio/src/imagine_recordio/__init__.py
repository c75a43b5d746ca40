"""Pack images into RecordIO files: `create_recordio` for a folder, `pack_recordio` to stream."""

from imagine_recordio.pack import create_recordio, pack_recordio

__version__ = "0.1.0"

__all__ = ["create_recordio", "pack_recordio"]
