"""Images and their labels from a tar stream, grouped as WebDataset does.

Members whose names are the same up to the first dot after the last slash make a sample, as long as
they follow each other: `train/7.jpg`, `train/7.cls`, `train/7.json`. The sample's image is the
member whose first bytes are an image's; a name that promises one, by its extension, must keep the
promise. `.cls` has its labels in digits, before or after it. Everything else is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from imagine_common.errors import ImagineError, show
from imagine_common.manifest import Entry, parse_line
from imagine_common.packers.images import is_image
from imagine_common.packers.packing import Image
from imagine_common.packers.tar_stream import Member, StreamError, TarStream

_NAME = re.compile(rb"(?s)((?:.*/)?[^./]+)\.([^/]*)")
_LABELS = re.compile(rb"\s*[0-9]+(?:\s*,\s*[0-9]+)*\s*")
_LABEL_EXTENSION = b"cls"
_IMAGE_EXTENSIONS = {
    *(b"jpg", b"jpeg", b"jpe", b"png", b"bmp", b"gif", b"webp", b"tif", b"tiff"),
    *(b"jp2", b"j2k", b"j2c", b"jpc", b"avif", b"avifs", b"heic", b"heif"),
}
_MAX_LABEL_BYTES = 1 << 20


class TarSource:
    """The images of a tar stream on a file descriptor, stdin unless told.

    `passed_over` counts members that are neither images nor labels, and `first_passed_over` is the
    first. `has_more` tells, once all has been read, whether anything followed the archive's end.
    """

    def __init__(self, fd: int = 0) -> None:
        self.passed_over = 0
        self.first_passed_over = b""
        self._stream = TarStream(fd)

    @property
    def has_more(self) -> bool:
        """Tell whether anything but zeros followed the archive's end."""
        return self._stream.has_more

    def images(self, limit: Callable[[Entry], int]) -> Iterator[Image | ImagineError]:
        """Yield each sample's image; where it can't be packed, the error instead, in its place.

        Parameters
        ----------
        limit : callable
            Returns the most bytes that an image may have, raising an ImagineError for labels that
            can't be stored. A larger one is not read.

        Raises
        ------
        ImagineError
            As `TarStream.members` does; for labels without an image; and for no image at all.
        """
        position = 0
        sample = _Sample(self._stream, limit, b"")
        for member in self._stream.members():
            match = _NAME.fullmatch(member.name)
            if match and match[1] != sample.key:
                if sample.is_full():
                    yield sample.take(position)
                    position += 1
                sample = _Sample(self._stream, limit, match[1])
            if not match or not sample.add(member, match[2].lower()):
                self.passed_over += 1
                self.first_passed_over = self.first_passed_over or member.name
        if sample.is_full():
            yield sample.take(position)
        elif not position:
            only = f" (only such as {show(self.first_passed_over)})" if self.passed_over else ""
            raise ImagineError(
                f"standard input: no image in the tar stream{only};"
                " did the command that writes it fail?"
            )


class _Sample:
    """What has come of a sample: at most one image is held, and none that can't be packed."""

    def __init__(self, stream: TarStream, limit: Callable[[Entry], int], key: bytes) -> None:
        self.key = key
        self._stream = stream
        self._limit = limit
        self._image: Member | None = None
        self._data = b""
        self._label: Member | None = None
        self._labels: tuple[int, ...] = ()
        self._error: ImagineError | None = None

    def add(self, member: Member, extension: bytes) -> bool:
        """Take a member, where it is the sample's image or label, and tell whether it is."""
        if extension == _LABEL_EXTENSION:
            take = self._add_label
        elif is_image(head := self._stream.head()) or extension in _IMAGE_EXTENSIONS:
            take = partial(self._add_image, head)
        else:
            return False
        try:
            take(member)
        except StreamError:
            raise
        except ImagineError as error:
            self._error = self._error or error
            self._data = b""
        return True

    def is_full(self) -> bool:
        """Tell whether there is an image, good or bad, now that the sample has ended.

        Raises
        ------
        ImagineError
            Where there is a label without one: in the wrong place, it would go lost.
        """
        if self._label and not self._image:
            raise self._label.error(
                "labels without an image; members of a sample must follow each other"
            )
        return self._image is not None

    def take(self, position: int) -> Image | ImagineError:
        """Return the image, and keep no hold of it."""
        assert self._image  # noqa: S101
        data, self._data = self._data, b""
        if not self._error:
            try:
                self._require_fitting(self._image, self._labels)
            except ImagineError as error:
                self._error = error
        return self._error or Image(position, self._image.name, self._labels, data)

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

    def _add_image(self, head: bytes, member: Member) -> None:
        if self._image:
            raise member.error(
                f"a second image in the sample of {show(self._image.name)}; only one can be packed"
            )
        self._image = member
        if not member.size:
            raise member.error("the file is empty")
        if not is_image(head):
            raise member.error(f"not an image (first bytes: {head[:8].hex(' ')})")
        self._require_fitting(member, ())
        self._data = self._stream.read()

    def _require_fitting(self, member: Member, labels: tuple[int, ...]) -> None:
        try:
            limit = self._limit(Entry(member.name, labels))
        except ImagineError as error:
            raise ImagineError(f"{error}{member.place}") from None
        if member.size > limit:
            raise member.error(f"{member.size} bytes are over the record format's {limit}")
