"""What is done, in immutable parquet parts: `<folder>/<stage>/<run>-<worker>-<number>.parquet`.

The row is the marker. A part appears whole (hidden name, fsync, rename, fsync of the folder) and is never changed;
of rows with the same subject and recipe the one in the last part wins. Nothing here knows what a stage does.

A part that a disk damaged stops a run where a run can make anew what it held. Where it held a person's work, or what
follows from that, it is passed to whoever opened the ledger (see aside.py), and the rest is read.
"""

import errno
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prep.errors import StoppedError
from prep.files import PICTURE_BYTES, NotAFileError, read_file, real_folder, sweep, write_whole

FLUSH_ROWS = 256
FLUSH_SECONDS = 10
MERGE_PARTS = 200
MERGED = "0merged"  # sorts before every worker's name, so that later rows of the same run win over it

DAMAGED = (errno.EFBIG, errno.EIO)  # anything else, such as a missing permission, may be better tomorrow

KEY = [pa.field("subject", pa.string()), pa.field("recipe", pa.string())]


class DamagedError(Exception):
    """A part of the ledger is no longer what was written."""


@dataclass(frozen=True)
class Shelf:
    """One stage's place in the ledger: its name, and its columns beside subject and recipe."""

    name: str
    columns: tuple[pa.Field, ...]
    made_again: bool = False  # all of it follows from pictures and models: without a part, a run makes it anew

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*KEY, *self.columns])


# Moves parts of a shelf away: part -> what is wrong with it.
SetAside = Callable[["Ledger", Shelf, Mapping[Path, str]], None]


class Ledger:
    """All parts of one OUT. A run has a number; workers of a run write parts of their own."""

    def __init__(self, folder: Path, run: int = 0, set_aside: SetAside | None = None) -> None:
        """set_aside: moves damaged parts away and says so; without it they stop whoever reads them."""
        self.folder = folder
        self.run = run
        self.set_aside = set_aside
        self.passed_over: set[str] = set()  # shelves of which a part could not be read, and lies where it lay

    @classmethod
    def begin(cls, folder: Path, set_aside: SetAside | None = None) -> "Ledger":
        """Open for a new run: takes the next number, clears what was half written, merges long rows of parts."""
        parts = list(folder.glob("*/*.parquet"))
        ledger = cls(folder, 1 + max(map(_run_of, parts), default=0), set_aside)
        for stage in sorted({part.parent for part in parts} | set(folder.glob("*/"))):
            sweep(stage)
            ledger._merge(stage)
        return ledger

    def table(self, shelf: Shelf, recipe: str | None = None) -> pa.Table:
        """The winning rows of a stage, in no particular order; with a recipe, that recipe's rows alone."""
        tables, damaged = [], {}
        for part in self.parts(shelf):
            try:
                tables.append(_shelved(_read(part), shelf))
            except DamagedError as error:
                damaged[part] = str(error)
        if damaged:
            self._without(shelf, damaged)
        table = pa.concat_tables(tables) if tables else shelf.schema.empty_table()
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

    def _without(self, shelf: Shelf, damaged: Mapping[Path, str]) -> None:
        """Go on without parts, or raise StoppedError. damaged: part -> what is wrong with it."""
        if self.set_aside and not shelf.made_again:
            self.set_aside(self, shelf, damaged)
            return
        part, why = next(iter(damaged.items()))
        again = "delete that file; what it held is done again"
        raise StoppedError(
            f"{part.parent.name}/{part.name} in the ledger cannot be read: {why}",
            hint=again if shelf.made_again else "`prep run` moves it to set_aside/, and reads back what it can",
        )

    def _merge(self, stage: Path) -> None:
        parts = sorted(stage.glob("*.parquet"))
        if len(parts) <= MERGE_PARTS:
            return
        try:
            table = _winners(pa.concat_tables([_read(part) for part in parts], promote_options="default"))
        except (DamagedError, pa.ArrowException):  # whoever reads the shelf says so
            return
        # The new part first, then the old ones go: a kill between leaves equal rows, which collapse.
        write_whole(stage / f"{self.run:06d}-{MERGED}-000000.parquet", lambda path: _write(table, path), sync=True)
        for part in parts:
            part.unlink()


class DryLedger(Ledger):
    """Reads and never writes: for saying what a run would do. It reads past parts that a run would set aside."""

    def _without(self, shelf: Shelf, damaged: Mapping[Path, str]) -> None:
        if shelf.made_again:
            super()._without(shelf, damaged)
        self.passed_over.add(shelf.name)

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


def _read(part: Path) -> pa.Table:
    """Raises DamagedError; StoppedError where it may be read another time."""
    try:
        data = read_file(part, PICTURE_BYTES)
    except OSError as error:
        if isinstance(error, NotAFileError) or error.errno in DAMAGED:
            raise DamagedError(error.strerror) from None
        name = f"{part.parent.name}/{part.name}"
        hint = "check its permissions and the disk, then run again"
        raise StoppedError(f"{name} in the ledger cannot be read ({error.strerror})", hint) from None
    try:
        # Not read_table: it would load Arrow's dataset layer and pandas, a fifth of a second.
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            return file.read(use_threads=False)  # Arrow's threads may abort a process that ends while they start
    except MemoryError:
        raise
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DamagedError(str(error).splitlines()[0]) from None


def _shelved(table: pa.Table, shelf: Shelf) -> pa.Table:
    """The part's table with the shelf's columns. Raises DamagedError where it is another's."""
    try:
        for field in shelf.columns:  # a part of an older prep lacks some
            if field.name not in table.column_names:
                table = table.append_column(field, pa.nulls(len(table), field.type))
        table = table.select(shelf.schema.names).cast(shelf.schema)
        if not shelf.made_again:  # bytes that are no text would stop whoever looks at a row
            table.validate(full=True)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise DamagedError(str(error).splitlines()[0]) from None
    return table


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
