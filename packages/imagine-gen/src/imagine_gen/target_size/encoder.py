"""The base of the encoders of JPEG files of a target size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer
from imagine_common.text import show
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.formats.jpeg import with_filler
from imagine_gen.formats.jpeg_levels import levels
from imagine_gen.target_size.level_search import Fineness, Ladder
from imagine_gen.target_size.sizes import TargetSizes

Source = TypeVar("Source")


class Reach(NamedTuple):
    """About the sizes of files, in bytes, at the coarsest and at the finest level."""

    least: int
    most: int


class TargetSizeEncoder(ImageEncoder, Generic[Source]):
    """Encodes images of one width and height as files of their target sizes.

    A file has `overhead` bytes that are not entropy-coded data. `expect` returns about how many
    bytes of entropy-coded data an image has at a level.

    Raises
    ------
    UsageError
        From the constructor, if the target size is out of reach.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        overhead: int,
        reach: Reach,
        expect: Callable[[int], int],
        fineness: Fineness,
    ) -> None:
        self._spec = spec
        self._overhead = overhead
        room = (spec.target_size or 0) - overhead
        self._ladder = Ladder(expect, len(levels(spec.mode)), room, fineness)
        self._sizes = TargetSizes(spec, *reach)

    @abstractmethod
    def _source(self, index: int) -> Source:
        """Return an image before it is encoded, valid until the next call."""

    @abstractmethod
    def _encode(self, source: Source, level: int) -> list[Buffer]:
        """Return the file of an image at a level: the segments before the scan, then the rest."""

    def wanted_size(self, index: int) -> int:
        """Return the size in bytes that an image's file must have."""
        return self._sizes(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image.

        Raises
        ------
        ImagineError
            If the image does not fit in its target size even at the coarsest level.
        """
        source = self._source(index)
        size = self._sizes(index)
        room = size - self._overhead
        files: dict[int, list[Buffer]] = {}
        filler: dict[int, int] = {}

        def measure(level: int, best: int | None) -> int:
            for other in files.keys() - {best}:
                del files[other]
            files[level] = self._encode(source, level)
            filler[level] = size - sum(map(len, files[level]))
            return room - filler[level]

        level = self._ladder.search(room, measure)
        if level is None:
            raise ImagineError(
                f"{show(self._spec.image_path(index))}: does not fit in {size} bytes, even at the"
                " lowest quality; raise --target-size"
            )
        file = files[level]
        file[0] = with_filler(bytes(file[0]), filler[level])
        return EncodedImage(file, filler[level])
