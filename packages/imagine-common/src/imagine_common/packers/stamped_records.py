"""The order of images by their stamps, within a file of records and over several files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagine_common.errors import ImagineError
from imagine_common.files.stamps import Stamp, check_stamp
from imagine_common.text import show

if TYPE_CHECKING:
    from imagine_common.files.reading import FileSlice
    from imagine_common.packers.checking import FileReport


class StampedRecords:
    """The stamps of a file's records, in order: their dataset, and the range of their indexes."""

    def __init__(self) -> None:
        self.dataset = b""
        self.low = self.high = self._last = -1
        self._bare: ImagineError | None = None  # about the first record without a stamp

    def check(
        self, report: FileReport, data: bytes | FileSlice, begin: int, end: int, offset: int
    ) -> None:
        """Check the image between two offsets of the current record, which is at `offset`."""
        self._last += 1
        try:
            stamp = check_stamp(data, begin, end)
        except ImagineError as error:
            report.found(f"its image is {error}", offset)
            return
        if stamp is None:
            reason = "its image has no stamp, but others have"
            self._bare = self._bare or report.error(reason, offset)
        else:
            self.add(report, stamp)

    def add(self, report: FileReport, stamp: Stamp) -> None:
        """Add the stamp of the current record."""
        if self.dataset not in (b"", stamp.dataset):
            detail = f": {stamp.dataset.hex()} instead of {self.dataset.hex()}"
            report.remark("with stamps of another dataset", detail)
        else:
            if self.dataset and stamp.image != self._last:
                detail = f": image {stamp.image} after image {self._last - 1}"
                report.remark("whose image does not follow the one before", detail)
            self.low = min(self.low, stamp.image) if self.dataset else stamp.image
            self.high = max(self.high, stamp.image)
            self.dataset, self._last = stamp

    def finish(self, report: FileReport) -> None:
        """Report the first record without a stamp, if others have one."""
        if self.dataset and self._bare:
            report.add(str(self._bare))
            self._bare = None


class StampedFiles:
    """The stamps in files, as runs of consecutive images: one run, if they are in order."""

    def __init__(self) -> None:
        self._dataset = b""
        self._conflict = False
        self._runs: list[tuple[int, int, bytes, bytes]] = []  # first, last, and their files

    def add(self, path: bytes, stamps: StampedRecords) -> list[str]:
        """Add the stamps of a file; return how they contradict those of the file before."""
        low, high, known = stamps.low, stamps.high, f"{show(path)}: "
        if not stamps.dataset:
            return []
        if self._dataset not in (b"", stamps.dataset):
            self._conflict = True
            known += f"its dataset is {stamps.dataset.hex()}, but that of {show(self._runs[-1][3])}"
            return [f"{known} is {self._dataset.hex()}"]
        self._dataset = stamps.dataset
        first, last, begin, _ = self._runs[-1] if self._runs else (low, low - 1, path, b"")
        if low == last + 1:
            self._runs[-1:] = [(first, high, begin, path)]
        else:
            self._runs.append((low, high, path, path))
        return []

    def faults(self, most: int) -> Iterator[str]:
        """Yield the first messages about runs that overlap, or have missing images between them."""
        end, before = -1, b""
        for first, last, begin, path in sorted(self._runs):
            if before and first != end + 1:
                self._conflict = self._conflict or first <= end
                most -= 1
                if most >= 0:
                    yield f"{show(begin)}: image {first} follows image {end} of {show(before)}"
            if last >= end:
                end, before = last, path

    def require_unique(self) -> None:
        """Raise an `ImagineError` if there were two datasets, or an image was there twice."""
        if self._conflict:
            raise ImagineError("not images of one dataset, each of them once")
