from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagine_gen.random_streams import Draw, RandomStream

SEEDS = st.integers(0, 2**64 - 1)
INDEXES = st.integers(0, 2**63 - 1)


def stream_bytes(seed: int, index: int, size: int) -> bytes:
    """Return pixels by the words of the promise, with nothing of the tool's code."""
    sequence = np.random.SeedSequence(seed, spawn_key=(0, index))
    words = np.random.PCG64DXSM(sequence).random_raw(-(-size // 8))
    return b"".join(int(word).to_bytes(8, "little") for word in words)[:size]


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1])
@pytest.mark.parametrize("index", [0, 1, 2**32, 2**63 - 1])
def test_bytes_are_those_of_the_raw_stream(seed: int, index: int) -> None:
    octets = RandomStream(seed, Draw.PIXELS, index).read(0, 1003)
    assert octets.dtype == np.uint8
    assert octets.shape == (1003,)
    assert octets.tobytes() == stream_bytes(seed, index, 1003)


# No version of NumPy, and no other implementation of PCG64DXSM, may give others.
@pytest.mark.parametrize(
    ("seed", "index", "start", "digest"),
    [
        (
            0,
            0,
            "1db4d7e961aa3218a07c273eac8a0297",
            "5ccab662c5d7168bff1f17b56b6d9d336f3ea842e2ec1e4bc8649b8bc9b1b61a",
        ),
        (
            1,
            0,
            "56d644e7fbabd325e52b8df7c8cc9eb9",
            "3a704847a3c63ed4fd6bf84cc24c8d1455e415b26c4a58250369f57402220fe0",
        ),
        (
            0,
            1,
            "49440ddff16f1c4203f6ac77e7cf55cc",
            "ea4ad5759885c954063f5b4200b8ace2f15e670f6e950ad1b0efc27ea2715c26",
        ),
        (
            2**64 - 1,
            2**63 - 1,
            "475d61709a4f752e2d76c745202e9cd1",
            "d11c5d468535ab0076879c083bc95bb7cebe41de385b821efdfc9bdde6f60f53",
        ),
    ],
)
def test_bytes_never_change(seed: int, index: int, start: str, digest: str) -> None:
    octets = RandomStream(seed, Draw.PIXELS, index).read(0, 1_000_000).tobytes()
    assert octets[:16].hex() == start
    assert hashlib.sha256(octets).hexdigest() == digest


@settings(max_examples=150)
@given(
    seed=SEEDS,
    index=INDEXES,
    reads=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 100)), max_size=8),
)
def test_any_part_is_the_same_read_in_any_order(
    seed: int, index: int, reads: list[tuple[int, int]]
) -> None:
    whole = stream_bytes(seed, index, 400)
    stream = RandomStream(seed, Draw.PIXELS, index)
    for offset, size in reads:
        assert stream.read(offset, size).tobytes() == whole[offset : offset + size]


@pytest.mark.parametrize("piece", [1, 7, 8, 24, 100])
def test_reading_on_gives_the_whole(piece: int) -> None:
    stream = RandomStream(3, Draw.PIXELS, 5)
    parts = [stream.read(offset, piece).tobytes() for offset in range(0, 4 * piece, piece)]
    assert b"".join(parts) == stream_bytes(3, 5, 4 * piece)


def test_far_parts_are_reached() -> None:
    # Where no test could read all that comes before: by a generator of its own, advanced.
    words = np.random.PCG64DXSM(np.random.SeedSequence(1, spawn_key=(0, 2))).advance(2**40)
    expected = int(words.random_raw()).to_bytes(8, "little")
    assert RandomStream(1, Draw.PIXELS, 2).read(2**43, 8).tobytes() == expected


def test_all_values_occur_alike() -> None:
    counts = np.bincount(RandomStream(0, Draw.PIXELS, 0).read(0, 1 << 20), minlength=256)
    # Over 9 standard deviations (64) from 4,096 would be no accident.
    assert counts.min() > 3500
    assert counts.max() < 4700


def test_no_two_seeds_or_indexes_share_an_image() -> None:
    numbers = [0, 1, 2, 3, 2**32 - 1, 2**32, 2**63 - 1]
    starts = {
        RandomStream(seed, Draw.PIXELS, index).read(0, 12).tobytes()
        for seed in numbers
        for index in numbers
    }
    assert len(starts) == len(numbers) ** 2
