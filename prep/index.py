"""Where a value stands in a column of texts or bytes, in 12 bytes a row, and whether one was there, in 8.

A dictionary would take 200, most of it for the values as Python objects.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

BLOCK = 4096


class Index:
    """Looks values up in a column. Of equal ones it finds the last."""

    def __init__(self, column: pa.Array) -> None:
        hashes = np.fromiter(map(hash, values(column)), np.int64, len(column))
        order = hashes.argsort(kind="stable")
        self._column = column
        self._order = order.astype(np.int32)
        self._hashes = memoryview(hashes[order])  # its items are Python's own integers, which bisect compares fastest

    def find(self, value: str | bytes) -> int | None:
        """Its place; None: it is not there."""
        wanted = hash(value)
        at = bisect_right(self._hashes, wanted)
        while at and self._hashes[at - 1] == wanted:
            at -= 1
            if self._column[place := int(self._order[at])].as_py() == value:  # else another one has the same hash
                return place
        return None

    def find_all(self, some: Sequence[str | bytes]) -> np.ndarray:
        """int64 [N]: the place of each, or -1. Several times as fast as one at a time."""
        places = np.full(len(some), -1, np.int64)
        if not len(self._hashes):
            return places
        wanted = np.fromiter(map(hash, some), np.int64, len(some))
        hashes = np.asarray(self._hashes)
        last = hashes.searchsorted(wanted, "right") - 1
        there = (hashes[last] == wanted).nonzero()[0]  # of one that is before all, last is -1: another hash
        places[there] = self._order[last[there]]
        found = self._column.take(pa.array(places[there])).to_pylist()
        for at, value in zip(there.tolist(), found, strict=True):
            if value != some[at]:
                place = self.find(some[at])
                places[at] = -1 if place is None else place
        return places


def values(column: pa.Array) -> Iterator[str | bytes]:
    """Its values, of which few are Python objects at a time."""
    blocks = (column.slice(at, BLOCK).to_pylist() for at in range(0, len(column), BLOCK))
    return chain.from_iterable(blocks)


class Hashes:
    """A set that keeps only the hashes of its values. What it says not to be there is not; what it says to be there
    may be another value, by a chance of one in a million million for a set of millions.
    """

    def __init__(self, found: Iterable[Hashable] = ()) -> None:
        self._found = array("q", map(hash, found))
        self._sorted: memoryview | None = None

    def __len__(self) -> int:
        return len(self._in_order())

    def __contains__(self, value: Hashable) -> bool:
        wanted, found = hash(value), self._in_order()
        at = bisect_left(found, wanted)
        return at < len(found) and found[at] == wanted

    def add(self, value: Hashable) -> None:
        self._found.append(hash(value))
        self._sorted = None

    def clear(self) -> None:
        self._found, self._sorted = array("q"), None

    def _in_order(self) -> memoryview:
        if self._sorted is None:
            self._sorted = memoryview(np.unique(np.array(self._found, np.int64)))
        return self._sorted
