"""Pooled JPEG files of exactly the size that is asked for.

All strips of an image are encoded at one level of quantization, so the pool has each strip at every
level that was asked for, encoded when it first is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

from imagine_gen.content.select import content_of
from imagine_gen.dataset.spec import TARGET_POOL_BYTES, DatasetSpec
from imagine_gen.formats.base import EncodedImage, ImageEncoder
from imagine_gen.formats.jpeg import Strips
from imagine_gen.formats.jpeg_levels import levels
from imagine_gen.pooled.assembly import pool_numbers
from imagine_gen.pooled.dealing import Dealer
from imagine_gen.pooled.sized import SizedEncoder
from imagine_gen.target_size.fresh import too_large
from imagine_gen.target_size.level_search import Fineness, Interpolated, Ladder, level_of
from imagine_gen.target_size.sizes import TargetSizes

# Every rung costs the encoding of all strips, and memory for them, so they are farther apart; and
# even more so where as many as sizes that vary ask for would not fit.
_FINENESS = Fineness(step=15, margin=3, tolerance=20)
_LARGE_FINENESS = Fineness(step=25, margin=3, tolerance=30)
_USUAL_RUNGS = 80
_SAMPLE_STRIPS = 16
_MAX_PIXEL_BYTES = 1 << 26
_MAX_FORMS = 1024
_POOLED_ENCODERS = 1024


class LeveledPool:
    """The strips of a pool at many levels of quantization.

    Those of the levels that were used last are kept, as far as memory goes.

    Parameters
    ----------
    spec : DatasetSpec
        Of the images of one width.
    pools : int
        How many pools the dataset has, which share the memory.

    Raises
    ------
    UsageError
        As `pool_numbers` does.
    """

    def __init__(self, spec: DatasetSpec, pools: int = 1) -> None:
        self._spec = spec
        self._levels = levels(spec.mode)
        self.max_bytes = TARGET_POOL_BYTES // pools
        self._strips: OrderedDict[int, dict[int, bytes]] = OrderedDict()  # by level and number
        self._bytes: dict[int, int] = {}
        self.form = lru_cache(maxsize=_MAX_FORMS)(self._form)
        form = self.form(spec.height, 0)
        self.rows = form.rows
        # They are encoded again and again, and those of photos take longer to make than that.
        kept = max(1, _MAX_PIXEL_BYTES // pools // (form.rows * spec.row_bytes))
        self._pixels = lru_cache(maxsize=kept)(content_of(spec).pool_strip)
        self._sample_bytes = Interpolated(self._measure, len(self._levels))
        # Strips are different where they are at the level that is most likely asked for.
        size = _FINENESS.aim((spec.target_size or 0) - form.overhead)
        level = level_of(size, lambda level: self.expect(level, form.count), len(self._levels))
        numbers = pool_numbers(spec, self.form(spec.height, level), pools, self._pixels)
        self.numbers = list(numbers.values())
        self._strips[level] = dict(enumerate(numbers))
        self._bytes[level] = sum(map(len, numbers))

    def expect(self, level: int, count: int) -> int:
        """Return about how many bytes so many strips take at a level."""
        return self._sample_bytes(level) * count // _SAMPLE_STRIPS

    def strips(self, level: int, picks: Sequence[int]) -> list[bytes]:
        """Return strips at a level, by their places in the pool."""
        known = self._strips.setdefault(level, {})
        self._strips.move_to_end(level)
        missing = [pick for pick in picks if pick not in known]
        for pick in missing:
            known[pick] = self._encode(self.numbers[pick], level)
        if missing:
            self._bytes[level] = self._bytes.get(level, 0) + sum(len(known[p]) for p in missing)
            self._forget()
        return [known[pick] for pick in picks]

    def _forget(self) -> None:
        """Let go of the levels that have not been used for longest, where memory is over."""
        while len(self._strips) > 1 and sum(self._bytes.values()) > self.max_bytes:
            level, _ = self._strips.popitem(last=False)
            del self._bytes[level]

    def _measure(self, level: int) -> int:
        return sum(len(self._encode(number, level)) for number in range(_SAMPLE_STRIPS))

    def _encode(self, number: int, level: int) -> bytes:
        pixels = self._pixels(number, self.rows)
        return self.form(self._spec.height, level).encode(pixels)

    def _form(self, height: int, level: int) -> Strips:
        return Strips(self._spec.of_size(self._spec.width, height), self._levels[level])


class PooledTargetEncoder(ImageEncoder):
    """Puts images of one width and height together from a pool.

    Parameters
    ----------
    spec : DatasetSpec
        With a target size, and dimensions that don't vary.
    pool : LeveledPool

    Raises
    ------
    UsageError
        From the constructor, where the target can't be reached.
    """

    def __init__(self, spec: DatasetSpec, pool: LeveledPool) -> None:
        self._spec = spec
        self._pool = pool
        self._content = content_of(spec)
        form = pool.form(spec.height, 0)
        self._overhead = form.overhead
        self._dealer = Dealer(spec.seed, len(pool.numbers), form.count, form.uncut)
        room = (spec.target_size or 0) - self._overhead
        pool_bytes = room * len(pool.numbers) // form.count
        self._ladder = Ladder(
            lambda level: pool.expect(level, form.count),
            len(levels(spec.mode)),
            room,
            _FINENESS if pool_bytes * _USUAL_RUNGS <= pool.max_bytes else _LARGE_FINENESS,
        )
        ends = (pool.expect(level, form.count) for level in (0, len(levels(spec.mode)) - 1))
        self._sizes = TargetSizes(spec, *(self._overhead + end for end in ends))

    def wanted_size(self, index: int) -> int:
        """Return the size in bytes that an image's file has to have."""
        return self._sizes(index)

    def encode(self, index: int) -> EncodedImage:
        """Return the file of an image.

        Raises
        ------
        ImagineError
            Where this image can't be as small.
        """
        picks, first_is_fresh = self._dealer.deal(index)
        fresh = self._content.fresh_strip(index, self._pool.rows) if first_is_fresh else None
        wanted = self._sizes(index)
        found: dict[int, list[bytes]] = {}

        def measure(level: int, _keep: int | None) -> int:
            found[level] = self._pool.strips(level, picks)
            if fresh is not None:
                found[level][0] = self._pool.form(self._spec.height, level).encode(fresh)
            return sum(map(len, found[level]))

        room = wanted - self._overhead
        level = self._ladder.search(room, measure)
        if level is None:
            raise too_large(self._spec, index, wanted)
        filler = room - sum(map(len, found[level]))
        form = self._pool.form(self._spec.height, level)
        return EncodedImage(form.assemble(found[level], filler), filler)


def pooled_target_encoder(spec: DatasetSpec) -> ImageEncoder:
    """Return a new encoder of a dataset of pooled images whose files have a target size.

    Raises
    ------
    UsageError
        Where the target can't be reached, and as `pool_numbers` does.
    """
    if spec.sizes is None:
        return PooledTargetEncoder(spec, LeveledPool(spec))
    widths = spec.sizes.pool_widths
    pools = {width: LeveledPool(spec.of_size(width, spec.height), len(widths)) for width in widths}
    for ends in (spec.sizes.least, spec.sizes.largest):
        PooledTargetEncoder(spec.of_size(*ends), pools[ends[0]])  # Say at once what can't be.
    return SizedEncoder(
        spec,
        lambda sized: PooledTargetEncoder(sized, pools[sized.width]),
        _POOLED_ENCODERS,
    )
