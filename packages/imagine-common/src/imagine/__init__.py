"""The interface of the program that imagine replaces, over imagine's tools.

    from imagine import create_images, create_tfrecords, create_recordio

Each function comes from the package of its tool, which is imported when the name is first used.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # typing's own would have to be imported, which takes long
if TYPE_CHECKING:
    from imagine_gen import create_images
    from imagine_recordio import create_recordio
    from imagine_tfrecord import create_tfrecords

__all__ = ["create_images", "create_recordio", "create_tfrecords"]

_PACKAGES = {
    "create_images": "imagine_gen",
    "create_recordio": "imagine_recordio",
    "create_tfrecords": "imagine_tfrecord",
}


def __getattr__(name: str) -> object:
    """Resolve a function at its first use (PEP 562).

    Raises
    ------
    ImportError
        Where its package is not installed, telling how to.
    """
    if name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    package = _PACKAGES[name]
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        tool = package.replace("_", "-")
        raise ImportError(
            f"{name} needs {tool}; in a checkout: pip install ./packages/{tool}", name=package
        ) from error
    value: object = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PACKAGES])
