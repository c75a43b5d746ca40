"""Images into an object store: many are uploaded while others are made, across units of work.

One thread at a time makes images with an encoder, and then uploads them itself: handing each image
to another thread takes longer than making a direct one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from itertools import islice, repeat
from weakref import WeakKeyDictionary

from imagine_common.files.storage import output_file
from imagine_common.files.stores.objects import IN_FLIGHT, look_ahead
from imagine_common.host.threads import check_stopped
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import ImageEncoder
from imagine_gen.work.files import FinishedFile, existing_size, kept_file, write_image

# A thread makes some small images in a row, since changing threads takes as long as making one.
_PIXELS_IN_TURN = 1 << 20
# The memory of a worker limits the number of large images in flight.
_PIXELS_IN_FLIGHT = 1 << 26
_SECONDS_BETWEEN_LOOKS = 0.1


class UnitUpload:
    """A unit's images on their way into a store; threads make and upload some in each turn."""

    def __init__(self, turns: list[Future[list[FinishedFile]]]) -> None:
        self._turns = turns

    def result(self) -> list[FinishedFile]:
        """Wait for the files and return them, or raise the error of the first image without one."""
        files = []
        try:
            for turn in self._turns:
                while not turn.done():
                    wait([turn], _SECONDS_BETWEEN_LOOKS)
                    check_stopped()
                files += turn.result()
        finally:
            self.cancel()
        return files

    def cancel(self) -> None:
        """Make no further images."""
        for turn in self._turns:
            turn.cancel()


class _Threads(ThreadPoolExecutor):
    """Threads that use an encoder in turn."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.turn = threading.Lock()


_threads: WeakKeyDictionary[ImageEncoder, _Threads] = WeakKeyDictionary()


def upload_images(
    resume: bool, spec: DatasetSpec, encoder: ImageEncoder, indexes: range
) -> UnitUpload:
    """Begin to make a unit's files in a store; with `resume`, keep those that exist."""
    existing = partial(existing_size, spec, encoder.dataset)
    images = zip(indexes, look_ahead(existing, indexes) if resume else repeat(0))
    pixels = spec.width * spec.height
    threads = _threads.get(encoder)
    if threads is None:
        threads = _threads[encoder] = _Threads(min(IN_FLIGHT, 1 + _PIXELS_IN_FLIGHT // pixels))
    in_turn = 1 + min(3, _PIXELS_IN_TURN // pixels)
    turns = []
    while some := list(islice(images, in_turn)):
        turns.append(threads.submit(_upload, threads.turn, spec, encoder, some))
    return UnitUpload(turns)


def _upload(
    turn: threading.Lock, spec: DatasetSpec, encoder: ImageEncoder, images: list[tuple[int, int]]
) -> list[FinishedFile]:
    """Make and upload images, given their indexes and the sizes of existing files."""
    files = []
    with ExitStack() as targets, turn:  # Others take their turn while the targets are uploaded.
        for index, size in images:
            file = kept_file(encoder, index, size)
            if file is None:
                target = targets.enter_context(output_file(spec.image_path(index)))
                file = write_image(target, encoder, index)
            files.append(file)
    return files
