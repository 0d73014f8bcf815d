"""What a person did in kohya/ and to the .txt files in SRC: read before anything is written, kept in the ledger.

The order matters for a kill at any moment: edits are in the ledger before a file changes; what is about to be
written is in the ledger, with what the file says now, before it is written; only what was written is confirmed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from prep.edits.merge import Hand
from prep.edits.placed import Placement
from prep.edits.sidecar import CAPTION, Entry, absorb, begun, entry_of, read_caption
from prep.errors import ImageError
from prep.ledger import FLUSH_ROWS, Book, Ledger
from prep.run import image_key
from prep.types import Problem, Row


class HandEdits:
    """What the files say, compared with what was last written. `look` is what reads them."""

    def __init__(self, ledger: Ledger, placement: Placement, src: Path, in_source: bool) -> None:
        """in_source: whether prep also writes the .txt beside the images in SRC."""
        self.ledger = ledger
        self.placement = placement
        self.src = src
        self.in_source = in_source
        self.book: Book = ledger.book(CAPTION)
        self.changed: dict[str, Entry] = {}  # entries that a person changed since the last run
        self.untouchable: set[str] = set()  # captions that could not be read: neither merged nor written
        self.taken_out: set[str] = set()

    def entry(self, row: Row) -> Entry:
        subject = image_key(row)
        return self.changed.get(subject) or entry_of(self.book.get(subject))

    def hand(self, row: Row) -> Hand:
        """The state to merge the machine's caption into."""
        return begun(self.entry(row), row.caption.items)

    def look(self, rows: Iterable[Row]) -> dict[str, Problem]:
        """Read all captions in kohya/ and SRC, also of images that this run leaves out: the ledger keeps their edits.

        -> path -> why its caption could not be read.
        """
        rows = (row for row in rows if row.status not in ("duplicate", "unreadable"))
        paths = {image_key(row): row.ref.path for row in rows}
        subjects = {subject for subject, _ in self.placement.placed()} | set(paths)
        problems: dict[str, Problem] = {}
        with self.ledger.writer(CAPTION) as ledger:
            for subject in sorted(subjects):
                before = entry_of(self.book.get(subject))
                try:
                    after = absorb(before, self._in_kohya(subject), self._in_source(paths.get(subject)))
                except ImageError as error:
                    problems[paths.get(subject, subject)] = Problem("caption", error.kind, error.message, error.hint)
                    self.untouchable.add(subject)
                    continue
                if after != before:
                    self.changed[subject] = after
                    ledger.append(after.row(subject))
        return problems

    def note_removals(self, rows: Iterable[Row], group: Callable[[Row], str], restore: bool) -> None:
        """Remember images that a person removed from kohya/, until they are restored. group: of a row's folder."""
        found = {image_key(row) for row in rows if row.trains and self.placement.taken_out(image_key(row), group(row))}
        if restore:
            self.placement.mark(found, "unplaced")
        else:
            new = (subject for subject in found if self.placement[subject].state != "excluded")
            self.placement.mark(new, "excluded")
            self.taken_out |= found

    def announce(self, rows: Iterable[Row]) -> None:
        """Tell the ledger which captions are about to be written, and what the files say until they are."""
        written = (row for row in rows if row.status == "kept" and row.final_text is not None)
        with self.ledger.writer(CAPTION) as ledger:
            for intent in filter(None, map(self._intent, written)):
                ledger.append(intent)

    def confirm(self) -> None:
        """Say that what was announced is written: from now on, a file that says something else is a person's edit."""
        table = self.ledger.table(CAPTION)
        announced = table.filter(pc.greater(pc.list_value_length(table["standing"]), 0)).to_batches(FLUSH_ROWS)
        with self.ledger.writer(CAPTION) as ledger:
            for row in _rows(announced):
                ledger.append(row | {"standing": []})

    def _intent(self, row: Row) -> dict[str, Any] | None:
        """The caption's row in the ledger, if it is not there yet."""
        entry = self.entry(row)
        hand = replace(self.hand(row), text=row.final_text, machine=row.caption.items)
        after = Entry(hand, (), row.final_text if self.in_source else entry.source_text)
        if after == entry:
            return None
        texts = dict.fromkeys((*entry.expected_texts, entry.hand.text, entry.source_text))
        return replace(after, expected_texts=tuple(text for text in texts if text is not None)).row(image_key(row))

    def _in_kohya(self, subject: str) -> str | None:
        path = self.placement.sidecar(subject)
        return read_caption(path) if path else None

    def _in_source(self, path: str | None) -> str | None:
        return read_caption((self.src / path).with_suffix(".txt")) if path else None


def _rows(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()
