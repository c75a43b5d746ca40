"""Images into an object store: some are uploaded while the next one is made."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from itertools import repeat
from typing import cast

from imagine_common.files.storage import output_file
from imagine_common.files.stores.objects import StoreFile, look_ahead
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.files import FinishedFile, existing_size, kept_file, write_image


def upload_images(
    resume: bool, spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> list[FinishedFile]:
    """Make the files of a unit's images in a store; with `resume`, keep those that exist."""
    with closing(_uploads(resume, spec, encoder, indexes)) as uploads:
        return list(look_ahead(_finish, uploads))


def _uploads(
    resume: bool, spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> Generator[tuple[FinishedFile, AbstractContextManager[object]]]:
    """Yield each file, and the object that is still to be uploaded unless the file was kept."""
    existing = partial(existing_size, spec, encoder.dataset)
    sizes = look_ahead(existing, indexes) if resume else repeat(0)
    for index, size in zip(indexes, sizes):
        if kept := kept_file(encoder, index, size):
            yield kept, nullcontext()
            continue
        target = cast(StoreFile, output_file(spec.image_path(index)))
        try:
            made = write_image(target, encoder, index)
        except BaseException:
            target.abort()
            raise
        yield made, target


def _finish(upload: tuple[FinishedFile, AbstractContextManager[object]]) -> FinishedFile:
    file, target = upload
    with target:
        return file
