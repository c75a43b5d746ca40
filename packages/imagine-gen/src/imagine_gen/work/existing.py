"""Recognizing the existing image files that a dataset can keep, by header and end of file."""

from __future__ import annotations

from imagine_common.errors import ImagineError
from imagine_common.files.image_headers import has_end, read_header
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.storage import open_input
from imagine_gen.dataset.spec import DatasetSpec

_WINDOW_BYTES = 64  # Only a file's header and its end are read.


def existing_size(spec: DatasetSpec, path: bytes) -> int:
    """Return the size in bytes of an image's existing file, or 0 if the image has to be made.

    The file can be kept if it has the format, mode and dimensions of the dataset, and its end.
    """
    try:
        with open_input(path, "an image file") as file:
            return file.size if _is_complete(spec, file) else 0
    except (ImagineError, OSError):
        return 0  # Replacing the file reports what is wrong with it.


def _is_complete(spec: DatasetSpec, file: InputFile) -> bool:
    if spec.format.pillow:
        from imagine_gen.work.pillow_files import read_complete

        return read_complete(file, spec.format.pillow) == (spec.width, spec.height, spec.mode)
    contents = FileSlice(file, 0, _WINDOW_BYTES)
    wanted = (spec.image_format, spec.width, spec.height, spec.mode)
    return read_header(contents) == wanted and has_end(contents, file.size)
