"""What sources of images offer to the packers.

Methods raise an `ImagineError` for a line or a member that can't be packed, and for a source that
can't be read, is damaged or has no image.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from imagine_common.text import counted, show

if TYPE_CHECKING:
    from imagine_common.errors import ImagineError
    from imagine_common.packers.records import Image
    from imagine_common.packers.shards.record_format import RecordFormat


class LineFormat(Protocol):
    """The format of a source's lines. Worker processes get a pickled copy."""

    delimiter: bytes  # the byte that ends each line

    def parse(self, line: bytes, position: int) -> Image:
        """Return the image in the line at a position, from 0; without its size and data."""

    def locate(self, position: int) -> str:
        """Return the end of an error message that gives the place of the line at a position."""


@runtime_checkable
class LineSource(Protocol):
    """A manifest, a list or a folder: lines that name image files, which any process can pack."""

    line_format: LineFormat

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield lines without their ends as they become known; None while none arrives."""

    def warnings(self) -> list[str]:
        """Return what was ignored, after the whole source has been read."""
        return []


@runtime_checkable
class StreamSource(Protocol):
    """A tar stream: images that arrive whole, in this process."""

    def images(
        self, record_format: RecordFormat, label_offset: int = 0, skip_invalid: bool = False
    ) -> Generator[Image | ImagineError]:
        """Yield each image, ready for its record, or the error in its place.

        `label_offset` is added to each label. An `InvalidSample` stands for several lost images: if
        `skip_invalid`, for all of its sample, and otherwise for those that are known so far.
        """

    def warnings(self) -> list[str]:
        """Return what was ignored, after the whole stream has been read."""


Source: TypeAlias = "LineSource | StreamSource"


class Ignored:
    """Counts what a source leaves out for one reason, and remembers the first."""

    def __init__(self, noun: str, verb: str = "ignored", hint: str = "") -> None:
        self.count = 0
        self.first = b""
        self._noun = noun
        self._verb = verb
        self._hint = hint

    def add(self, path: bytes) -> None:
        """Count one."""
        self.first = self.first or path
        self.count += 1

    def __str__(self) -> str:
        more = " …" * (self.count > 1)
        return (
            f"{self._verb} {counted(self.count, self._noun)} ({show(self.first)}{more}){self._hint}"
        )
