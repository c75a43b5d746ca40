"""Images into an object store: some are on their way there while the next one is made."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from itertools import repeat
from typing import NamedTuple, cast

from imagine_common.files.storage import output_file
from imagine_common.files.stores.ahead import look_ahead
from imagine_common.files.stores.objects import StoreFile
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.existing import existing_size


class Put(NamedTuple):
    """An image: its size in bytes, whether it was there before, and bytes of filler.

    `file` is what is left to be finished of one that was not.
    """

    size: int
    kept: bool
    filler: int
    file: StoreFile | None = None


def put_images(
    resume: bool, spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[tuple[int, bool, int]]:
    """Put images where they are not yet there; return what `Put` has of each, but its file.

    Raises
    ------
    ImagineError
        Where the store does not take one.
    """
    with closing(_made(resume, spec, encoder, indexes)) as made:
        return list(look_ahead(_finish, made))


def _made(resume: bool, spec: DatasetSpec, encoder: ImageEncoder, indexes: range) -> Generator[Put]:
    # What depends on a stream of random numbers is asked for by this thread alone.
    images = ((spec.of_image(index), spec.image_path(index)) for index in indexes)
    there = look_ahead(lambda image: existing_size(*image), images) if resume else repeat(0)
    for index, size in zip(indexes, there):
        if size and encoder.wanted_size(index) in (None, size):
            yield Put(size, True, 0)
            continue
        file = cast(StoreFile, output_file(spec.image_path(index)))
        try:
            buffers, filler = encoder.encode(index)
            file.write(buffers)
            file.flush()
        except BaseException:
            file.abort()
            raise
        yield Put(file.size, False, filler, file)


def _finish(image: Put) -> tuple[int, bool, int]:
    if image.file is not None:
        with image.file:
            pass
    return image[:3]
