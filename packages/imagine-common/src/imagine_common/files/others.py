"""Files that other runs left among those of this one.

A reader of the folder would take them for part of the dataset, so a run does not pass over them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple

from imagine_common.errors import ImagineError, UsageError
from imagine_common.text import counted, show


class Others(NamedTuple):
    """What happens to other runs' files: they are an error, unless they are removed or kept.

    If `keep` is None, they are kept with a warning, which `warn` gets.
    """

    clean: bool = False
    keep: bool | None = False
    warn: Callable[[str], object] = warnings.warn

    def check(self) -> None:
        """Refuse a contradiction."""
        if self.clean and self.keep:
            raise UsageError(
                "argument --clean: not with --keep-others, which leaves what it removes"
            )

    def to_remove(
        self, folder: bytes, names: Iterable[bytes], error: type[ImagineError] = UsageError
    ) -> list[bytes]:
        """Return the names of other runs' files in a folder if they are to be removed.

        `names` reads the folder. Files that must not be there raise `error`. A folder that can't be
        read is a warning, unless it has to be cleaned.
        """
        self.check()
        if self.keep:
            return []
        try:
            found = list(names)
        except ImagineError as problem:
            if self.clean:
                raise
            self.warn(f"{problem}; files that another run left in the folder go unnoticed")
            return []
        if not found or self.clean:
            return found
        shown = " to ".join(map(show, dict.fromkeys((found[0], found[-1]))))
        message = f"{show(folder)}: has {counted(len(found), 'file')} of another run ({shown})"
        if self.keep is None:
            self.warn(f"{message}, which readers take for files of this one")
            return []
        raise error(
            f"{message}, which readers would take for files of this one: --clean removes them,"
            " --keep-others leaves them"
        )
