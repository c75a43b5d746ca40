"""Images from a manifest on stdin."""

from __future__ import annotations

from collections.abc import Iterator

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import NEWLINE, line_of_manifest, parse_line, read_lines
from imagine_common.packers.records import Image
from imagine_common.packers.sources.base import LineSource


class ManifestLines:
    """The lines of a manifest: `path`, or `path<TAB>label[,label…]`."""

    def __init__(self, delimiter: bytes = NEWLINE) -> None:
        self.delimiter = delimiter

    def parse(self, line: bytes, position: int) -> Image:
        """Return the image in a line; its position in the dataset is that of the line."""
        return Image(position, *parse_line(line))

    def locate(self, position: int) -> str:
        """Return the end of an error message that gives the line's number."""
        return line_of_manifest(position)


class ManifestSource(LineSource):
    """A manifest read from a file descriptor, stdin by default."""

    def __init__(self, delimiter: bytes = NEWLINE, fd: int = 0) -> None:
        self.line_format = ManifestLines(delimiter)
        self.listed = 0  # images so far
        self._fd = fd

    def lines(self) -> Iterator[list[bytes] | None]:
        """Yield the manifest's lines as they arrive; None while none arrives."""
        for lines in read_lines(self._fd, self.line_format.delimiter):
            self.listed += len(lines or ())
            yield lines
        if not self.listed:
            raise ImagineError(
                "standard input: the manifest is empty; did the command that writes it fail?"
            )
