"""What a run would write, told without writing: `--dry-run`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, count, islice
from typing import NamedTuple

from imagine_common.packers.images.slice_images import SliceImages
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, RecordFormat
from imagine_common.packers.sources.manifest import Source
from imagine_common.packers.sources.tar import TarSource
from imagine_common.packers.tar_packing import TarParts


class Plan(NamedTuple):
    """What a run would write.

    `files` are those with records, `written` those and their indexes, `bytes` of all of them;
    `skipped` tells why images would be left out.
    """

    files: int
    written: int
    images: int
    bytes: int
    skipped: tuple[str, ...]


def plan_packing(source: Source | TarSource, spec: PackSpec, form: RecordFormat) -> Plan:
    """Return what packing a source would write, as `pack` would but for shards that it would keep.

    Of each image's file only the first bytes are read; a tar stream is read whole.

    Raises
    ------
    ImagineError
        For an image that can't be packed, unless such are skipped, and a source that can't be read.
    """
    files = images = size = base = 0
    skipped: list[str] = []
    for part in _parts(source, spec, form, skipped):
        offset = 0
        for image in part:
            length = form.record_size(image)
            size += len(form.index_line(image.position, offset, length))
            if form.merged:
                size += len(form.index_line(image.position, base + offset, length))
            offset += length
            images += 1
        size += offset
        base += offset
        files += offset > 0
    written = files * len(form.files(b"x")) + form.merged
    return Plan(files, written, images, size, tuple(skipped))


def _parts(
    source: Source | TarSource, spec: PackSpec, form: RecordFormat, skipped: list[str]
) -> Iterator[Iterator[Image]]:
    """Yield the images of each shard, and collect why some are skipped."""
    if isinstance(source, TarSource):
        with closing(source.images(form.image_limit)) as found:
            parts = TarParts(enumerate(found), spec, form)
            for part in parts.cut():
                yield part
                skipped += parts.take_skipped()
        return
    lines = enumerate(_lines(source))
    for number in count():
        first = list(islice(lines, 1))
        if not first:
            return
        rest = islice(lines, spec.img_per_file - 1)
        if not spec.part.has(number):
            deque(rest, maxlen=0)
            continue
        images = SliceImages(chain(first, rest), source.line_format, spec, form)
        yield images.look_at()
        skipped += images.skipped


def _lines(source: Source) -> Iterator[bytes]:
    for batch in source.lines():
        yield from batch or ()
