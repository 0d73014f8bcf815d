"""What is done, in immutable parquet parts: `<folder>/<stage>/<run>-<worker>-<number>.parquet`.

A row means "done". A part appears complete (hidden name, fsync, rename, fsync of the folder) and is never changed; of
rows with the same subject and recipe, the one in the last part wins. Nothing here knows what a stage does.

A damaged part stops a run if a run can redo its content. If it contained the user's work, or what follows from it, the
part is passed to whoever opened the ledger (see aside.py), and the rest is read.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.blocks import BATCH
from prep.book import Book
from prep.errors import StoppedError
from prep.files import crash_point, real_folder, sweep
from prep.parts import DamagedError, StrayError, number_of, parts_in, read_part, run_of, write_part
from prep.process.spans import spent
from prep.system import remove
from prep.winners import winners

FLUSH_ROWS = 256
FLUSH_SECONDS = 10
MERGE_PARTS = 16  # reading a part takes as long as reading some thousand rows
MERGED_BYTES = 500_000_000  # at most in a merged part: one is read whole, and of more than 2 GB not at all
MOST_NAMED = 20  # damaged parts in an error
MERGED = "0merged"  # sorts before every worker's name, so that later rows of the same run win

KEY = [pa.field("subject", pa.string()), pa.field("recipe", pa.string())]


@dataclass(frozen=True)
class Shelf:
    """One stage's place in the ledger: its name, and its columns besides subject and recipe."""

    name: str
    columns: tuple[pa.Field, ...]
    made_again: bool = False  # everything follows from pictures and models: a run can redo a lost part

    @cached_property
    def schema(self) -> pa.Schema:
        return self.only(None)

    def only(self, names: Collection[str] | None) -> pa.Schema:
        """The key and these columns; None: all."""
        return pa.schema([*KEY, *(field for field in self.columns if names is None or field.name in names)])


# Moves parts of a shelf away: part -> what is wrong with it.
SetAside = Callable[["Ledger", Shelf, Mapping[Path, str]], None]


class Ledger:
    """All parts of one OUT. A run has a number; each worker of a run writes its own parts."""

    def __init__(self, folder: Path, run: int = 0, set_aside: SetAside | None = None) -> None:
        """set_aside: moves damaged parts away and reports it; without it, reading them raises."""
        self.folder = folder
        self.run = run
        self.set_aside = set_aside
        self.passed_over: set[str] = set()  # shelves with an unreadable part that is still in its place

    @classmethod
    def begin(cls, folder: Path, set_aside: SetAside | None = None) -> "Ledger":
        """Open for a new run: take the next number, remove half-written files, merge many small parts."""
        ledger = cls(folder, 1 + max(map(run_of, folder.glob("*/*.parquet")), default=0), set_aside)
        for stage in sorted(folder.glob("*/")):
            sweep(stage)
        ledger.merge()
        return ledger

    def merge(self) -> None:
        """Merge the parts of each stage that has many: at a run's start, and at its end for whoever only reads."""
        for stage in sorted(self.folder.glob("*/")):
            self._merge(stage)

    def table(
        self,
        shelf: Shelf,
        recipe: str | None = None,
        before: pa.Table | None = None,
        names: Sequence[str] | None = None,
    ) -> pa.Table:
        """The winning rows of a stage, in no particular order; with a recipe, only that recipe's rows.

        before: rows that were there when the run began. Of the parts, those that it wrote are then read. names: columns
        to read besides subject and recipe; None: all.
        """
        parts = self.parts(shelf)
        parts = parts if before is None else [part for part in parts if run_of(part) == self.run]
        try:
            tables, damaged = _read(parts, shelf, names)
        except StoppedError:
            if all(map(os.path.lexists, parts)):
                raise
            return self.table(shelf, recipe, before, names)  # a run has merged them meanwhile
        if damaged:
            self._without(shelf, damaged)
        tables.insert(0, shelf.only(names).empty_table() if before is None else before)
        return winners(tables, recipe, joined=True)

    def book(self, shelf: Shelf, recipe: str | None = None) -> Book:
        """The same, to look up; with a recipe, without its column."""
        table = self.table(shelf, recipe)
        return Book(table if recipe is None else table.drop_columns("recipe"))

    def rows(self, shelf: Shelf, recipe: str | None = None) -> dict[str, dict[str, Any]]:
        """subject -> row, for stages small enough to hold as Python objects."""
        return {row["subject"]: row for row in self.table(shelf, recipe).to_pylist()}

    def values(self, shelf: Shelf, *names: str) -> Iterator[tuple]:
        """These columns of each row, of which few are Python objects at a time."""
        for batch in self.table(shelf, names=names).select(names).to_batches(BATCH):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def parts(self, shelf: Shelf) -> list[Path]:
        return parts_in(self.folder / shelf.name)

    def writer(self, shelf: Shelf, worker: str = "main") -> "Writer":
        return Writer(self, shelf, worker)

    def write(self, shelf: Shelf, rows: Iterable[dict[str, Any]], worker: str = "main") -> None:
        """Write rows as one part, now."""
        with self.writer(shelf, worker) as writer:
            writer.pending.extend(rows)

    def replace(self, shelf: Shelf, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows in the place of all that are there, where only the last ones matter."""
        before = self.parts(shelf)
        self.write(shelf, rows)
        for part in before:
            remove(part)

    def _without(self, shelf: Shelf, damaged: Mapping[Path, DamagedError]) -> None:
        """Continue without parts, or raise StoppedError. damaged: part -> what is wrong with it."""
        lost = {part: why for part, why in damaged.items() if shelf.made_again and not isinstance(why, StrayError)}
        if self.set_aside and not lost:
            self.set_aside(self, shelf, {part: str(why) for part, why in damaged.items()})
            return
        bad = lost or damaged
        named = "; ".join(f"{part} cannot be read: {why}" for part, why in [*bad.items()][:MOST_NAMED])
        more = f"; and {len(bad) - MOST_NAMED:,} more in that folder" if len(bad) > MOST_NAMED else ""
        one = len(bad) == 1
        again = f"delete {'that file; its' if one else 'those files; their'} content is then redone"
        aside = f"`prep run` moves {'it' if one else 'them'} to set_aside/, and reads back what it can"
        raise StoppedError(
            f"{'a part of the ledger is' if one else 'parts of the ledger are'} damaged: {named}{more}",
            hint=again if lost else aside,
        )

    def _merge(self, stage: Path) -> None:
        parts = parts_in(stage)
        prefix = f"{self.run:06d}-{MERGED}-"
        number = 1 + max((number_of(part) for part in parts if part.name.startswith(prefix)), default=-1)
        merged = stage / f"{prefix}{number:06d}.parquet"
        sizes = [part.lstat().st_size for part in parts]
        # A part that is larger than all after it stays as it is: else each run would write a large set anew.
        while len(parts) > MERGE_PARTS and parts[0] < merged and sizes[0] > min(sum(sizes[1:]), MERGED_BYTES // 2):
            del parts[0], sizes[0]
        if len(parts) <= MERGE_PARTS:
            return
        # First the new parts, then the old ones are removed: a kill in between leaves equal rows, which collapse. The
        # newest rows first: what is written comes after all that is there.
        written: list[Path] = []
        for place, group in reversed([*enumerate(_groups(parts, sizes))]):
            try:
                table = winners([_keyed(read_part(part)) for part in group])
            except (DamagedError, pa.ArrowException):  # the reader of the shelf reports it
                for part in reversed(written):
                    remove(part)
                return
            written.append(stage / f"{prefix}{number + place:06d}.parquet")
            write_part(table, written[-1])
            crash_point("group merged")
        for part in parts:  # the oldest first: of equal rows the last must stay the last
            remove(part)
            crash_point("merged part gone")


class DryLedger(Ledger):
    """Reads and never writes, to show what a run would do. It skips parts that a run would set aside."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.held_back: set[str] = set()  # shelves that a run would write to, but those whose content is made again

    def _without(self, shelf: Shelf, damaged: Mapping[Path, DamagedError]) -> None:
        if shelf.made_again and not all(isinstance(why, StrayError) for why in damaged.values()):
            super()._without(shelf, damaged)
        self.passed_over.add(shelf.name)

    def writer(self, shelf: Shelf, worker: str = "main") -> "Writer":
        return DryWriter(self, shelf, worker)

    def replace(self, shelf: Shelf, rows: Iterable[dict[str, Any]]) -> None:
        self.write(shelf, rows)


class Writer:
    """Collects rows of one stage and writes them as parts: at 256 rows, after 10 s, and at the end."""

    def __init__(self, ledger: Ledger, shelf: Shelf, worker: str) -> None:
        self.folder = ledger.folder / shelf.name
        self.prefix = f"{ledger.run:06d}-{worker}-"
        self.schema = shelf.schema
        self.pending: list[dict[str, Any]] = []
        self.flushed = time.monotonic()
        self.number = 0  # of the last part

    def append(self, row: dict[str, Any]) -> None:
        self.pending.append(row)
        if len(self.pending) >= FLUSH_ROWS or time.monotonic() - self.flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        self.flushed = time.monotonic()
        if not self.pending:
            return
        with spent("write"):
            table = pa.Table.from_pylist(self.pending, self.schema)
            real_folder(self.folder.parent.parent, *self.folder.parts[-2:])
            write_part(table, self._next())
        self.pending = []

    def _next(self) -> Path:
        """None is overwritten, whoever wrote it. Listed once: a large set has many parts."""
        if not self.number:
            # Not the number of parts: one may have been moved away.
            self.number = max(map(number_of, self.folder.glob(f"{self.prefix}*.parquet")), default=0)
        while True:
            self.number += 1
            path = self.folder / f"{self.prefix}{self.number:06d}.parquet"
            if not os.path.lexists(path):
                return path

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_) -> None:
        self.flush()


class DryWriter(Writer):
    def __init__(self, ledger: DryLedger, shelf: Shelf, worker: str) -> None:
        super().__init__(ledger, shelf, worker)
        self.held_back = set() if shelf.made_again else ledger.held_back

    def flush(self) -> None:
        if self.pending:
            self.held_back.add(self.folder.name)
        self.pending = []


def _groups(parts: Iterable[Path], sizes: Iterable[int]) -> list[list[Path]]:
    """In their order, each to become one part."""
    groups: list[list[Path]] = []
    room = 0
    for part, size in zip(parts, sizes, strict=True):
        if not groups or size > room:
            groups.append([])
            room = MERGED_BYTES
        groups[-1].append(part)
        room -= size
    return groups


def _read(
    parts: Iterable[Path], shelf: Shelf, names: Collection[str] | None
) -> tuple[list[pa.Table], dict[Path, DamagedError]]:
    tables, damaged, schema = [], {}, shelf.only(names)
    for part in parts:
        try:
            tables.append(_shelved(_keyed(read_part(part, schema.names)), shelf, schema))
        except DamagedError as error:
            damaged[part] = error
    return tables, damaged


def _keyed(table: pa.Table) -> pa.Table:
    """The table. Raises DamagedError if its rows are not of a subject and a recipe."""
    if missing := [field.name for field in KEY if field.name not in table.column_names]:
        raise DamagedError(f"it lacks {' and '.join(missing)}")
    if table["subject"].null_count:
        raise DamagedError("rows of it have no subject")
    return table


def _shelved(table: pa.Table, shelf: Shelf, schema: pa.Schema) -> pa.Table:
    """The part's table with this schema of the shelf's columns. Raises DamagedError if it belongs to another stage."""
    if table.schema.equals(schema):
        return table
    own = {*table.column_names} - {field.name for field in KEY}
    if own and not own & {field.name for field in shelf.columns}:
        raise StrayError("it has no column of this stage")
    try:
        for field in schema:  # a part written by an older prep lacks some
            if field.name not in table.column_names:
                table = table.append_column(field, pa.nulls(len(table), field.type))
        return table.select(schema.names).cast(schema)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise DamagedError(str(error).splitlines()[0]) from None
