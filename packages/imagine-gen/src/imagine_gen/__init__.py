"""Generate reproducible image datasets: `create_images` waits for them, `generate` streams them."""

from imagine_gen.create import CreateSummary, ImageFile, create_images, generate
from imagine_gen.spec import DatasetSpec

__version__ = "0.1.0"

__all__ = ["CreateSummary", "DatasetSpec", "ImageFile", "create_images", "generate"]
