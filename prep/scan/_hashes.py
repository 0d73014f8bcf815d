"""Which of many 64-bit hashes have another close to them. Knows no picture.

Two hashes that differ in at most 8 bits are equal in at least one of 9 bands of bits. So only hashes with an equal band
are compared: of 100,000 random ones, one pair in 14.
"""

from collections.abc import Iterator

import numpy as np

HASH_BITS = 8  # of 64: JPEG at quality 30 and halving move at most 4 on the art in examples/
EDGES = [64 * band // (HASH_BITS + 1) for band in range(HASH_BITS + 2)]  # of the bands: 7 bits each, the last 8
PAIRS = 1 << 16  # compared at a time: their hashes stay in a core's cache
BUCKET_PAIRS = 10_000  # a bucket's own cost, as pairs that are compared in that time


def close(hashes: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Whether they differ in few bits."""
    return np.bitwise_count(hashes ^ to) <= HASH_BITS


def have_close(hashes: np.ndarray) -> np.ndarray:
    """uint64 [N] -> bool [N]: whether another one is close: of most pictures none is.

    Where bands tell few apart (few hashes, or hashes alike in most bands), each is compared with each. The memory does
    not depend on how many are close.
    """
    distinct, place, count = np.unique(hashes, return_inverse=True, return_counts=True)
    found = count > 1
    if not _worth_it(distinct):
        found |= _found_within(distinct, np.array([0, len(distinct)]))
        return found[place]
    for key in _bands(distinct):
        order = np.argsort(key, kind="stable")
        edges = np.flatnonzero(np.diff(key[order], prepend=np.uint64(256), append=np.uint64(256)))
        found[order] |= _found_within(distinct[order], edges)
    return found[place]


def _bands(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """uint64 [N], the bits of one band at a time: below 256."""
    for low, high in zip(EDGES, EDGES[1:], strict=False):
        yield hashes >> np.uint64(low) & np.uint64((1 << high - low) - 1)


def _worth_it(hashes: np.ndarray) -> bool:
    """Whether bands spare more than their buckets cost."""
    without = _cost([len(hashes)])
    if without < BUCKET_PAIRS * len(EDGES):
        return False
    return sum(_cost(np.unique(key, return_counts=True)[1]) for key in _bands(hashes)) < without


def _cost(sizes: np.ndarray | list[int]) -> int:
    """Of comparing each with each in buckets of these sizes."""
    return sum(int(size) ** 2 // 2 + BUCKET_PAIRS for size in sizes)


def _found_within(hashes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """bool [N]: whether another one in the same bucket is close. edges: where buckets begin, and N."""
    found = np.zeros(len(hashes), bool)
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        while start < end and not found[start:end].all():
            some = hashes[start : min(end, start + max(1, PAIRS // (end - start)))]
            near = close(some[:, None], hashes[start:end])
            if np.count_nonzero(near) > len(some):  # each is close to itself
                one, other = near.nonzero()
                apart = one != other
                found[start + one[apart]] = found[start + other[apart]] = True
            start += len(some)
    return found
