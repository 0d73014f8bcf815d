"""What a person did in kohya/ and to the .txt files in SRC: read before anything is written, kept in the ledger.

The order matters for a kill at any moment: edits are in the ledger before a file changes; what is about to be
written is in the ledger, with what stands there, before it is; and only what was written is confirmed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pyarrow.compute as pc

from prep.edits.merge import Hand
from prep.edits.placed import Standing
from prep.edits.sidecar import CAPTION, Entry, absorb, begun, entry_of, read_caption
from prep.errors import ImageError
from prep.ledger import FLUSH_ROWS
from prep.run import Dataset, Run, group_of, subject_of
from prep.types import Problem, Row


class Handwork:
    def __init__(self, run: Run, dataset: Dataset, standing: Standing) -> None:
        self.run = run
        self.standing = standing
        self.book = run.ledger.book(CAPTION)
        self.changed: dict[str, Entry] = {}  # entries that a person changed since the last run
        self.untouchable: set[str] = set()  # captions that could not be read: neither merged nor written
        self.taken_out: set[str] = set()
        self._read_captions(dataset)
        self.read_removals(dataset.rows())

    def entry(self, row: Row) -> Entry:
        subject = subject_of(row)
        return self.changed.get(subject) or entry_of(self.book.get(subject))

    def hand(self, row: Row) -> Hand:
        """The state to merge the machine's caption into."""
        return begun(self.entry(row), row.caption.items)

    def announced(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, each after the ledger was told which caption is about to be written for it, and what stands there.

        One pass for both, and never more than a part's rows ahead of whoever writes them.
        """
        rows = iter(rows)
        while chunk := list(islice(rows, FLUSH_ROWS)):
            intents = (self._intent(row) for row in chunk if row.status == "kept" and row.final_text is not None)
            self.run.ledger.write(CAPTION, filter(None, intents))
            yield from chunk

    def confirm(self) -> None:
        """Say that what was announced is written. Only now may a file that says something else be a person's edit."""
        table = self.run.ledger.table(CAPTION)
        announced = table.filter(pc.greater(pc.list_value_length(table["standing"]), 0)).to_batches(FLUSH_ROWS)
        with self.run.ledger.writer(CAPTION) as ledger:
            for batch in announced:
                for row in batch.to_pylist():
                    ledger.append(row | {"standing": []})

    def _intent(self, row: Row) -> dict[str, Any] | None:
        """The caption's row in the ledger, if it is not there yet."""
        entry = self.entry(row)
        hand = replace(self.hand(row), text=row.final_text, machine=row.caption.items)
        in_source = self.run.settings.captions.sidecars == "source"
        after = Entry(hand, (), row.final_text if in_source else entry.source_text)
        if after == entry:
            return None
        texts = dict.fromkeys((*entry.standing, entry.hand.text, entry.source_text))
        return replace(after, standing=tuple(text for text in texts if text is not None)).row(subject_of(row))

    def _read_captions(self, dataset: Dataset) -> None:
        """All that stand in kohya/, also of images that this run will take out: their edits wait in the ledger."""
        rows = (row for row in dataset.rows() if row.status not in ("duplicate", "unreadable"))
        paths = {subject_of(row): row.ref.path for row in rows}
        subjects = {subject for subject, _ in self.standing.placed()} | set(paths)
        with self.run.ledger.writer(CAPTION) as ledger:
            for subject in sorted(subjects):
                before = entry_of(self.book.get(subject))
                try:
                    after = absorb(before, self._in_kohya(subject), self._in_source(paths.get(subject)))
                except ImageError as error:
                    path = paths.get(subject, subject)
                    self.run.problems[path] = Problem("caption", error.kind, error.message, error.hint)
                    self.untouchable.add(subject)
                    continue
                if after != before:
                    self.changed[subject] = after
                    ledger.append(after.row(subject))

    def _in_kohya(self, subject: str) -> str | None:
        path = self.standing.sidecar(subject)
        return read_caption(path) if path else None

    def _in_source(self, path: str | None) -> str | None:
        return read_caption((self.run.src / path).with_suffix(".txt")) if path else None

    def read_removals(self, rows: Iterable[Row]) -> None:
        """Images that a person removed from kohya/: remembered, until --restore."""
        found = set()
        for row in rows:
            if row.trains and self.standing.taken_out(subject_of(row), group_of(self.run, row)):
                found.add(subject_of(row))
        if self.run.options.restore:
            self.standing.mark(found, "unplaced")
        else:
            self.standing.mark((subject for subject in found if self.standing[subject].state != "excluded"), "excluded")
            self.taken_out |= found
