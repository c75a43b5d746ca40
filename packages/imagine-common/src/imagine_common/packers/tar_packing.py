"""Packing a tar stream: one process, through which an image at a time goes into its shard.

What comes through one pipe comes in order, so more processes could only hand images on to each
other. And nothing but the shards touches the disk: there are no lines to wait for the processes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import count, islice

from imagine_common.errors import ImagineError
from imagine_common.exchange.parts import WHOLE
from imagine_common.files.folders import create_folder
from imagine_common.host.memory import keep_freed_memory
from imagine_common.packers.images.labels import offset_labels
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.packing import rejoin, write_images
from imagine_common.packers.records import Image, RecordFormat, Shard
from imagine_common.packers.shards.files import ShardFiles
from imagine_common.packers.sources.tar import TarImage, TarSource
from imagine_common.text import show


def pack_tar(
    source: TarSource,
    spec: PackSpec,
    form: RecordFormat,
    written: Callable[[Shard], object] = lambda _: None,
) -> Generator[Shard]:
    """Pack the images of a tar stream and yield each shard once it has its name, in order.

    `written` is called with each once it is complete.

    Raises
    ------
    ImagineError
        As `TarSource.images` does; for an image that can't be packed, unless such are skipped; and
        for a target that can't be written. Shards finished before stay, if they have their names.
    """
    keep_freed_memory()
    records = 0
    with ShardFiles(spec, form) as files:
        files.clear()
        with closing(source.images(form.image_limit)) as images:
            parts = TarParts(enumerate(images), spec, form)
            for place, part in enumerate(parts.cut()):
                number = spec.part.nth(place)
                if not place:  # Should it go later, files that were listed go too.
                    create_folder(spec.dest_path, spec.fsync)
                    files.begin()
                shard = write_images(form, files.place(number), part, spec.fsync)
                shard = shard._replace(skipped=parts.take_skipped())
                records += shard.records
                written(shard)
                yield from files.add(number, shard)
        if not records and spec.part == WHOLE:
            raise ImagineError("all images were skipped: there is nothing to pack")
        yield from files.finish()


class TarParts:
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
        for number in count():
            first = list(islice(self._images, 1))
            if not first:
                return
            rest = islice(self._images, self._spec.img_per_file - 1)
            if self._spec.part.has(number):
                yield self._usable(first, rest)
            else:
                first.clear()
                for _ in rest:
                    pass

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
            entry = offset_labels(entry, self._spec.label_offset)
            limit = self._form.image_limit(entry)
            if len(data) > limit:
                raise ImagineError(
                    f"{show(entry.path)}: {len(data)} bytes are over the record format's {limit}"
                )
            header = self._form.examine(entry.path, data)
        except ImagineError as error:
            raise ImagineError(f"{error}{place}") from None
        return Image(position, entry.path, entry.labels, len(data), data, header)
