"""Pack images into RecordIO files: `create_recordio` for a folder, `pack_recordio` to stream."""

from importlib import import_module

TYPE_CHECKING = False  # typing's own would have to be imported, which takes long
if TYPE_CHECKING:
    from imagine_recordio.pack import create_recordio, pack_recordio

__version__ = "0.1.0"

__all__ = ["create_recordio", "pack_recordio"]

WRITERS = ("native", "mxnet")
_MODULES = {"create_recordio": "pack", "pack_recordio": "pack"}


def __getattr__(name: str) -> object:
    """Import a name's module when it is first used (PEP 562), so that the tool starts at once."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
