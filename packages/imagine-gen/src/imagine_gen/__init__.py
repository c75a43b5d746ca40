"""Generate reproducible image datasets: `create_images` waits for them, `generate` streams them."""

from imagine_common import __version__ as __version__
from imagine_common.lazy import import_on_use

TYPE_CHECKING = False  # instead of typing's, which takes long to import
if TYPE_CHECKING:
    from imagine_common.errors import ImagineError, UsageError
    from imagine_gen.create import CreateSummary, ImageFile, create_images, generate
    from imagine_gen.dataset.dimensions import SizeList, SizeRange
    from imagine_gen.dataset.spec import DatasetSpec

__all__ = [
    "CreateSummary",
    "DatasetSpec",
    "ImageFile",
    "ImagineError",
    "SizeList",
    "SizeRange",
    "UsageError",
    "create_images",
    "generate",
]

__getattr__ = import_on_use(
    __name__,
    {
        "CreateSummary": ".create",
        "DatasetSpec": ".dataset.spec",
        "ImageFile": ".create",
        "ImagineError": "imagine_common.errors",
        "SizeList": ".dataset.dimensions",
        "SizeRange": ".dataset.dimensions",
        "UsageError": "imagine_common.errors",
        "create_images": ".create",
        "generate": ".create",
    },
)
