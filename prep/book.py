"""The rows of a table, looked up by subject."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from prep.blocks import batched
from prep.index import Index, values


class Book:
    """Rows to look up by subject. They stay in Arrow and become Python objects one at a time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table.combine_chunks()  # already so, if it is a ledger's
        self.columns = {name: _whole(self.table[name]) for name in self.table.column_names}
        self._index = Index(self.columns["subject"])

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, subject: str) -> bool:
        return self._index.find(subject) is not None

    def get(self, subject: str) -> dict[str, Any] | None:
        at = self._index.find(subject)
        return None if at is None else {name: column[at].as_py() for name, column in self.columns.items()}

    def subjects(self) -> Iterator[str]:
        """All, in the rows' order."""
        return values(self.columns["subject"])

    def place(self, subject: str) -> int:
        """Where its row is. Raises KeyError."""
        if (at := self._index.find(subject)) is None:
            raise KeyError(subject)
        return at

    def places(self, subjects: Sequence[str]) -> np.ndarray:
        """int64 [N]: where each subject's row is, or -1."""
        return self._index.find_all(subjects)

    def lacks(self, subjects: Iterable[str]) -> Iterator[str]:
        """Those that have no row, in order."""
        for block in batched(subjects):
            yield from (block[at] for at in (self.places(block) < 0).nonzero()[0].tolist())

    def values(self, subjects: Iterable[str], *names: str) -> Iterator[tuple | None]:
        """These columns of each subject's row, several times as fast as `get`: a thousand become Python objects at
        once.
        """
        table = self.table.select(names)
        for block in batched(subjects):
            places = self.places(block)
            known = places[places >= 0]
            found = zip(*(column.to_pylist() for column in table.take(pa.array(known)).columns), strict=True)
            yield from found if len(known) == len(block) else (next(found) if at >= 0 else None for at in places)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece; not copied if it is one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
