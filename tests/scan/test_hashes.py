"""Close hashes are found as by comparing each with each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.scan._hashes import HASH_BITS, have_close


def plainly(hashes: np.ndarray) -> np.ndarray:
    """Each against each."""
    return np.array([np.count_nonzero(np.bitwise_count(hashes ^ each) <= HASH_BITS) > 1 for each in hashes], bool)


def with_twins(hashes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some hashes get neighbours that differ in 6 to 10 bits, anywhere."""
    chosen = rng.choice(hashes, 40)
    flips = [rng.choice(64, bits, replace=False) for bits in rng.integers(6, 11, len(chosen))]
    masks = np.array([np.bitwise_or.reduce(np.uint64(1) << flip.astype(np.uint64)) for flip in flips], np.uint64)
    return rng.permutation(np.concatenate([hashes, chosen ^ masks, chosen[:3]]))


def random(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 1 << 64, count, dtype=np.uint64)


@pytest.mark.parametrize(
    "hashes",
    [
        lambda rng: random(rng, 9000),  # bands tell them apart
        lambda rng: random(rng, 9000) & np.uint64(0xFFFF_FFFF_FFFF_FF80),  # but for one band
        lambda rng: random(rng, 9000) & np.uint64(0x0101_0101_0101_0101),  # but for all
        lambda rng: np.full(9000, 7, np.uint64),
        lambda rng: random(rng, 300),
    ],
    ids=["random", "one band equal", "few bits", "all equal", "few"],
)
def test_hashes_are_found_as_by_comparing_each_with_each(hashes):
    rng = np.random.default_rng(1)
    many = with_twins(hashes(rng), rng)
    assert np.array_equal(have_close(many), plainly(many))


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 63).map(lambda bit: 1 << bit), max_size=30))
def test_few_hashes_are_found_as_well(hashes):
    many = np.array(hashes, np.uint64)
    assert np.array_equal(have_close(many), plainly(many))
