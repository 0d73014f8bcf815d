"""The rows of a shelf as records, to look up and to change: what did not change stays in Arrow."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from prep.blocks import batched
from prep.book import Book

T = TypeVar("T")

BLOCK = 64  # made at once: who asks for one asks for its neighbours next
BLOCKS = 32  # in memory; in turns, since a set that grew often has its neighbours in many places


class Shelved(Mapping[str, T]):
    """Subject -> record. The ledger is not written here."""

    def __init__(self, book: Book, make: Callable[..., T], names: Sequence[str]) -> None:
        """make: a record of these columns, in their order."""
        self._book = book
        self._table = book.table.select(names)
        self._make = make
        self._changed: dict[str, T] = {}
        # Not of a method: a shelf that refers to itself would stay in memory until garbage is looked for.
        self._read = partial(_read, self._table, make)
        self._block = lru_cache(BLOCKS)(self._read)

    def __len__(self) -> int:
        return len(self._book) + sum(1 for _ in self._book.lacks(self._changed))

    def __contains__(self, subject: object) -> bool:
        return subject in self._changed or subject in self._book

    def __getitem__(self, subject: str) -> T:
        if subject in self._changed:
            return self._changed[subject]
        place = self._book.place(subject)
        return self._block(place // BLOCK)[place % BLOCK]

    def __iter__(self) -> Iterator[str]:
        return chain(self._book.subjects(), list(self._book.lacks(self._changed)))

    def items(self) -> Iterator[tuple[str, T]]:
        """Each with its record: first those of the shelf, in its order."""
        changed = self._changed
        for subject, record in zip(self._book.subjects(), self._records(), strict=True):
            yield subject, changed.get(subject, record) if changed else record
        for subject in list(self._book.lacks(changed)):
            yield subject, changed[subject]

    def values(self) -> Iterator[T]:
        return (record for _, record in self.items())

    def of(self, subjects: Iterable[str]) -> Iterator[T | None]:
        """The record of each, or None, several times as fast as one at a time."""
        for block in batched(subjects):
            found = self._book.values(block, *self._table.column_names)
            for subject, row in zip(block, found, strict=True):
                yield self._changed.get(subject) or (None if row is None else self._make(*row))

    def beside(self, subjects: Iterable[str]) -> Iterator[tuple[str, T | None]]:
        """Each subject with its record."""
        if subjects is self:
            yield from self.items()
            return
        for block in batched(subjects):
            yield from zip(block, self.of(block), strict=True)

    def where(self, name: str, *values: Any) -> dict[str, T]:
        """The records that have one of these values in this column: of a large shelf, few are meant to."""
        chosen = pc.is_in(self._table[name], pa.array(values, self._table.schema.field(name).type))
        table = self._table.filter(chosen)
        subjects = self._book.columns["subject"].filter(chosen.combine_chunks()).to_pylist()
        made = map(self._make, *(column.to_pylist() for column in table.columns))
        found = {subject: each for subject, each in zip(subjects, made, strict=True) if subject not in self._changed}
        changed = ((subject, each) for subject, each in self._changed.items() if getattr(each, name) in values)
        return found | dict(changed)

    def lacks(self, subjects: Iterable[str]) -> Iterator[str]:
        """Those that have no record, in order."""
        return (subject for subject in self._book.lacks(subjects) if subject not in self._changed)

    def __ior__(self, records: Mapping[str, T]) -> Self:
        self._changed |= records
        return self

    def _records(self) -> Iterator[T]:
        for number in range(-(-len(self._table) // BLOCK)):
            yield from self._read(number)


def _read(table: pa.Table, make: Callable[..., T], number: int) -> list[T]:
    """The records of one block."""
    columns = table.slice(number * BLOCK, BLOCK).columns
    return list(map(make, *(column.to_pylist() for column in columns)))
