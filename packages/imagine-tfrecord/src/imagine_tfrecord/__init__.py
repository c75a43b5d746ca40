"""Pack images into TFRecord files: `create_tfrecords` for a folder, `pack_tfrecords` to stream."""

from imagine_common import __version__ as __version__
from imagine_common.lazy import import_on_use

TYPE_CHECKING = False  # typing's own would have to be imported, which takes long
if TYPE_CHECKING:
    from imagine_tfrecord.pack import create_tfrecords, pack_tfrecords

__all__ = ["create_tfrecords", "pack_tfrecords"]

__getattr__ = import_on_use(__name__, {"create_tfrecords": ".pack", "pack_tfrecords": ".pack"})
