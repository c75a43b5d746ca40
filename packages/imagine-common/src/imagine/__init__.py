"""The functions of NVIDIA's Imageinary, which imagine replaces.

    from imagine import create_images, create_tfrecords, create_recordio

The package of each tool is imported when its function is first used.
"""

from __future__ import annotations

from imagine_common.lazy import import_on_use

TYPE_CHECKING = False  # Importing typing's own takes long.
if TYPE_CHECKING:
    from typing import Any

    from imagine_common.errors import ImagineError, UsageError
    from imagine_gen import create_images
    from imagine_recordio import create_recordio
    from imagine_tfrecord import create_tfrecords

__all__ = ["ImagineError", "UsageError", "create_images", "create_recordio", "create_tfrecords"]

_PACKAGES = {
    "ImagineError": "imagine_common.errors",
    "UsageError": "imagine_common.errors",
    "create_images": "imagine_gen",
    "create_recordio": "imagine_recordio",
    "create_tfrecords": "imagine_tfrecord",
}
_get = import_on_use(__name__, _PACKAGES)


def __getattr__(name: str) -> object:
    try:
        value = _get(name)
    except ModuleNotFoundError as error:
        package = _PACKAGES[name]
        if error.name != package:
            raise
        tool = package.replace("_", "-")
        raise ImportError(
            f"{name} needs {tool}; in a checkout: pip install ./packages/{tool}", name=package
        ) from error
    if name.startswith("create_"):
        value = globals()[name] = _only_warning(value)
    return value


def _only_warning(function: Any) -> object:
    """Return a function of a tool that warns of files that the tool refuses."""
    import warnings
    from functools import wraps

    @wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        summary = function(*args, **{"keep_others": None, **kwargs})
        skipped = (f"{reason}; skipped" for reason in getattr(summary, "skipped", ()))
        for message in (*skipped, *summary.warnings):
            warnings.warn(message, stacklevel=2)
        return summary

    call.__module__ = __name__  # where pickle finds it
    return call


def __dir__() -> list[str]:
    return sorted([*globals(), *_PACKAGES])
