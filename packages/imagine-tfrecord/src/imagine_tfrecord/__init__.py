"""Pack images into TFRecord files: `create_tfrecords` for a folder, `pack_tfrecords` to stream."""

from imagine_tfrecord.pack import create_tfrecords, pack_tfrecords

__version__ = "0.1.0"

__all__ = ["create_tfrecords", "pack_tfrecords"]
