"""What to write where, and how: a packer's arguments that have nothing to do with its format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NUL
from imagine_common.exchange.names import check_names
from imagine_common.exchange.parts import WHOLE, Part
from imagine_common.files.urls import is_remote
from imagine_common.packers.shards.naming import ShardNames

# File systems take 255. What is appended needs some, and so do further digits of numbers: names
# that are given at the end must not turn out too long then.
_MAX_NAME_BYTES = 230


@dataclass(frozen=True)
class PackSpec:
    """What to write where, and how.

    Files are called `name` and their number, or by `name_format`, where there is one. With
    `resume`, shards that are there and finished are kept. With `skip_invalid`, images that can't be
    packed are left out. With `fsync`, a shard that is given is on the disk. `label_offset` is added
    to every label. Of all shards, those of a `part` are written.

    Raises
    ------
    UsageError
        From the constructor, where a value can't be meant.
    """

    dest_path: bytes
    name: bytes
    img_per_file: int
    delimiter: bytes = NUL
    resume: bool = False
    skip_invalid: bool = False
    fsync: bool = False
    label_offset: int = 0
    name_format: bytes | None = None
    part: Part = WHOLE

    def __post_init__(self) -> None:
        option = "--name" if self.name_format is None else "--name-format"
        check_names(self.dest_path, self.names.text, self.delimiter, option)
        if not hasattr(self.img_per_file, "__index__") or self.img_per_file < 1:
            raise UsageError(
                f"argument --img-per-file: must be at least 1, not {self.img_per_file}"
            )
        if not hasattr(self.label_offset, "__index__"):
            raise UsageError(
                f"argument --label-offset: must be a whole number, not {self.label_offset}"
            )
        if self.name_format is not None and len(self.names.name(0)) > _MAX_NAME_BYTES:
            raise UsageError(f"argument {option}: names of over {_MAX_NAME_BYTES} bytes")
        if self.names.needs_total and is_remote(self.dest_path):
            raise UsageError(
                "argument --name-format: {total} not in an object store: names with it are given at"
                " the end, and nothing can be renamed there; write the number itself in the place"
                " of {total}"
            )
        if self.resume and self.names.needs_total:
            raise UsageError(
                "argument --resume: not with {total} in --name-format: names are given at the end,"
                " so there is nothing to keep; write the number itself in the place of {total}"
            )

        if self.part != WHOLE and self.names.needs_total:
            raise UsageError(
                "argument --part: not with {total} in --name-format, which no part knows; write the"
                " number itself in the place of {total}"
            )

    @cached_property
    def names(self) -> ShardNames:
        """Return how shards are named."""
        if self.name_format is None:
            return ShardNames.with_prefix(self.name)
        return ShardNames.from_format(self.name_format)

    def shard_path(self, number: int, total: int = 0) -> bytes:
        """Return the path of a shard, without what its format appends."""
        return os.path.join(self.dest_path, self.names.name(number, total))
