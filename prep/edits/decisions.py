"""What the user decided about each picture: the ledger's captions and verdicts, with their history. Reads no file.

A step enters the history before anything else follows from it: if a run was killed in between, the history is right.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import pyarrow.compute as pc

from prep.blocks import batched
from prep.edits.history import Change, History, Verdict
from prep.edits.merge import Hand
from prep.edits.sidecar import CAPTION, ENTRY, Entry, entry_of
from prep.ledger import Ledger

NO_TEXT = None, None, None


class Verdicts:
    """The current verdicts by picture (image key)."""

    def __init__(self, ledger: Ledger, excluded: Iterable[str] = ()) -> None:
        """excluded: pictures that 0.1.0 left out, which kept no history."""
        self.ledger = ledger
        self.history = History(ledger)
        self.old_excluded = frozenset(excluded)

    def verdict(self, picture: str) -> Verdict | None:
        stands = self.history.stands("verdict", picture)
        if stands is not None:
            return stands[1]
        return "excluded" if picture in self.old_excluded else None

    def verdicts(self) -> dict[str, Verdict]:
        """`verdict` of all pictures that have one: of a set, few."""
        pictures = {*self.old_excluded, *self.history.pictures("verdict")}
        return {picture: verdict for picture in pictures if (verdict := self.verdict(picture))}


class Decisions(Verdicts):
    """The current captions and verdicts by picture (image key)."""

    def __init__(self, ledger: Ledger, excluded: Iterable[str] = ()) -> None:
        """excluded: pictures that 0.1.0 left out, which kept no history."""
        super().__init__(ledger, excluded)
        self.book = ledger.book(CAPTION)
        # If the history lost its last steps, the captions still say how far it went.
        self.history.newest = max(self.history.newest, pc.max(self.book.table["step"]).as_py() or 0)
        self.changed: dict[str, Entry] = {}  # entries that are newer than the book

    def entry(self, picture: str) -> Entry:
        row = self.book.get(picture)
        return self._now(picture, row and tuple(map(row.get, ENTRY)))

    def entries(self, pictures: Iterable[str]) -> Iterator[Entry]:
        """`entry` for each picture, several times as fast."""
        for block in batched(pictures):
            for picture, values in zip(block, self.book.values(block, *ENTRY), strict=True):
                yield self._now(picture, values)

    def texts(self, pictures: Iterable[str]) -> Iterator[str | None]:
        """The text of each picture's caption, as its file has it; None: it has none yet."""
        newer = self.newer()
        for block in batched(pictures):
            settled = list(self.settled(block, newer))
            others = self.entries(picture for picture, text in zip(block, settled, strict=True) if text is None)
            yield from (next(others).hand.said if text is None else text for text in settled)

    def lists(self, pictures: Iterable[str]) -> dict[str, str]:
        """Picture -> the tags of its caption, of those whose file has another text, made of them: in a form."""
        table = self.book.table
        formed = table.filter(pc.is_valid(table["form"]))["subject"].to_pylist()
        asked = {*formed, *(picture for picture, entry in self.changed.items() if entry.hand.form)}
        found = [picture for picture in pictures if picture in asked] if asked else []
        entries = zip(found, self.entries(found), strict=True)
        return {
            picture: entry.hand.text
            for picture, entry in entries
            if entry.hand.form and not entry.hand.verbatim and entry.hand.text is not None
        }

    def newer(self) -> set[str]:
        """Pictures whose caption may be newer than its row: what `settled` asks for."""
        return {*self.history.pictures("caption"), *self.changed}

    def settled(self, pictures: Sequence[str], newer: Collection[str]) -> Iterator[str | None]:
        """The text of each picture's caption; None: it has none yet, or its files may have another text of prep's."""
        for picture, row in zip(pictures, self.book.values(pictures, "text", "whole", "standing"), strict=True):
            text, whole, standing = row or NO_TEXT
            # In a form, the file has another text than the list.
            yield None if standing or picture in newer or text is None else text if whole is None else whole

    def by_hand(self) -> set[str]:
        """All pictures with a decision of the user's that still holds."""
        table = self.book.table
        edited = table.filter(pc.is_valid(table["person"]))["subject"].to_pylist()
        captions = {*edited, *self.history.pictures("caption"), *self.changed}
        entries = zip(captions, self.entries(captions), strict=True)
        return {picture for picture, entry in entries if entry.by_hand} | {*self.verdicts()}

    def keep(self, entries: Mapping[str, Entry], by: str, of: int = 0) -> None:
        """Keep captions as they are now: the user's changes as one step of the history, and everything as rows."""
        before = {picture: self.entry(picture).hand for picture in entries}
        changes = [
            Change("caption", picture, _state(before[picture]), _state(entry.hand))
            for picture, entry in entries.items()
            if _decided(before[picture]) != _decided(entry.hand)
        ]
        step = self.history.record(by, changes, of)
        changed = {change.picture for change in changes}
        now = {
            picture: entry._replace(step=step) if step and picture in changed else entry
            for picture, entry in entries.items()
        }
        self.ledger.write(CAPTION, [entry.row(picture) for picture, entry in now.items()])
        self.changed |= now

    def decide(self, verdicts: Mapping[str, Verdict | None], by: str, of: int = 0) -> set[str]:
        """-> the pictures whose verdict changed."""
        changes = [Change("verdict", picture, self.verdict(picture), after) for picture, after in verdicts.items()]
        self.history.record(by, changes, of)
        return {change.picture for change in changes if change.before != change.after}

    def _now(self, picture: str, values: tuple | None) -> Entry:
        """values: those of ENTRY in the book; None: it is not there."""
        return self.changed.get(picture) or self._with_history(picture, entry_of(*values) if values else Entry(Hand()))

    def _with_history(self, picture: str, entry: Entry) -> Entry:
        """The entry, brought up to date with steps that a killed process did not write into the row."""
        stands = self.history.stands("caption", picture)
        if stands is None or stands[0] <= entry.step:
            return entry
        hand = stands[1] or Hand()
        said = [text for text in (entry.hand.said, *entry.expected_texts) if text not in (None, hand.said)]
        return entry._replace(hand=hand, expected_texts=tuple(dict.fromkeys(said)), step=stands[0])


def _state(hand: Hand) -> Hand | None:
    return None if hand == Hand() else hand


def _decided(hand: Hand) -> tuple:
    """The part that the user decided: the rest follows from prep's caption."""
    return hand.added, hand.removed, hand.person, hand.verbatim, hand.own and hand.sentence
