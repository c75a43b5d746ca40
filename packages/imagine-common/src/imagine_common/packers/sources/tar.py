"""Images and their labels from a tar stream, grouped as WebDataset does.

Members whose names are the same up to the first dot after the last slash make a sample, as long as
they follow each other: `train/7.jpg`, `train/7.cls`, `train/7.json`. The sample's image is the
member whose first bytes are an image's; a name that promises one, by its extension, must keep the
promise. `.cls` has its labels in digits, before or after it. Everything else is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import Entry, parse_line
from imagine_common.packers.images.files import is_image
from imagine_common.packers.records import Image
from imagine_common.packers.sources.tar_headers import Member
from imagine_common.packers.sources.tar_stream import StreamError, TarStream
from imagine_common.text import counted, show

_NAME = re.compile(rb"(?s)((?:.*/)?[^./]+)\.([^/]*)")
_LABELS = re.compile(rb"\s*[0-9]+(?:\s*,\s*[0-9]+)*\s*")
_LABEL_EXTENSION = b"cls"
_IMAGE_EXTENSIONS = {
    *(b"jpg", b"jpeg", b"jpe", b"png", b"bmp", b"gif", b"webp", b"tif", b"tiff"),
    *(b"jp2", b"j2k", b"j2c", b"jpc", b"avif", b"avifs", b"heic", b"heif"),
}
_MAX_LABEL_BYTES = 1 << 20


class TarImage(NamedTuple):
    """A sample's image: its member's name and labels, its bytes, and words for where it stood."""

    entry: Entry
    data: bytes
    place: str


class TarSource:
    """The images of a tar stream on a file descriptor, stdin unless told.

    `passed_over` counts members that are neither images nor labels, and `first_passed_over` is the
    first.
    """

    def __init__(self, fd: int = 0) -> None:
        self.passed_over = 0
        self.first_passed_over = b""
        self._stream = TarStream(fd)

    def warnings(self) -> list[str]:
        """Return, once all has been read, what of the stream has not been packed."""
        found = []
        if self.passed_over:
            found.append(
                f"standard input: passed over {counted(self.passed_over, 'member')} of the tar"
                f" stream that {'is' if self.passed_over == 1 else 'are'} no image and no label"
                f" ({show(self.first_passed_over)}{' …' * (self.passed_over > 1)})"
            )
        if self._stream.has_more:
            found.append(
                "standard input: passed over what follows the tar archive's end; several archives"
                " are joined by tar --concatenate, not by cat"
            )
        return found

    def images(self, limit: Callable[[Image], int]) -> Generator[TarImage | ImagineError]:
        """Yield each sample's image; where it can't be packed, the error instead, in its place.

        Parameters
        ----------
        limit : callable
            Returns the most bytes that an image may have. A larger one is not read.

        Raises
        ------
        ImagineError
            As `TarStream.members` does; for labels without an image; and for no image at all.
        """
        found = False
        sample = _Sample(self._stream, limit, b"")
        for member in self._stream.members():
            match = _NAME.fullmatch(member.name)
            if match and match[1] != sample.key:
                if sample.is_full():
                    found = True
                    yield sample.take()
                sample = _Sample(self._stream, limit, match[1])
            try:
                if match and sample.add(member, match[2].lower()):
                    continue
            except StreamError:
                raise
            except ImagineError as error:  # Told at once: the rest may be long.
                reason = error
            else:
                self.passed_over += 1
                self.first_passed_over = self.first_passed_over or member.name
                continue
            sample.spoil()
            found = True
            yield reason
        if sample.is_full():
            yield sample.take()
        elif not found:
            only = f" (only such as {show(self.first_passed_over)})" if self.passed_over else ""
            raise ImagineError(
                f"standard input: no image in the tar stream{only};"
                " did the command that writes it fail?"
            )


class _Sample:
    """What has come of a sample: at most one image is held, and none that can't be packed."""

    def __init__(self, stream: TarStream, limit: Callable[[Image], int], key: bytes) -> None:
        self.key = key
        self._stream = stream
        self._limit = limit
        self._image: Member | None = None
        self._data = b""
        self._label: Member | None = None
        self._labels: tuple[float, ...] = ()
        self._is_spoilt = False

    def add(self, member: Member, extension: bytes) -> bool:
        """Take a member, where it is the sample's image or label, and tell whether it is.

        Raises
        ------
        ImagineError
            Where the sample can't be packed.
        """
        if self._is_spoilt:
            return True
        if extension == _LABEL_EXTENSION:
            self._add_label(member)
        elif is_image(head := self._stream.head()) or extension in _IMAGE_EXTENSIONS:
            self._add_image(member, head)
        else:
            return False
        return True

    def spoil(self) -> None:
        """Have no use for what is here, nor for what comes."""
        self._is_spoilt = True
        self._data = b""

    def is_full(self) -> bool:
        """Tell whether there is an image, now that the sample has ended.

        Raises
        ------
        ImagineError
            Where there is a label without one: in the wrong place, it would go lost.
        """
        if self._is_spoilt:
            return False
        if self._label and not self._image:
            raise self._label.error(
                "labels without an image; members of a sample must follow each other"
            )
        return self._image is not None

    def take(self) -> TarImage:
        """Return the image, and keep no hold of it."""
        assert self._image  # noqa: S101
        data, self._data = self._data, b""
        return TarImage(Entry(self._image.name, self._labels), data, self._image.place)

    def _add_label(self, member: Member) -> None:
        if self._label:
            raise member.error(f"labels again, after {show(self._label.name)}")
        self._label = member
        if member.size > _MAX_LABEL_BYTES:
            raise member.error("labels of over 1 MiB")
        text = self._stream.read()
        if not _LABELS.fullmatch(text):
            raise member.error(
                f"expected a label in digits, or several with commas, found {show(text[:40])}"
            )
        # They mean what they mean in a manifest.
        try:
            self._labels = parse_line(member.name + b"\t" + b"".join(text.split())).labels
        except ImagineError as error:
            raise ImagineError(f"{error}{member.place}") from None

    def _add_image(self, member: Member, head: bytes) -> None:
        if self._image:
            raise member.error(
                f"a second image in the sample of {show(self._image.name)}; only one can be packed"
            )
        self._image = member
        if not member.size:
            raise member.error("the file is empty")
        if not is_image(head):
            raise member.error(f"not an image (first bytes: {head[:8].hex(' ')})")
        limit = self._limit(Image(0, member.name))
        if member.size > limit:
            raise member.error(f"{member.size} bytes are over the record format's {limit}")
        self._data = self._stream.read()
