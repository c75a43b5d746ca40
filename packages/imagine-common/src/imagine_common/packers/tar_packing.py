"""Packing a tar stream: one process, through which an image at a time goes into its shard.

What comes through one pipe comes in order, so more processes could only hand images on to each
other. And nothing but the shards touches the disk: there are no lines to wait for the processes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice

from imagine_common.atomic import create_folder, remove_file
from imagine_common.errors import ImagineError, show
from imagine_common.memory import keep_freed_memory
from imagine_common.packers.packing import (
    Image,
    PackSpec,
    RecordFormat,
    Shard,
    rejoin,
    shard_files,
    write_images,
)
from imagine_common.packers.tar_source import TarImage, TarSource
from imagine_common.temporary import clear_leftovers


def pack_tar(source: TarSource, spec: PackSpec, form: RecordFormat) -> Generator[Shard]:
    """Pack the images of a tar stream and yield each shard once it is complete, in order.

    Raises
    ------
    ImagineError
        As `TarSource.images` does; for an image that can't be packed, unless such are skipped; and
        for a target that can't be written. Shards finished before stay.
    """
    keep_freed_memory()
    clear_leftovers(spec.dest_path)
    records = 0
    empty = []
    with closing(source.images(form.image_limit)) as images:
        parts = _Parts(enumerate(images), spec, form)
        for number, part in enumerate(parts.cut()):
            if not number:  # Should it go later, files that were listed go too.
                create_folder(spec.dest_path, spec.fsync)
            shard = write_images(spec, form, number, part)
            records += shard.records
            if not shard.records:
                empty.append(number)
            yield shard._replace(skipped=parts.take_skipped())
    if not records:
        raise ImagineError("all images were skipped: there is nothing to pack")
    for number in empty:
        for file in reversed(shard_files(spec, form, number)):
            remove_file(file, spec.fsync)


class _Parts:
    """Images, cut into the parts that go into a shard each."""

    def __init__(
        self,
        images: Iterator[tuple[int, TarImage | ImagineError]],
        spec: PackSpec,
        form: RecordFormat,
    ) -> None:
        self._images = images
        self._spec = spec
        self._form = form
        self._skipped: list[str] = []

    def cut(self) -> Iterator[Iterator[Image]]:
        """Yield a shard's images; they must have been taken before the next shard's can be."""
        while first := list(islice(self._images, 1)):
            yield self._usable(first, islice(self._images, self._spec.img_per_file - 1))

    def take_skipped(self) -> tuple[str, ...]:
        """Return why images have been left out since the last time."""
        skipped, self._skipped = self._skipped, []
        return tuple(skipped)

    def _usable(
        self,
        first: list[tuple[int, TarImage | ImagineError]],
        rest: Iterator[tuple[int, TarImage | ImagineError]],
    ) -> Iterator[Image]:
        for position, found in rejoin(first, rest):
            try:
                image = self._image(position, found)
            except ImagineError as error:
                if not self._spec.skip_invalid:
                    raise
                self._skipped.append(str(error))
            else:
                yield image

    def _image(self, position: int, found: TarImage | ImagineError) -> Image:
        if isinstance(found, ImagineError):
            raise found
        entry, data, place = found
        try:
            limit = self._form.image_limit(entry)
        except ImagineError as error:
            raise ImagineError(f"{error}{place}") from None
        if len(data) > limit:
            raise ImagineError(
                f"{show(entry.path)}: {len(data)} bytes are over the record format's {limit}{place}"
            )
        return Image(position, entry.path, entry.labels, data)
