"""A sample of a tar stream: at most one image and one label file among its members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.exchange.manifest import parse_line
from imagine_common.packers.images import (
    is_image,
    offset_labels,
    promises_image,
    require_end,
    require_image,
    require_size,
)
from imagine_common.packers.records import Image, InvalidSample
from imagine_common.packers.sources.tar_headers import Member, place
from imagine_common.packers.sources.tar_stream import StreamError, TarStream
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.packers.shards.record_format import RecordFormat

_LABELS = re.compile(rb"\s*[0-9]+(?:\s*,\s*[0-9]+)*\s*")
_LABEL_EXTENSION = b"cls"
_MAX_LABEL_BYTES = 1 << 20


class Rules(NamedTuple):
    """How members become samples."""

    key_by: str
    extensions: tuple[bytes, ...]  # of the images to pack, each after a dot; empty for all

    def hint(self) -> str:
        """Return the end of an error message about a key that ends at the first dot."""
        if self.key_by != "first-dot":
            return ""
        return "; the name of a sample ends at its first dot: with --key-by last-dot, at its last"


class Sample:
    """The members of a sample so far. If images are `lost`, for these reasons, none is packed."""

    # Setting these for each sample would take 1 % of the time for a small image.
    _image: Member | None = None  # the first
    _other: Member | None = None  # the first image with another extension
    _data = b""
    _label: Member | None = None
    _labels: tuple[float, ...] = ()
    _far_label: Member | None = None  # the last with more in its extension than `cls`
    _label_error = ""
    _is_taken = False

    def __init__(
        self, stream: TarStream, record_format: RecordFormat, rules: Rules, key: bytes | None
    ) -> None:
        self.key = key
        self.lost: list[str] = []
        self._stream = stream
        self._record_format = record_format
        self._rules = rules

    def add(self, member: Member, extension: bytes) -> bool:
        """Read a member if it is the sample's image or label; return whether it is."""
        if self._is_taken:
            return True
        if extension == _LABEL_EXTENSION:
            self._add_label(member)
            return True
        if is_image(head := self._stream.head()) or promises_image(extension):
            chosen = self._rules.extensions
            if not chosen or (b"." + extension).endswith(chosen):
                self._add_image(member, head)
                return True
            self._other = self._other or member
        elif extension.endswith(b"." + _LABEL_EXTENSION):
            self._far_label = member
            self._check_label()
        return False

    def is_complete(self) -> bool:
        """Return whether the sample, now complete, has an image; refuse a label without one."""
        if self._image or self._is_taken:
            return not self._is_taken
        if self._other:
            reason = "no image of its sample has the extension of --image-extension"
            self.lost.append(f"{show(self._other.name)}: {reason}{place(self._other.offset)}")
        elif self._label:
            raise ImagineError(
                f"{show(self._label.name)}: labels without an image; members of a sample must"
                f" follow each other{place(self._label.offset)}"
            )
        return bool(self.lost)

    def take_image(self, position: int, label_offset: int) -> Image | ImagineError:
        """Return the image, or the error in its place, once; keep no reference to its data."""
        self._is_taken = True
        data, self._data = self._data, b""
        if self._image and self._label_error and not self.lost:
            self.lost.append(f"{show(self._image.name)}: {self._label_error}")
        if self.lost or not self._image:
            reasons, self.lost = self.lost, []
            return InvalidSample(*reasons)
        image = Image(position, self._image.name, self._labels, len(data), data)
        try:
            image = offset_labels(image, label_offset)
            require_size(image.path, image.size, self._record_format.image_limit(image))
            header = self._record_format.examine(image.path, data)
        except ImagineError as error:
            return ImagineError(f"{error}{place(self._image.offset)}")
        return image if header is None else image._replace(header=header)

    def _add_image(self, member: Member, head: bytes) -> None:
        if self._image:
            self._add_further(self._image, member)
            return
        self._image = member
        if self._far_label:
            self._check_label()
        try:
            # The format may take fewer bytes with labels, but an image that never fits is not read.
            limit = self._record_format.image_limit(Image(0, member.name))
            require_size(member.name, member.size, limit)
            require_image(member.name, head)
            self._data = self._stream.read()
            require_end(member.name, self._data, member.size)
        except StreamError:
            raise
        except ImagineError as error:
            self.lost.append(f"{error}{place(member.offset)}")

    def _add_further(self, first: Member, member: Member) -> None:
        """Lose a second image or one after it, and with the second one the first."""
        hint = "" if self.lost else f"; --image-extension chooses one{self._rules.hint()}"
        reason = f"another image in the sample of {show(first.name)}{hint}"
        self.lost.append(f"{show(member.name)}: {reason}{place(member.offset)}")
        if hint:
            reason = f"its sample also has {show(member.name)}"
            self.lost.append(f"{show(first.name)}: {reason}{place(first.offset)}")
            self._data = b""

    def _check_label(self) -> None:
        """Refuse labels that are the image's by their name, but not by their key."""
        label, image = self._far_label, self._image
        if label and image and label.name[:-3] == image.name[: image.name.rfind(b".") + 1]:
            self._label_error = f"its labels are in {show(label.name)}{self._rules.hint()}"

    def _add_label(self, member: Member) -> None:
        try:
            self._labels = self._read_labels(member)
        except StreamError:
            raise
        except ImagineError as error:
            self._label_error = f"{error}{place(member.offset)}"
        self._label = member

    def _read_labels(self, member: Member) -> tuple[float, ...]:
        name = show(member.name)
        if self._label:
            raise ImagineError(f"{name}: labels again, after {show(self._label.name)}")
        if member.size > _MAX_LABEL_BYTES:
            raise ImagineError(f"{name}: labels of over 1 MiB")
        text = self._stream.read()
        if not _LABELS.fullmatch(text):
            raise ImagineError(
                f"{name}: expected a label in digits, or several separated by commas,"
                f" found {show(text[:40])}"
            )
        # Labels mean the same as in a manifest.
        return parse_line(member.name + b"\t" + b"".join(text.split())).labels
