"""The files of a run's shards: where they are written, and when they get their names.

Names that contain the total are known only at the end. Until then the shards have temporary names,
so that every listed file has its final name, and a run that ends early leaves no partial dataset.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import cached_property, partial
from itertools import chain

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.names import DLIO, WHOLE
from imagine_common.files.folders import (
    clear_leftovers,
    create_folder,
    real_folder,
    remove_if_empty,
    scratch_folder,
    subfolders,
)
from imagine_common.files.others import Others
from imagine_common.files.output import publish
from imagine_common.files.storage import exists, remove_file
from imagine_common.files.temporary import remove_temporary, reserve_temporary
from imagine_common.files.urls import local_path
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import RecordFile
from imagine_common.packers.shards.record_format import RecordFormat


class ShardFiles:
    """The files of a run's shards."""

    def __init__(self, spec: PackSpec, record_format: RecordFormat) -> None:
        self.spec = spec
        self.record_format = record_format
        self._is_ready = False
        self._waiting: dict[int, tuple[bytes, ...]] = {}

    @cached_property
    def folders(self) -> set[bytes]:
        """Return the folders that shards and their indexes go to."""
        numbers = range(self.spec.subfolders or 1)
        return {os.path.dirname(file) or b"." for number in numbers for file in self._final(number)}

    def patterns(self) -> dict[bytes, re.Pattern[bytes]]:
        """Return a pattern of the names that a run may write, for each folder."""
        mark = b"SHARD"
        files = (*self.record_format.files(mark), *self.record_format.outdated)
        names = b"|".join(re.escape(os.path.basename(file)) + rb"(\.idx)?" for file in files)
        pattern = re.compile(names.replace(mark, self.spec.names.pattern))
        return dict.fromkeys(map(real_folder, self.folders), pattern)

    def place(self, number: int) -> tuple[bytes, ...]:
        """Return where a shard's files are to be written, by any process."""
        if not self._is_ready:
            for folder in (*self.spec.fixed_folders, *self.folders):
                create_folder(folder, self.spec.fsync)
            for path in self.record_format.outdated:
                self.record_format.remove_index(path, self.spec.fsync, self.record_format.merged)
            self._is_ready = True
        final = self._final(number)
        if not self.spec.waits_for_total:
            return final
        waiting = tuple(reserve_temporary(os.path.dirname(local_path(file))) for file in final)
        self._waiting[number] = waiting
        return waiting

    def publish(
        self,
        packed: Generator[RecordFile],
        written: Callable[[RecordFile], object],
        warn: Callable[[str], object],
    ) -> Generator[RecordFile]:
        """Yield finished shards, each once it has its name; call `written` before that.

        At the end, remove the files that an earlier run left in the place of a shard without
        records, and settle those of other runs. The leftovers of killed runs are removed at the
        beginning.
        """
        spec = self.spec
        clear_leftovers(*self.folders, scratch_folder(spec.dest_path))
        part, needs_total = spec.part, spec.waits_for_total
        total = records = skipped = 0
        unnamed: list[tuple[int, RecordFile]] = []
        empty: list[int] = []
        try:
            with closing(packed):
                for place, shard in enumerate(packed):
                    number = part.nth(place)
                    written(shard)
                    records += shard.records
                    skipped += len(shard.skipped)
                    # With the total in names, a shard without images takes no number.
                    total += not needs_total or shard.records > 0
                    if not needs_total:
                        # A worker may use another path.
                        yield shard._replace(path=os.fsdecode(self._final(number)[0]))
                    elif shard.records:
                        unnamed.append((number, shard))
                    if not shard.records:
                        empty.append(number)
            if not records and part == WHOLE:
                raise ImagineError("all images were skipped: there is nothing to pack")
            for number in () if needs_total else empty:
                self._remove(self._final(number))
            names = [self._final(place, total) for place in range(len(unnamed))]
            self._rename([self._waiting[number] for number, _ in unnamed], names)
            for final, (_, shard) in zip(names, unnamed):
                yield shard._replace(path=os.fsdecode(final[0]))
            if not spec.settles_others_first:
                for files in self.others_to_remove(total, warn):
                    self._remove(files)
            spec.check_skipped(skipped)
        except UsageError as error:
            if records:  # The exit code of wrong usage says that nothing is written.
                raise ImagineError(str(error)) from error
            raise
        finally:
            for file in chain(*self._waiting.values()):
                remove_temporary(file)

    def others_to_remove(
        self,
        total: int,
        warn: Callable[[str], object],
        error: type[ImagineError] = ImagineError,
    ) -> list[tuple[bytes, ...]]:
        """Return the files of shards of other runs, beyond the `total` of this one, to remove.

        Raise `error` if they must not be there.
        """
        spec = self.spec
        if spec.part != WHOLE:
            return []
        suffix, top = self.record_format.suffix, spec.fixed_folders[0]
        own: set[bytes] = set()  # In another folder, too, their indexes may be those of this run.

        def is_own(folder: bytes, number: int, name: bytes) -> bool:
            path = spec.shard_path(number, total) + suffix
            if number < total and name == os.path.basename(path):
                own.add(name)
            return number < total and path == os.path.join(folder, name)

        def found() -> Iterator[bytes]:
            below = os.path.join(top, b"")
            dealt = subfolders(top) if spec.subfolders or spec.layout == DLIO else ()
            for folder in (top, *(below + name for name in dealt if name.isdigit())):
                for name in spec.names.others(folder, suffix, partial(is_own, folder)):
                    yield os.path.join(folder, name).removeprefix(below)

        others = Others(spec.clean, spec.keep_others, warn).to_remove(top, found(), error)
        files = [os.path.join(top, name).removesuffix(suffix) for name in others]
        return [
            self.record_format.files(path)[: 1 if os.path.basename(name) in own else None]
            for path, name in zip(files, others)
        ]

    def _remove(self, files: tuple[bytes, ...]) -> None:
        self.record_format.remove_indexes(files, self.spec.fsync)
        remove_file(files[0], self.spec.fsync)
        if os.path.dirname(files[0]) not in self.folders:
            remove_if_empty(os.path.dirname(files[0]))

    def _rename(self, waiting: list[tuple[bytes, ...]], names: list[tuple[bytes, ...]]) -> None:
        """Give all shards their names, or none if one of them can't have its name."""
        fsync = self.spec.fsync
        try:
            for temporary, final in zip(waiting, names):
                self.record_format.remove_indexes(final, fsync, are_replaced=True)
                for source, target in zip(temporary, final):
                    publish(source, local_path(target), fsync)
        except BaseException:
            for source, target in zip(chain(*waiting), chain(*names)):
                if not exists(source):  # It has its name.
                    remove_file(target, fsync)
            raise

    def _final(self, number: int, total: int = 0) -> tuple[bytes, ...]:
        return self.record_format.files(self.spec.shard_path(number, total))
