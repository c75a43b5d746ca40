"""Pack images into RecordIO files: `create_recordio` for a folder, `pack_recordio` to stream."""

from imagine_common import __version__ as __version__
from imagine_common.lazy import import_on_use

TYPE_CHECKING = False  # typing's own would have to be imported, which takes long
if TYPE_CHECKING:
    from imagine_common.errors import ImagineError, UsageError
    from imagine_common.packers.pack_spec import PackSpec
    from imagine_recordio.pack import create_recordio, pack_recordio

__all__ = ["ImagineError", "PackSpec", "UsageError", "create_recordio", "pack_recordio"]

__getattr__ = import_on_use(
    __name__,
    {
        "ImagineError": "imagine_common.errors",
        "PackSpec": "imagine_common.packers.pack_spec",
        "UsageError": "imagine_common.errors",
        "create_recordio": ".pack",
        "pack_recordio": ".pack",
    },
)
