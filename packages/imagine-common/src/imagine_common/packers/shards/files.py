"""The files of a run's shards: where they are written, and when they get their names.

Names that contain the total are known only at the end. Until then the shards have temporary names,
so that every listed file has its final name, and a run that ends early leaves no partial dataset.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from imagine_common.files.atomic import publish
from imagine_common.files.folders import clear_leftovers, create_folder
from imagine_common.files.storage import remove_file
from imagine_common.files.temporary import remove_temporary, reserve_temporary
from imagine_common.files.urls import local_path
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import RecordFormat, Shard


class ShardFiles:
    """The files of a run's shards, for the time of a `with` block.

    The block begins by removing what killed runs left, and ends by removing files that still wait
    for their names.
    """

    def __init__(self, spec: PackSpec, form: RecordFormat) -> None:
        self._spec = spec
        self._form = form
        self._is_ready = False
        self._waiting: dict[int, tuple[bytes, ...]] = {}
        self._written: list[tuple[int, Shard]] = []
        self._empty: list[int] = []

    def __enter__(self) -> ShardFiles:
        clear_leftovers(*self.folders())
        return self

    def folders(self) -> set[bytes]:
        """Return the folders that shards and their indexes go to."""
        return {os.path.dirname(file) or b"." for file in self._final(0)}

    def place(self, number: int) -> tuple[bytes, ...]:
        """Return where a shard's files are to be written, by any process."""
        if not self._is_ready:
            self._prepare()
        final = self._final(number)
        if not self._spec.names.needs_total:
            return final
        waiting = tuple(reserve_temporary(os.path.dirname(local_path(file))) for file in final)
        self._waiting[number] = waiting
        return waiting

    def add(self, number: int, shard: Shard) -> Iterator[Shard]:
        """Take a finished shard; yield it if it has its name."""
        if not shard.records:
            self._empty.append(number)
        if not self._spec.names.needs_total:
            yield shard._replace(path=self._final(number)[0])  # A worker may use another path.
        elif shard.records:
            self._written.append((number, shard))

    def finish(self) -> Iterator[Shard]:
        """Name the shards that wait for their names, and yield each once it has its own.

        Remove the files that an earlier run left in the place of a shard without records.
        """
        total = len(self._written)
        for number, (place, shard) in enumerate(self._written):
            final = self._final(number, total)
            # An index must never stand beside a file that it does not describe.
            for file in reversed(final[1:]):
                remove_file(file, self._spec.fsync)
            for temporary, file in zip(self._waiting[place], final):
                publish(temporary, local_path(file), self._spec.fsync)
            yield shard._replace(path=final[0])
        if not self._spec.names.needs_total:
            for number in self._empty:
                for file in reversed(self._final(number)):
                    remove_file(file, self._spec.fsync)

    def __exit__(self, *_: object) -> None:
        for files in self._waiting.values():
            for file in files:
                remove_temporary(file)

    def _prepare(self) -> None:
        for folder in self.folders():
            create_folder(folder, self._spec.fsync)
        for path in self._form.outdated:
            remove_file(path, self._spec.fsync)
        self._is_ready = True

    def _final(self, number: int, total: int = 0) -> tuple[bytes, ...]:
        return self._form.files(self._spec.shard_path(number, total))
