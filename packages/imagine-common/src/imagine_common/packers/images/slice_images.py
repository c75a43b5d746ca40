"""The images of a slice: read, or only looked at, and checked for what the format asks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeVar

from imagine_common.errors import ImagineError, UsageError
from imagine_common.exchange.manifest import Entry
from imagine_common.files.urls import is_remote, rooted
from imagine_common.packers.images.files import look_at_image, read_image
from imagine_common.packers.images.labels import offset_labels
from imagine_common.packers.pack_spec import PackSpec
from imagine_common.packers.records import Image, RecordFormat
from imagine_common.packers.shards.slices import LineFormat

if TYPE_CHECKING:
    from imagine_common.files.image_headers import Header

Found = TypeVar("Found")
_Answer: TypeAlias = tuple[int, Entry, Found]


class SliceImages:
    """Images of lines. `skipped` tells which of them were bad, where these are skipped.

    Parameters
    ----------
    lines : iterable
        Each line with its position in the source, from 0.
    base : bytes
        Where the lines' relative paths begin, if not in this process' folder.
    """

    def __init__(
        self,
        lines: Iterable[tuple[int, bytes]],
        line_format: LineFormat,
        spec: PackSpec,
        form: RecordFormat,
        base: bytes = b"",
    ) -> None:
        self.skipped: list[str] = []
        self._lines = lines
        self._line_format = line_format
        self._spec = spec
        self._form = form
        self._base = base

    def read(self) -> Iterator[Image]:
        """Yield the images with their data."""
        for key, entry, (data, header) in self._each(self._read):
            yield Image(key, entry.path, entry.labels, len(data), data, header)

    def look_at(self) -> Iterator[Image]:
        """Yield the images without their data."""
        for key, entry, (size, header) in self._each(self._look_at):
            # Who resumes reads some of them again. What goes into records is the name at most.
            path = rooted(entry.path, self._base)
            yield Image(key, path, entry.labels, size, header=header)

    def _read(self, entry: Entry) -> tuple[bytes, Header | None]:
        data = read_image(rooted(entry.path, self._base), self._form.image_limit(entry))
        return data, self._form.examine(entry.path, data)

    def _look_at(self, entry: Entry) -> tuple[int, Header | None]:
        path = rooted(entry.path, self._base)
        return look_at_image(path, self._form.image_limit(entry), self._form.examine)

    def _each(self, function: Callable[[Entry], Found]) -> Iterator[tuple[int, Entry, Found]]:
        for position, get in self._asked(function):
            try:
                key, entry, found = get()
            except UsageError:  # It is not about this image alone.
                raise
            except ImagineError as error:
                message = f"{error}{self._line_format.locate(position)}"
                if not self._spec.skip_invalid:
                    raise ImagineError(message) from error
                self.skipped.append(message)
            else:
                yield key, entry, found
                del found  # Nothing here may keep an image that has been written.

    def _asked(
        self, function: Callable[[Entry], Found]
    ) -> Iterator[tuple[int, Callable[[], _Answer[Found]]]]:
        """Yield each line's position with what returns its image, or raises what is wrong.

        Once a line names an object in a store, several of the lines after it are seen to already.
        """
        questions = (self._question(function, *line) for line in self._lines)
        for position, is_far, get in questions:
            if is_far:
                break
            yield position, get
        else:
            return
        from imagine_common.files.stores.ahead import in_advance

        todo = chain([(position, is_far, get)], questions)
        for question, answer in in_advance(lambda question: question[2](), todo):
            yield question[0], answer

    def _question(
        self, function: Callable[[Entry], Found], position: int, line: bytes
    ) -> tuple[int, bool, Callable[[], _Answer[Found]]]:
        """Return a line's position, whether asking takes a while, and what asks."""
        try:
            key, entry = self._line_format.parse(line, position)
            entry = offset_labels(entry, self._spec.label_offset)
            is_far = is_remote(entry.path)
        except ImagineError as error:
            return position, False, partial(_fail, error)
        return position, is_far, lambda: (key, entry, function(entry))


def _fail(error: ImagineError) -> NoReturn:
    raise error
