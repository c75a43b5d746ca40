"""Generate reproducible image datasets: `create_images` waits for them, `generate` streams them."""

from importlib import import_module

from imagine_common import __version__ as __version__

TYPE_CHECKING = False  # typing's own would have to be imported, which takes long
if TYPE_CHECKING:
    from imagine_gen.create import CreateSummary, ImageFile, create_images, generate
    from imagine_gen.dataset.dimensions import SizeList, SizeRange
    from imagine_gen.dataset.spec import DatasetSpec

__all__ = [
    "CreateSummary",
    "DatasetSpec",
    "ImageFile",
    "SizeList",
    "SizeRange",
    "create_images",
    "generate",
]

_MODULES = {
    "CreateSummary": "create",
    "DatasetSpec": "dataset.spec",
    "ImageFile": "create",
    "SizeList": "dataset.dimensions",
    "SizeRange": "dataset.dimensions",
    "create_images": "create",
    "generate": "create",
}


def __getattr__(name: str) -> object:
    """Import a name's module when it is first used (PEP 562), so that the tool starts at once."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
