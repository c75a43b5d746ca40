"""Pooled JPEG files of a target size, from strips at one level of several."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from imagine_common.files.output import Buffer
from imagine_gen.content.choose import content_of
from imagine_gen.dataset.formats import TARGET_POOL_BYTES
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.jpeg import Strips, levels
from imagine_gen.pooled import Dealer, make_pool
from imagine_gen.target_size.encoder import TargetSizeEncoder
from imagine_gen.target_size.level_search import Fineness, interpolated, level_of

# Each rung of the ladder costs the encoding of all strips, and memory for them, so rungs are
# farther apart than those of fresh images. They are farthest apart if the usual number of rungs,
# which sizes that vary need, would not fit in the memory.
_FINENESS = Fineness(step=15, margin=3, tolerance=20)
_LARGE_FINENESS = Fineness(step=25, margin=3, tolerance=30)
_USUAL_RUNGS = 80
_SAMPLE_STRIPS = 16
_MAX_PIXEL_BYTES = 1 << 26
_MAX_STRIP_FORMATS = 1024


class LeveledPool:
    """The strips of a pool at many levels of quantization, for images of one width.

    So many `pools` of the dataset share the memory. When it runs out, the pool drops the levels
    that have not been used for longest. Over 8 GiB of pixels are a `UsageError`.
    """

    def __init__(self, spec: DatasetSpec, pools: int = 1) -> None:
        self._height = spec.height
        found = levels(spec.mode)
        self.max_bytes = TARGET_POOL_BYTES // pools
        self._strips: OrderedDict[int, dict[int, bytes]] = OrderedDict()  # by level and place
        self._bytes: dict[int, int] = {}
        self.strip_format = lru_cache(maxsize=_MAX_STRIP_FORMATS)(
            lambda height, level: Strips(spec.of_size(spec.width, height), found[level])
        )
        coarsest = self.strip_format(spec.height, 0)
        self._rows = coarsest.rows
        # Pixels are encoded again and again, and those of photos take longer to make than that.
        kept = max(1, _MAX_PIXEL_BYTES // pools // (self._rows * spec.row_bytes))
        self._pixels = lru_cache(maxsize=kept)(content_of(spec).pool_strip)
        self._sample_bytes = interpolated(self._measure, len(found))
        # The strips must differ at the level that is most likely used.
        aim = _FINENESS.aim((spec.target_size or 0) - coarsest.overhead)
        level = level_of(aim, lambda at: self.expect(at, coarsest.count), len(found))
        strips = make_pool(spec, self.strip_format(spec.height, level), pools, self._pixels)
        self._numbers = list(strips.values())
        self._strips[level] = dict(enumerate(strips))
        self._bytes[level] = sum(map(len, strips))

    def __len__(self) -> int:
        return len(self._numbers)

    def expect(self, level: int, count: int) -> int:
        """Return about how many bytes so many strips have at a level."""
        return self._sample_bytes(level) * count // _SAMPLE_STRIPS

    def strips(self, level: int, picks: Sequence[int]) -> list[bytes]:
        """Return strips at a level, by their places in the pool."""
        known = self._strips.setdefault(level, {})
        self._strips.move_to_end(level)
        try:
            return [known[pick] for pick in picks]  # Most images find all their strips.
        except KeyError:
            missing = set(picks) - known.keys()
            known.update((pick, self._encode(self._numbers[pick], level)) for pick in missing)
            self._bytes[level] = sum(map(len, known.values()))
            while len(self._strips) > 1 and sum(self._bytes.values()) > self.max_bytes:
                unused, _ = self._strips.popitem(last=False)
                del self._bytes[unused]
            return [known[pick] for pick in picks]

    def _measure(self, level: int) -> int:
        return sum(len(self._encode(number, level)) for number in range(_SAMPLE_STRIPS))

    def _encode(self, number: int, level: int) -> bytes:
        pixels = self._pixels(number, self._rows)
        return self.strip_format(self._height, level).encode(pixels)


# The places of an image's strips in the pool, and the pixels of its first strip if fresh.
_Deal: TypeAlias = "tuple[list[int], npt.NDArray[np.uint8] | None]"


class PooledTargetEncoder(TargetSizeEncoder[_Deal]):
    """Assembles images from a pool as files of their target sizes."""

    def __init__(self, spec: DatasetSpec, pool: LeveledPool) -> None:
        self._pool = pool
        self._content = content_of(spec)
        coarsest = pool.strip_format(spec.height, 0)
        self._rows, count, overhead = coarsest.rows, coarsest.count, coarsest.overhead
        self._dealer = Dealer(spec.seed, len(pool), count, coarsest.uncut)
        pool_bytes = ((spec.target_size or 0) - overhead) * len(pool) // count
        fits = pool_bytes * _USUAL_RUNGS <= pool.max_bytes
        least, most = (pool.expect(level, count) for level in (0, len(levels(spec.mode)) - 1))
        super().__init__(
            spec,
            overhead,
            (overhead + least, overhead + most),
            partial(pool.expect, count=count),
            _FINENESS if fits else _LARGE_FINENESS,
        )

    def _source(self, index: int) -> _Deal:
        picks, first_is_fresh = self._dealer.deal(index)
        return picks, self._content.fresh_strip(index, self._rows) if first_is_fresh else None

    def _encode(self, source: _Deal, level: int) -> list[Buffer]:
        strip_format = self._pool.strip_format(self._spec.height, level)
        picks, fresh = source
        strips = self._pool.strips(level, picks)
        if fresh is not None:
            strips[0] = strip_format.encode(fresh)
        return strip_format.assemble(strips)
