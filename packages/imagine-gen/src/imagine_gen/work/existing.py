"""Telling by its header whether a file is an image such as a dataset has."""

from __future__ import annotations

from imagine_common.errors import ImagineError
from imagine_common.files.image_headers import has_end, read_header
from imagine_common.files.reading import FileSlice
from imagine_common.files.storage import open_input
from imagine_gen.dataset.pillow_formats import PILLOW_FORMATS
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.pillow_headers import read_complete

_WINDOW_BYTES = 64  # Of a file, only its header and its end are looked at.


def existing_size(spec: DatasetSpec, path: bytes) -> int:
    """Return the size in bytes of an image that is there, or 0 where it is to be made.

    It counts as there where it is of the dataset's format, mode and dimensions, and has an end.
    """
    wanted = (spec.image_format, spec.width, spec.height, spec.mode)
    try:
        with open_input(path, "an image file") as file:
            slices = FileSlice(file, 0, _WINDOW_BYTES)
            if spec.image_format in PILLOW_FORMATS:
                return file.size if read_complete(slices, file.size) == wanted else 0
            whole = read_header(slices) == wanted and has_end(slices, file.size)
            return file.size if whole else 0
    except (ImagineError, OSError):
        return 0  # What is in the way is reported when it is to be replaced.
