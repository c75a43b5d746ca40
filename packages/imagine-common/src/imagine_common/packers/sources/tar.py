"""Images and their labels from a tar stream, grouped into samples as WebDataset does.

Consecutive members whose names are the same up to the first dot after the last slash form a sample:
`train/7.jpg`, `train/7.cls`, `train/7.json`. With `--key-by last-dot`, they are the same up to the
last dot. The sample's image is the member that begins as an image does; a member with an image's
extension must do so. `.cls`, before or after the image, holds its labels in digits. Other members
are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from imagine_common.errors import ImagineError, UsageError
from imagine_common.packers.images import is_image
from imagine_common.packers.records import Image
from imagine_common.packers.sources.base import Ignored
from imagine_common.packers.sources.tar_headers import Member
from imagine_common.packers.sources.tar_sample import Rules, Sample
from imagine_common.packers.sources.tar_stream import TarStream

if TYPE_CHECKING:
    from imagine_common.packers.shards.record_format import RecordFormat

# A sample's key, and the extension.
_NAMES = {
    "first-dot": re.compile(rb"(?s)((?:.*/)?[^./]+)\.([^/]*)"),
    "last-dot": re.compile(rb"(?s)((?:.*/)?[^./][^/]*)\.([^./]*)"),
}


class TarSource:
    """The images of the tar archives at `paths`, or of a file descriptor's stream, such as stdin.

    `key_by` is where the name of a sample ends in that of a member: at the `first-dot` after the
    last slash, or at the `last-dot`. If there are `extensions`, such as `jpg` or `input.jpg`, only
    images with one of them are packed. `ignored` counts members that are neither images nor labels.
    """

    def __init__(
        self,
        fd: int = 0,
        key_by: str = "first-dot",
        extensions: Sequence[bytes] = (),
        paths: Sequence[bytes] = (),
    ) -> None:
        if key_by not in _NAMES:
            raise UsageError(f"argument --key-by: {key_by!r} is not {' or '.join(_NAMES)}")
        dotted = tuple(b"." + extension.lower().removeprefix(b".") for extension in extensions)
        if b"." in dotted:
            raise UsageError("argument --image-extension: an extension is empty")
        self.ignored = Ignored("non-image tar member")
        self._hidden = Ignored("hidden image")
        self._others = Ignored("other image")
        self._rules = Rules(key_by, dotted)
        self._stream = TarStream(fd, paths)
        self._name = "tar archives" if paths else "standard input"

    def warnings(self) -> list[str]:
        """Return what was ignored, after the whole stream has been read."""
        reasons = (self.ignored, self._hidden, self._others)
        return [f"{self._name}: {ignored}" for ignored in reasons if ignored.count]

    def images(
        self, record_format: RecordFormat, label_offset: int = 0, skip_invalid: bool = False
    ) -> Generator[Image | ImagineError]:
        """Yield the image of each sample, ready for its record, or the error in its place."""
        fullmatch = _NAMES[self._rules.key_by].fullmatch
        position = 0
        sample = Sample(self._stream, record_format, self._rules, None)
        for member in self._stream.members():
            if member and (name := fullmatch(member.name)):
                key, extension = name[1], name[2].lower()
            elif member and not self._is_image(member):
                continue
            else:  # It has no extension, or the archive ends.
                key, extension = member and member.name, b""
            if key != sample.key:
                if sample.is_complete():
                    yield sample.take_image(position, label_offset)
                    position += 1
                sample = Sample(self._stream, record_format, self._rules, key)
            if member and not sample.add(member, extension):
                is_other = is_image(self._stream.head())
                (self._others if is_other else self.ignored).add(member.name)
            if sample.lost and not skip_invalid:
                yield sample.take_image(position, label_offset)
                position += 1
        if not position:
            others = f" ({self.ignored})" if self.ignored.count else ""
            raise ImagineError(
                f"{self._name}: no image in the tar stream{others};"
                " did the command that writes it fail?"
            )

    def _is_image(self, member: Member) -> bool:
        """Return whether a member without an extension is an image, by its first bytes."""
        if not is_image(self._stream.head()):
            self.ignored.add(member.name)
        elif member.name.rpartition(b"/")[2].startswith(b"."):
            self._hidden.add(member.name)
        else:
            return True
        return False
