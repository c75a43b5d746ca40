"""Images and their labels from a tar stream, grouped into samples as WebDataset does.

Consecutive members whose names are the same up to the first dot after the last slash form a sample:
`train/7.jpg`, `train/7.cls`, `train/7.json`. The sample's image is the member that begins as an
image does; a member with an image's extension must do so. `.cls`, before or after the image, holds
its labels in digits. Other members are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import parse_line
from imagine_common.packers.images import is_image, offset_labels, require_image, require_size
from imagine_common.packers.records import Image
from imagine_common.packers.sources.base import Ignored
from imagine_common.packers.sources.tar_headers import Member, place
from imagine_common.packers.sources.tar_stream import StreamError, TarStream
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.packers.shards.record_format import RecordFormat

_NAME = re.compile(rb"(?s)((?:.*/)?[^./]+)\.([^/]*)")
_LABELS = re.compile(rb"\s*[0-9]+(?:\s*,\s*[0-9]+)*\s*")
_LABEL_EXTENSION = b"cls"
_IMAGE_EXTENSIONS = {
    *(b"jpg", b"jpeg", b"jpe", b"png", b"bmp", b"gif", b"webp", b"tif", b"tiff"),
    *(b"jp2", b"j2k", b"j2c", b"jpc", b"avif", b"avifs", b"heic", b"heif", b"jxl"),
}
_MAX_LABEL_BYTES = 1 << 20


class TarSource:
    """The images of a tar stream on a file descriptor, stdin by default.

    `ignored` counts the members that are neither images nor labels.
    """

    def __init__(self, fd: int = 0) -> None:
        self.ignored = Ignored("non-image tar member")
        self._stream = TarStream(fd)

    def warnings(self) -> list[str]:
        """Return what was ignored, after the whole stream has been read."""
        warnings = [f"standard input: {self.ignored}"] if self.ignored.count else []
        if self._stream.has_more:
            warnings.append(
                "standard input: ignored the data after the tar archive's end; join several"
                " archives with tar --concatenate, not with cat"
            )
        return warnings

    def images(
        self, record_format: RecordFormat, label_offset: int = 0
    ) -> Generator[Image | ImagineError]:
        """Yield each sample's image, ready for its record, or the error in its place."""
        position = 0
        sample = _Sample(self._stream, record_format, b"")
        for member in self._stream.members():
            name = _NAME.fullmatch(member.name)
            if name and name[1] != sample.key:
                if sample.has_image():
                    yield sample.take_image(position, label_offset)
                    position += 1
                sample = _Sample(self._stream, record_format, name[1])
            try:
                if not name or not sample.add(member, name[2].lower()):
                    self.ignored.add(member.name)
                continue
            except StreamError:
                raise
            except ImagineError as reason:
                error = ImagineError(f"{reason}{place(member.offset)}")
            sample = _Sample(self._stream, record_format, sample.key, is_dropped=True)
            yield error
            position += 1
        if sample.has_image():
            yield sample.take_image(position, label_offset)
        elif not position:
            others = f" ({self.ignored})" if self.ignored.count else ""
            raise ImagineError(
                f"standard input: no image in the tar stream{others};"
                " did the command that writes it fail?"
            )


class _Sample:
    """The members of a sample so far: at most one image and one label file.

    Those of a dropped sample, one with an error, are skipped.
    """

    def __init__(
        self, stream: TarStream, record_format: RecordFormat, key: bytes, is_dropped: bool = False
    ) -> None:
        self.key = key
        self._stream = stream
        self._record_format = record_format
        self._image: Member | None = None
        self._data = b""
        self._label: Member | None = None
        self._labels: tuple[float, ...] = ()
        self._is_dropped = is_dropped

    def add(self, member: Member, extension: bytes) -> bool:
        """Read a member if it is the sample's image or label; return whether it is."""
        if self._is_dropped:
            return True
        if extension == _LABEL_EXTENSION:
            self._add_label(member)
        elif is_image(head := self._stream.head()) or extension in _IMAGE_EXTENSIONS:
            self._add_image(member, head)
        else:
            return False
        return True

    def has_image(self) -> bool:
        """Return whether the sample, now complete, has an image; refuse a label without one."""
        if self._is_dropped:
            return False
        if self._label and not self._image:
            raise ImagineError(
                f"{show(self._label.name)}: labels without an image; members of a sample must"
                f" follow each other{place(self._label.offset)}"
            )
        return self._image is not None

    def take_image(self, position: int, label_offset: int) -> Image | ImagineError:
        """Return the image, and keep no reference to its data."""
        assert self._image  # noqa: S101
        data, self._data = self._data, b""
        image = Image(position, self._image.name, self._labels, len(data), data)
        try:
            image = offset_labels(image, label_offset)
            require_size(image.path, image.size, self._record_format.image_limit(image))
            header = self._record_format.examine(image.path, data)
        except ImagineError as error:
            return ImagineError(f"{error}{place(self._image.offset)}")
        return image if header is None else image._replace(header=header)

    def _add_label(self, member: Member) -> None:
        name = show(member.name)
        if self._label:
            raise ImagineError(f"{name}: labels again, after {show(self._label.name)}")
        self._label = member
        if member.size > _MAX_LABEL_BYTES:
            raise ImagineError(f"{name}: labels of over 1 MiB")
        text = self._stream.read()
        if not _LABELS.fullmatch(text):
            raise ImagineError(
                f"{name}: expected a label in digits, or several separated by commas,"
                f" found {show(text[:40])}"
            )
        # Labels mean the same as in a manifest.
        self._labels = parse_line(member.name + b"\t" + b"".join(text.split())).labels

    def _add_image(self, member: Member, head: bytes) -> None:
        if self._image:
            raise ImagineError(
                f"{show(member.name)}: a second image in the sample of {show(self._image.name)};"
                " only one can be packed"
            )
        self._image = member
        # The format may take fewer bytes with labels, but an image that never fits is not read.
        require_size(
            member.name, member.size, self._record_format.image_limit(Image(0, member.name))
        )
        require_image(member.name, head)
        self._data = self._stream.read()
