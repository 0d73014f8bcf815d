"""What is done, in immutable parquet parts: `<folder>/<stage>/<run>-<worker>-<number>.parquet`.

The row is the marker. A part appears whole (hidden name, fsync, rename, fsync of the folder) and is never changed;
of rows with the same subject and recipe the one in the last part wins. Nothing here knows what a stage does.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prep.errors import StoppedError
from prep.files import PICTURE_BYTES, read_file, real_folder, sweep, write_whole

FLUSH_ROWS = 256
FLUSH_SECONDS = 10
MERGE_PARTS = 200
MERGED = "0merged"  # sorts before every worker's name, so that later rows of the same run win over it

KEY = [pa.field("subject", pa.string()), pa.field("recipe", pa.string())]


@dataclass(frozen=True)
class Shelf:
    """One stage's place in the ledger: its name, and its columns beside subject and recipe."""

    name: str
    columns: tuple[pa.Field, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*KEY, *self.columns])


class Ledger:
    """All parts of one OUT. A run has a number; workers of a run write parts of their own."""

    def __init__(self, folder: Path, run: int = 0) -> None:
        self.folder = folder
        self.run = run

    @classmethod
    def begin(cls, folder: Path) -> "Ledger":
        """Open for a new run: takes the next number, clears what was half written, merges long rows of parts."""
        parts = list(folder.glob("*/*.parquet"))
        ledger = cls(folder, 1 + max(map(_run_of, parts), default=0))
        for stage in sorted({part.parent for part in parts} | set(folder.glob("*/"))):
            sweep(stage)
            ledger._merge(stage)
        return ledger

    def table(self, shelf: Shelf, recipe: str | None = None) -> pa.Table:
        """The winning rows of a stage, in no particular order; with a recipe, that recipe's rows alone."""
        parts = self.parts(shelf)
        if not parts:
            return shelf.schema.empty_table()
        table = _read(parts)
        missing = [field for field in shelf.schema if field.name not in table.column_names]
        for field in missing:  # a part of an older prep
            table = table.append_column(field, pa.nulls(len(table), field.type))
        table = table.select(shelf.schema.names).cast(shelf.schema)
        if recipe is not None:
            table = table.filter(pc.equal(table["recipe"], pa.scalar(recipe)))
        return _winners(table)

    def book(self, shelf: Shelf, recipe: str | None = None) -> "Book":
        return Book(self.table(shelf, recipe))

    def rows(self, shelf: Shelf, recipe: str | None = None) -> dict[str, dict[str, Any]]:
        """subject -> row, for stages small enough to be held as Python objects."""
        return {row["subject"]: row for row in self.table(shelf, recipe).to_pylist()}

    def parts(self, shelf: Shelf) -> list[Path]:
        return sorted((self.folder / shelf.name).glob("*.parquet"))

    def writer(self, shelf: Shelf, worker: str = "main") -> "Writer":
        return Writer(self, shelf, worker)

    def write(self, shelf: Shelf, rows: Iterable[dict[str, Any]], worker: str = "main") -> None:
        """Write rows as one part, now."""
        with self.writer(shelf, worker) as writer:
            writer.pending.extend(rows)

    def _merge(self, stage: Path) -> None:
        parts = sorted(stage.glob("*.parquet"))
        if len(parts) <= MERGE_PARTS:
            return
        table = _winners(_read(parts))
        # The new part first, then the old ones go: a kill between leaves equal rows, which collapse.
        write_whole(stage / f"{self.run:06d}-{MERGED}-000000.parquet", lambda path: _write(table, path), sync=True)
        for part in parts:
            part.unlink()


class DryLedger(Ledger):
    """Reads and never writes: for saying what a run would do."""

    def writer(self, shelf: Shelf, worker: str = "main") -> "Writer":
        return DryWriter(self, shelf, worker)


class Book:
    """Rows to be looked up by subject. They stay in Arrow, and become Python objects one at a time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table.combine_chunks()
        self.columns = {name: self.table[name].combine_chunks() for name in self.table.column_names}
        self.place = {subject: at for at, subject in enumerate(self.table["subject"].to_pylist())}

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, subject: str) -> bool:
        return subject in self.place

    def get(self, subject: str) -> dict[str, Any] | None:
        at = self.place.get(subject)
        return None if at is None else {name: column[at].as_py() for name, column in self.columns.items()}

    def rows(self, subjects: Iterable[str]) -> Iterator[dict[str, Any] | None]:
        """What `get` gives for each, in a fifth of the time: some hundred become Python objects at once."""
        subjects = iter(subjects)
        while block := [self.place.get(subject) for subject in islice(subjects, 256)]:
            known = pa.array([at for at in block if at is not None], pa.int64())
            found = iter(self.table.take(known).to_pylist())
            yield from (None if at is None else next(found) for at in block)


class Writer:
    """Collects rows of one stage and writes them as parts: at 256 rows, after 10 s, and at the end."""

    def __init__(self, ledger: Ledger, shelf: Shelf, worker: str) -> None:
        self.folder = ledger.folder / shelf.name
        self.prefix = f"{ledger.run:06d}-{worker}-"
        self.schema = shelf.schema
        self.pending: list[dict[str, Any]] = []
        self.flushed = time.monotonic()

    def append(self, row: dict[str, Any]) -> None:
        self.pending.append(row)
        if len(self.pending) >= FLUSH_ROWS or time.monotonic() - self.flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        self.flushed = time.monotonic()
        if not self.pending:
            return
        table = pa.Table.from_pylist(self.pending, self.schema)
        real_folder(self.folder.parent.parent, *self.folder.parts[-2:])
        number = sum(1 for _ in self.folder.glob(f"{self.prefix}*.parquet")) + 1
        write_whole(self.folder / f"{self.prefix}{number:06d}.parquet", lambda path: _write(table, path), sync=True)
        self.pending = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_) -> None:
        self.flush()


class DryWriter(Writer):
    def flush(self) -> None:
        self.pending = []


def _write(table: pa.Table, path: Path) -> None:
    with path.open("wb") as file:  # opened here: Arrow takes no path that is not UTF-8
        pq.write_table(table, file, compression="zstd")


def _run_of(part: Path) -> int:
    """0 for a file that is not called as a part is."""
    number = part.name.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _read(parts: list[Path]) -> pa.Table:
    tables = []
    for part in parts:
        try:
            # Not read_table: it would load Arrow's dataset layer and pandas, a fifth of a second.
            with pq.ParquetFile(pa.BufferReader(read_file(part, PICTURE_BYTES))) as file:
                tables.append(file.read())
        except (OSError, pa.ArrowInvalid) as error:
            raise StoppedError(
                f"{part.parent.name}/{part.name} in the ledger cannot be read: {str(error).splitlines()[0]}",
                hint="delete that file; what it held is done again",
            ) from error
    return pa.concat_tables(tables, promote_options="default")


def _winners(table: pa.Table) -> pa.Table:
    """Of rows with one subject and recipe, the last."""
    if len(table) < 2:
        return table
    # Not group_by: it would load Arrow's query engine, some 20 MB that stay.
    subject, recipe = (_numbered(table[name]) for name in ("subject", "recipe"))
    _, last = np.unique((subject * len(table) + recipe)[::-1], return_index=True)
    return table if len(last) == len(table) else table.take(np.sort(len(table) - 1 - last))


def _numbered(column: pa.ChunkedArray) -> np.ndarray:
    """int64 [N]: equal values have equal numbers, each below N."""
    return column.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
