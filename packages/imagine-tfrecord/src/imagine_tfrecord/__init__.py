"""Pack images into TFRecord files: `create_tfrecords` for a folder, `pack_tfrecords` to stream."""

from importlib import import_module

TYPE_CHECKING = False  # typing's own would have to be imported, which takes long
if TYPE_CHECKING:
    from imagine_tfrecord.pack import create_tfrecords, pack_tfrecords

__version__ = "0.1.0"

__all__ = ["create_tfrecords", "pack_tfrecords"]

WRITERS = ("native", "tensorflow")
SCHEMAS = ("basic", "imagenet", "dlio")
_MODULES = {"create_tfrecords": "pack", "pack_tfrecords": "pack"}


def __getattr__(name: str) -> object:
    """Import a name's module when it is first used (PEP 562), so that the tool starts at once."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
