"""The options of a packer that do not depend on its format, and their checks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import INT64_MAX, NUL
from imagine_common.exchange.name_format import NameFormat
from imagine_common.exchange.names import (
    DLIO,
    FLAT,
    WHOLE,
    Part,
    check_names,
    dealt_folder,
    fixed_folders,
)
from imagine_common.files.others import Others
from imagine_common.files.urls import is_remote
from imagine_common.packers.docstrings import FILES, OPTIONS, document
from imagine_common.signatures import Encoded, check_types, named_by_parameter
from imagine_common.text import counted, did_you_mean

_FIELDS = ("shard", "total")  # of names
IMAGES_IN_FILE = 1000  # by default
_MAX_SUBFOLDERS = 10**6  # All are created.
_STREAM_OPTIONS = """\
delimiter : bytes
    Ends a path on stdout, so names must not contain it.
part : Part
    The shards to write."""


@document(FILES, OPTIONS, _STREAM_OPTIONS)
@dataclass(frozen=True)
class PackSpec:
    """What to write where. It holds paths and names as bytes.

    Invalid values, and options that can't be used together, are a `UsageError`.
    """

    dest_path: Encoded = Encoded()
    name: Encoded = Encoded()
    img_per_file: int = IMAGES_IN_FILE
    delimiter: bytes = NUL
    resume: bool = False
    skip_invalid: bool = False
    fsync: bool = False
    label_offset: int = 0
    name_format: bytes | None = None
    layout: str = FLAT
    subfolders: int | None = None
    part: Part = WHOLE
    expect: int | None = None
    clean: bool = False
    keep_others: bool | None = False

    @named_by_parameter()
    def __post_init__(self) -> None:
        check_types(vars(self), self.__annotations__)
        check_names(self.dest_path, self.names.text, self.delimiter, self.names.option)
        for field, least in (("img_per_file", 1), ("expect", 1), ("subfolders", 2)):
            count = getattr(self, field)
            if count is not None and count < least:
                flag = "--" + field.replace("_", "-")
                raise UsageError(f"argument {flag}: must be at least {least}, not {count}")
        if self.subfolders and self.subfolders > _MAX_SUBFOLDERS:
            raise UsageError(f"argument --subfolders: must be at most {_MAX_SUBFOLDERS}")
        if self.layout not in (FLAT, DLIO):
            raise UsageError(f"argument --layout: must be {FLAT} or {DLIO}, not {self.layout!r}")
        Others(self.clean, self.keep_others).check()
        if abs(self.label_offset) > INT64_MAX:
            raise UsageError(
                f"argument --label-offset: must be a whole number up to {INT64_MAX}, not"
                f" {self.label_offset}"
            )
        clashes = {
            "--dest-path: not in an object store": is_remote(self.dest_path),
            "--resume: not": self.resume,
            "--part: not": self.part != WHOLE,
        }
        for what, clash in clashes.items():
            if clash and self.waits_for_total:
                raise UsageError(
                    f"argument {what} with {{total}} or :0* in --name-format: the total is known at"
                    " the end; give --expect, or write the number itself in the place of {total}"
                )

    @cached_property
    def names(self) -> NameFormat:
        """Return the names of the shards."""
        if self.name_format is None:
            return NameFormat.from_prefix(self.name, _FIELDS)
        return NameFormat.from_format(self.name_format, _FIELDS)

    @property
    def total(self) -> int | None:
        """Return the number of shards, if the number of images is known beforehand."""
        return None if self.expect is None else -(-self.expect // self.img_per_file)

    @property
    def waits_for_total(self) -> bool:
        """Return whether names contain the number of shards, and it is known only at the end."""
        return self.names.needs_total and self.expect is None

    @property
    def settles_others_first(self) -> bool:
        """Return whether other runs' files are found before the first shard is written."""
        return self.expect is not None and not self.clean

    def check_skipped(self, images: int) -> None:
        """Raise an `ImagineError` if so many skipped images are missing in the expected number."""
        if images and self.expect is not None:
            raise ImagineError(
                f"{counted(images, 'image')} skipped of the {self.expect} of --expect"
            )

    @property
    def fixed_folders(self) -> tuple[bytes, ...]:
        """Return the folders that are there even without shards; shards go into the first."""
        return fixed_folders(self.dest_path, self.layout)

    def shard_path(self, number: int, total: int = 0) -> bytes:
        """Return the path of a shard, without the suffix that its format appends."""
        name = self.names.name(number, total or self.total or 0)
        return os.path.join(self.fixed_folders[0], dealt_folder(number, self.subfolders), name)


def require_writer(writer: str, known: Sequence[str], install: str) -> None:
    """Check a writer's name, and that its library is installed, without importing that.

    `known` are the native writer and the libraries' modules; `install` is the command that installs
    the library.
    """
    if writer not in known:
        raise UsageError(
            f"argument --writer: unknown writer {writer!r}; known are {', '.join(known)}"
            f"{did_you_mean(writer, known)}"
        )
    if writer != known[0] and find_spec(writer) is None:
        raise UsageError(
            f"argument --writer: {writer} is not installed; {install}, or leave the option out"
        )
