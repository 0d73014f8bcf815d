"""Where a value stands in a column of texts or bytes, in 12 bytes a row, and whether one was there, in 8.

A dictionary would take 200, most of it for the values as Python objects.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLOCK = 4096


class Index:
    """Looks values up in a column. Of equal ones it finds the last."""

    def __init__(self, column: pa.Array) -> None:
        hashes = np.fromiter(map(hash, values(column)), np.int64, len(column))
        order = hashes.argsort(kind="stable")
        self._column = column
        _, starts, texts = column.buffers()
        self._starts = memoryview(np.frombuffer(starts, np.int32)[column.offset :] if starts else np.zeros(1, np.int32))
        self._texts = memoryview(texts or b"")
        self._order = memoryview(order.astype(np.int32))  # the items are Python's own integers, which are fast
        self._hashes = memoryview(hashes[order])

    def find(self, value: str | bytes) -> int | None:
        """Its place; None: it is not there."""
        wanted, data = hash(value), value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        at = bisect_right(self._hashes, wanted)
        while at and self._hashes[at - 1] == wanted:
            at -= 1
            place = self._order[at]
            # As bytes: a view compares one at a time. If they differ, another value has the same hash.
            if bytes(self._texts[self._starts[place] : self._starts[place + 1]]) == data:
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
        places[there] = np.asarray(self._order)[last[there]]
        asked = pa.array([some[at] for at in there.tolist()], self._column.type)
        alike = pc.equal(self._column.take(pa.array(places[there])), asked)
        for at in there[~alike.to_numpy(zero_copy_only=False)].tolist():  # another one has the same hash
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
