"""Where a shard's files are written, and when they get their names.

Names that tell how many shards there are can't be given before the last is written. Until then,
shards wait under temporary names; so what is listed has its final name, and a run that ends early
leaves nothing that pretends to be part of a dataset.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType

from imagine_common.files.atomic import publish
from imagine_common.files.folders import clear_leftovers, create_folder
from imagine_common.files.storage import remove_file
from imagine_common.files.temporary import remove_temporary, reserve_temporary
from imagine_common.files.urls import local_path
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import RecordFormat, Shard


class ShardFiles:
    """The files of a run's shards, in order; what waits for its name goes with the `with` block."""

    def __init__(self, spec: PackSpec, form: RecordFormat) -> None:
        self._spec = spec
        self._form = form
        self._waiting: dict[int, tuple[bytes, ...]] = {}
        self._written: list[tuple[int, Shard]] = []
        self._empty: list[int] = []

    def __enter__(self) -> ShardFiles:
        return self

    def begin(self) -> None:
        """Make ready for the first shard."""
        for folder in {os.path.dirname(file) for file in self._final(0)} - {self._spec.dest_path}:
            create_folder(folder or b".", self._spec.fsync)
        for path in self._form.outdated:
            remove_file(path, self._spec.fsync)

    def clear(self) -> None:
        """Remove the temporary files that dead processes left where shards go."""
        clear_leftovers(*self.folders())

    def folders(self) -> set[bytes]:
        """Return the folders that shards and their indexes go to."""
        return {os.path.dirname(file) or b"." for file in self._final(0)}

    def place(self, number: int) -> tuple[bytes, ...]:
        """Return where a shard's files are to be written, which any process may do."""
        final = self._final(number)
        if not self._spec.names.needs_total:
            return final
        waiting = tuple(reserve_temporary(os.path.dirname(local_path(file))) for file in final)
        self._waiting[number] = waiting
        return waiting

    def add(self, number: int, shard: Shard) -> Iterator[Shard]:
        """Take a finished shard; yield it where it has its name."""
        if not shard.records:
            self._empty.append(number)
        if not self._spec.names.needs_total:
            yield shard._replace(path=self._final(number)[0])  # A worker may know it by another.
        elif shard.records:
            self._written.append((number, shard))

    def finish(self) -> Iterator[Shard]:
        """Give names to shards that wait for them, and yield each once it has its own.

        What an earlier run had in the place of a shard that has no records is removed: it is not of
        this dataset.
        """
        total = len(self._written)
        for number, (place, shard) in enumerate(self._written):
            final = self._final(number, total)
            # An index may at no moment stand beside a file that is not its own.
            for file in reversed(final[1:]):
                remove_file(file, self._spec.fsync)
            for temporary, file in zip(self._waiting[place], final):
                publish(temporary, local_path(file), self._spec.fsync)
            yield shard._replace(path=final[0])
        if not self._spec.names.needs_total:
            for number in self._empty:
                for file in reversed(self._final(number)):
                    remove_file(file, self._spec.fsync)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for files in self._waiting.values():
            for file in files:
                remove_temporary(file)

    def _final(self, number: int, total: int = 0) -> tuple[bytes, ...]:
        return self._form.files(self._spec.shard_path(number, total))
