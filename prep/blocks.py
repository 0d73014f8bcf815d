"""Many records, a block at a time."""

import pickle
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import compress, islice
from typing import Any, NamedTuple, TypeVar, overload

import pyarrow as pa

T = TypeVar("T")

BLOCK = 256  # equal texts in a block are kept once
BATCH = 1024


def batched(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


class Packed(Sequence[T]):
    """A sequence of records that cannot be changed, which take a fifth of the memory of Python objects. They become
    such while one iterates over them.
    """

    def __init__(self, items: Iterable[T] = (), ready: Callable[[list[T]], None] | None = None) -> None:
        """items: what pickle can copy, taken one after the other. ready: gives copies what is not packed with them."""
        self._ready = ready
        self._blocks: list[tuple[bytes, int]] = []  # compressed, and their size before
        self._starts: list[int] = []  # of each block, its first item's place
        self._length = 0
        self._last: tuple[int, list[T]] = -1, []  # the block that was looked into last
        for block in batched(items, BLOCK):
            self._starts.append(self._length)
            data = pickle.dumps(_in_columns(block), pickle.HIGHEST_PROTOCOL)
            self._blocks.append((pa.compress(data, "zstd", asbytes=True), len(data)))
            self._length += len(block)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        for number in range(len(self._blocks)):
            yield from self._block(number)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> "Packed[T]": ...
    def __getitem__(self, at):
        if isinstance(at, slice):
            return Packed((self[place] for place in range(*at.indices(self._length))), self._ready)
        place = at + self._length if at < 0 else at
        if not 0 <= place < self._length:
            raise IndexError(at)
        number = bisect_right(self._starts, place) - 1
        last, items = self._last
        if last != number:
            items = self._block(number)
            self._last = number, items
        return items[place - self._starts[number]]

    def _block(self, number: int) -> list[T]:
        data, size = self._blocks[number]
        items = [*_records(pickle.loads(pa.decompress(data, size, "zstd", asbytes=True)))]
        if self._ready is not None:
            self._ready(items)
        return items


class _Columns(NamedTuple):
    """Records of one kind: tuples with names, and what has the same methods, take half the time so."""

    kind: Any
    there: list[bool] | None  # which of the records are not None; None: all
    columns: list[Any]


def _in_columns(items: Sequence[Any]) -> Any:
    """The same, or their columns."""
    kind = type(next((each for each in items if each is not None), None))
    if not hasattr(kind, "_make") or not all(type(each) is kind or each is None for each in items):
        return items
    there = [each is not None for each in items]
    columns = zip(*compress(items, there), strict=True)
    return _Columns(kind, None if all(there) else there, [_in_columns(column) for column in columns])


def _records(packed: Any) -> Iterable[Any]:
    """What _in_columns was given."""
    if type(packed) is not _Columns:
        return packed
    kind = packed.kind
    make = partial(tuple.__new__, kind) if issubclass(kind, tuple) else kind._make  # of a tuple, twice as fast
    made = map(make, zip(*map(_records, packed.columns), strict=True))
    return made if packed.there is None else (next(made) if there else None for there in packed.there)
