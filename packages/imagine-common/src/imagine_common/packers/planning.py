"""Work out what a run would write, without writing it: `--dry-run`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from operator import itemgetter
from typing import NamedTuple

from imagine_common.packers.line_images import line_images, usable
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, RecordFormat
from imagine_common.packers.shards.slices import cut_here
from imagine_common.packers.sources.base import Source, StreamSource


class Plan(NamedTuple):
    """What a run would write.

    Attributes
    ----------
    files : int
        Files with records.
    written : int
        These and their indexes.
    images : int
    bytes : int
        The size of all files.
    skipped : tuple of str
        The error of each image that would be left out.
    """

    files: int
    written: int
    images: int
    bytes: int
    skipped: tuple[str, ...]


def plan_packing(source: Source, spec: PackSpec, form: RecordFormat) -> Plan:
    """Return what packing a source would write; shards that `resume` would keep count too.

    Reads only the beginning of each image's file, but all of a tar stream.

    Raises
    ------
    ImagineError
        If an image can't be packed and `skip_invalid` is off, or the source can't be read.
    """
    files = images = size = base = 0
    skipped: list[str] = []
    for shard in _shards(source, spec, form, skipped):
        offset = 0
        for image in shard:
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


def _shards(
    source: Source, spec: PackSpec, form: RecordFormat, skipped: list[str]
) -> Iterator[Iterable[Image]]:
    """Yield the images of each shard, and collect the errors of those that are left out."""
    size, part = spec.img_per_file, spec.part
    if isinstance(source, StreamSource):
        with closing(source.images(form, spec.label_offset)) as members:
            for _, images in cut_here(([image] for image in members), size, part):
                yield usable(map(itemgetter(1), images), spec, skipped)
        return
    for _, lines in cut_here(source.lines(), size, part):
        found = line_images(lines, source.line_format, spec, form, with_data=False)
        yield usable(found, spec, skipped)
