"""The number of images processed so far, by this process and its workers."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECONDS_BETWEEN_REPORTS = 0.1


class Progress:
    """Counts images, and calls `listener` at most ten times a second while there is work.

    `images` have been processed, `listed` images are known to come, and `total` will have come in
    the end, if that is known.
    """

    def __init__(self) -> None:
        self.listener: Callable[[], object] | None = None
        self.images = self.listed = 0
        self.total: int | None = None
        self._due = 0.0

    def advance(self, images: int = 1) -> None:
        """Count images that have been processed; 0 only lets the listener show the time."""
        self.images += images
        if self.listener is not None and (now := time.monotonic()) >= self._due:
            self._due = now + _SECONDS_BETWEEN_REPORTS
            self.listener()

    def take(self) -> int:
        """Return the number of images, and count from 0 again."""
        images, self.images = self.images, 0
        return images


progress = Progress()
