"""Read the images that lines name, or only look at them, and check them for the record format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeAlias

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.urls import is_remote, local_path, rooted
from imagine_common.packers.images import look_at_image, offset_labels, read_image
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, InvalidSample
from imagine_common.packers.shards.record_format import RecordFormat
from imagine_common.packers.sources.base import LineFormat
from imagine_common.parallel.progress import progress

Found: TypeAlias = "Image | ImagineError"


def usable(found: Iterable[Found], spec: PackSpec, skipped: list[str]) -> Iterator[Image]:
    """Yield the images that can be packed, and collect the errors of the others in `skipped`.

    Raise the first error instead, unless the spec skips invalid images.
    """
    for image in found:
        if isinstance(image, Image):
            yield image
        elif spec.skip_invalid:
            skipped += image.args if isinstance(image, InvalidSample) else [str(image)]
        else:
            raise image
        progress.advance()
        del image  # An image that has been written must not stay in memory.


def line_images(
    lines: Iterable[tuple[int, bytes]],
    line_format: LineFormat,
    spec: PackSpec,
    record_format: RecordFormat,
    *,
    base: bytes = b"",
    with_data: bool = True,
) -> Iterator[Found]:
    """Yield the image of each line, which comes with its position, or the error in its place.

    Relative paths begin in the folder `base`. Without `with_data`, only parts of files are read.
    From the first image in an object store on, several are opened at a time. If a store's package
    is missing, a `UsageError` is raised.
    """

    def completed(position: int, found: Found) -> Found:
        try:
            if isinstance(found, ImagineError):
                raise found
            return _complete(record_format, base, with_data, found)
        except UsageError as error:  # not about this image alone
            raise UsageError(f"{error}{line_format.locate(position)}") from error
        except ImagineError as error:
            return ImagineError(f"{error}{line_format.locate(position)}")

    parsed = ((position, _parse(line_format, spec, position, line)) for position, line in lines)
    for position, image in parsed:
        if isinstance(image, Image) and is_remote(image.path):
            from imagine_common.files.stores.objects import look_ahead

            todo = chain([(position, image)], parsed)
            yield from look_ahead(lambda found: completed(*found), todo)
        else:
            yield completed(position, image)


def _parse(line_format: LineFormat, spec: PackSpec, position: int, line: bytes) -> Found:
    try:
        image = offset_labels(line_format.parse(line, position), spec.label_offset)
        local_path(image.path)  # raises an error for an invalid URL
        return image
    except ImagineError as error:
        return ImagineError(str(error))  # A `UsageError` would end the run.


def _complete(record_format: RecordFormat, base: bytes, with_data: bool, image: Image) -> Image:
    position, path, labels, *_ = image
    limit = record_format.image_limit(image)
    file = rooted(path, base) if base else path
    if with_data:
        data = read_image(file, limit)
        return Image(position, path, labels, len(data), data, record_format.examine(path, data))
    # `--resume` reads some of them again, and records hold at most the file's name.
    return look_at_image(image._replace(path=file), limit, record_format.examine)
