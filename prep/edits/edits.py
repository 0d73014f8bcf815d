"""The one way for decisions to enter, from a command, a page or a service. Changes to files in kohya/ are read first,
so that both are steps of one history and each can be undone.

The caller holds the OUT's lock, or has a DryLedger. Pictures leave kohya/ at once; they come back with the next run,
which has the files.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prep.edits.decisions import Decisions
from prep.edits.from_files import BY, HandEdits, caption_bytes
from prep.edits.history import REDO, UNDO, Change, Step, Verdict
from prep.edits.in_form import read, retagged, retold
from prep.edits.merge import Hand, edited, is_tag_list, items, merged
from prep.edits.own_settings import (
    Key,
    as_key,
    as_name,
    changed_text,
    found_in,
    read_settings,
    with_values,
    write_settings,
)
from prep.edits.placed import read_placement
from prep.edits.retags import Retag, adding, moving, removing, renaming, triggers_in
from prep.edits.sidecar import CAPTION, LONGEST_BYTES, Entry, absorb, caption_text, texts_of
from prep.edits.take_out import take_out
from prep.errors import ImageError, UsageError
from prep.files import read_file, write_whole
from prep.ledger import DryLedger, Ledger


class Edits:
    """The user's decisions about the pictures of an OUT. A picture is named by its image key, CHARACTER/SHA256."""

    def __init__(self, out: Path, ledger: Ledger, by: str = "command") -> None:
        """by: who decides, as the history records it. With a DryLedger, decisions are in memory alone."""
        self.out = out
        self.by = by
        self.dry = isinstance(ledger, DryLedger)
        self.left: list[str] = []  # settings that the last undo or redo left alone: the user has changed them since
        self._unwritten: dict[tuple[str, ...], Any] = {}  # settings that are in memory alone
        self.placement = read_placement(out / "kohya", ledger)
        self.decisions = Decisions(ledger, self.placement.left_out())
        self.files = HandEdits(self.decisions, self.placement, out, out, in_source=False)

    def look(self) -> None:
        """Read in what was done to the files since, before anything else is decided."""
        self.files.look([])
        self.placement.retouched()
        self.files.note_removals([picture for picture, _ in self.placement.placed()])

    @property
    def history(self) -> list[Step]:
        """All steps, oldest first."""
        return self.decisions.history.steps()

    def text(self, picture: str) -> str | None:
        """Its present caption; None: it has none yet."""
        return self.decisions.entry(picture).hand.said

    def trigger(self, picture: str) -> str | None:
        """The trigger word that prep last wrote into its caption."""
        machine = self.decisions.entry(picture).hand.machine
        return machine[0] if machine else None

    def caption(self, picture: str, text: str, base: str | None = None) -> str:
        """Write a caption by hand -> the resulting caption.

        base: the caption that the writer saw. If it has changed since, only what the writer changed is merged into it.
        Raises UsageError for a picture that has no caption yet.
        """
        self._take_over([picture])
        entry = self._captioned(picture)
        hand, now, text = entry.hand, entry.hand.said, _as_read(text)
        if text == (now if base is None else base):
            return now  # saved as it was found
        if base is None or base == now:
            after = read(hand, text)
        elif hand.form:
            after = read(hand, text, base)
            after = retold(hand, after.text, after.sentence if after.own else None)._replace(
                added=after.added, removed=after.removed, person=after.person, verbatim=after.verbatim
            )
        else:
            after = edited(hand._replace(text=base), text)._replace(text=now)
            final = merged(after, hand.machine, hand.triggers) if not after.verbatim else text
            after = after._replace(text=final, person=final)
        self._write({picture: after}, self.by)
        return after.said

    def exclude(self, pictures: Iterable[str]) -> set[str]:
        """Leave pictures out of the set from now on. -> those that this changed, as for all verbs below."""
        return self._decide(dict.fromkeys(pictures, "excluded"), self.by)

    def restore(self, pictures: Iterable[str]) -> set[str]:
        """Undo an exclusion, acceptance or rejection."""
        return self._decide(dict.fromkeys(pictures), self.by)

    def accept(self, pictures: Iterable[str]) -> set[str]:
        """Accept what the scan or the check rejected."""
        return self._decide(dict.fromkeys(pictures, "accepted"), self.by)

    def reject(self, pictures: Iterable[str]) -> set[str]:
        """Reject what the scan and the check accepted."""
        return self._decide(dict.fromkeys(pictures, "rejected"), self.by)

    def add(self, tag: str, pictures: Iterable[str]) -> set[str]:
        """Append a tag to captions that lack it."""
        return self.retag(pictures, adding(tag))

    def remove(self, tag: str, pictures: Iterable[str]) -> set[str]:
        """Remove a tag from captions; it does not come back."""
        return self.retag(pictures, removing(tag))

    def rename(self, new_names: Mapping[str, str], pictures: Iterable[str]) -> set[str]:
        """Replace tags by others, each in its place."""
        return self.retag(pictures, renaming(new_names))

    def retagged(self, pictures: Iterable[str], change: Retag) -> dict[str, tuple[str, str]]:
        """What a change of tags would do, without doing it: picture -> (caption before, caption after).

        Sentences and captions of several lines are not lists of tags, and stay unchanged.
        """
        found = {}
        for picture in pictures:
            hand = self.decisions.entry(picture).hand
            if hand.text is None or not hand.text.strip() or not is_tag_list(hand.text):
                continue
            tags = items(hand.text)
            then = change(tags, triggers_in(tags, hand))
            if then != tags:
                found[picture] = hand.text, ", ".join(then)
        return found

    def move(self, tag: str, place: int | None, pictures: Iterable[str]) -> set[str]:
        """Put a tag at another place, counted from the trigger words on; None: the end."""
        return self.retag(pictures, moving(tag, place))

    def setting(self, key: Key) -> Any:
        """The value in OUT/settings.toml; None: it is not set there. Raises UsageError when it cannot be read."""
        return found_in(with_values(read_settings(self.out), self._unwritten), key)

    def set_values(self, values: Mapping[Key, Any]) -> bool:
        """Set values in OUT/settings.toml as one step; None takes one out. -> whether anything changed."""
        changes = [Change("setting", as_name(key), self.setting(key), value) for key, value in values.items()]
        return self._set(changes, self.by)

    def undo(self, steps: int = 1) -> list[Step]:
        """Undo the last steps -> those that were undone, newest first."""
        self.left = []
        undone = self.decisions.history.undoable()[:steps]
        for step in undone:
            self._apply([change.inverse for change in self._current_changes(step)], UNDO, step.number)
        return undone

    def redo(self, steps: int = 1) -> list[Step]:
        """Redo the steps that were undone last."""
        self.left = []
        redone = self.decisions.history.redoable()[:steps]
        for step in redone:
            self._apply(self._current_changes(step), REDO, step.number)
        return redone

    def pictures_of(self, step: Step) -> set[str]:
        """The pictures that a step is about, under their present keys."""
        return {change.picture for change in self._current_changes(step) if change.what != "setting"}

    def _current_changes(self, step: Step) -> list[Change]:
        """The changes of a step, under the pictures' present keys."""
        now = self.decisions.history.moved_since(step.number)
        return [replace(change, picture=now.get(change.picture, change.picture)) for change in step.changes]

    def _apply(self, changes: Iterable[Change], by: str, of: int) -> None:
        captions: dict[str, Hand] = {}
        verdicts: dict[str, Verdict | None] = {}
        settings: list[Change] = []
        for change in changes:
            if change.what == "verdict":
                verdicts[change.picture] = change.after
            elif change.what == "setting":
                settings.append(change)
            else:
                captions[change.picture] = self._updated(change.picture, change.after or Hand())
        if captions:
            self._write(captions, by, of)
        if verdicts:
            self._decide(verdicts, by, of)
        if settings:
            self._set(settings, by, of)

    def _set(self, changes: Sequence[Change], by: str, of: int = 0) -> bool:
        """Undoing leaves a value alone that the user has changed since; it counts as undone."""
        found = {change.picture: self.setting(as_key(change.picture)) for change in changes}
        left = [change.picture for change in changes if found[change.picture] != change.before]
        self.left += left
        changes = [
            change if change.picture not in left else replace(change, before=now, after=now)
            for change in changes
            for now in [found[change.picture]]
        ]
        values = {as_key(change.picture): change.after for change in changes if change.before != change.after}
        if self.dry:
            self._unwritten |= values
        elif values:  # the file first: the history must not say what the file lacks
            write_settings(self.out, changed_text(self.out, values))
        return bool(self.decisions.history.record(by, changes, of))

    def _updated(self, picture: str, hand: Hand) -> Hand:
        """An earlier state of a caption, merged with prep's present one."""
        now = self.decisions.entry(picture).hand
        if not now.machine:
            return hand
        text = merged(hand, now.machine, now.triggers)
        told = retold(now, text, hand.sentence if hand.own else None)
        return told._replace(added=hand.added, removed=hand.removed, person=hand.person, verbatim=hand.verbatim)

    def retag(self, pictures: Iterable[str], change: Retag) -> set[str]:
        """Change the tags of captions, as one step. -> the pictures whose caption changed."""
        pictures = [*pictures]
        self._take_over(pictures)
        changed = self.retagged(pictures, change)
        for _, then in changed.values():
            _as_read(then)
        hands = {picture: retagged(self.decisions.entry(picture).hand, then) for picture, (_, then) in changed.items()}
        self._write(hands, self.by)
        return set(changed)

    def _take_over(self, pictures: Iterable[str]) -> None:
        """Read what somebody has just saved in the files of these captions."""
        saved: dict[str, Entry] = {}
        for picture in pictures:
            placed = self.placement[picture]
            folder = self.placement.folder(placed.group) if placed else None
            if folder is None:
                continue
            try:
                text = caption_text(read_file(folder / f"{placed.stem}.txt", LONGEST_BYTES))
            except (OSError, ImageError):  # gone, or unreadable: the next look says so
                continue
            entry = self.decisions.entry(picture)
            if text not in entry.known:
                saved[picture] = absorb(entry, text, None)
        if saved:
            history = self.decisions.history
            waited, history.waited = history.waited, None  # this is not what the waiting action changes
            self.decisions.keep(saved, BY)
            history.waited = waited

    def _write(self, hands: Mapping[str, Hand], by: str, of: int = 0) -> None:
        """Keep captions as one step, then write their files: each is checked once more right before."""
        entries = {picture: self.decisions.entry(picture) for picture in hands}
        announced = {
            picture: entry._replace(
                hand=hands[picture], expected_texts=texts_of(entry.hand.said, *entry.expected_texts)
            )
            for picture, entry in entries.items()
        }
        self.decisions.keep(announced, by, of)
        # In memory alone, the files keep their text.
        done = [picture for picture, entry in announced.items() if not self.dry and self._write_file(picture, entry)]
        written = {picture: self.decisions.entry(picture)._replace(expected_texts=()) for picture in done}
        self.decisions.ledger.write(CAPTION, [entry.row(picture) for picture, entry in written.items()])
        self.decisions.changed |= written

    def _write_file(self, picture: str, entry: Entry) -> bool:
        """-> whether its file was written; if somebody has just saved it, the next look merges that."""
        placed = self.placement[picture]
        path = self.placement.sidecar(placed) if placed else None
        if path is None or entry.hand.said is None:
            return True
        if not self.files.says(path, entry.known):
            return False
        write_whole(path, caption_bytes(entry.hand.said))
        return True

    def _decide(self, verdicts: Mapping[str, Verdict | None], by: str, of: int = 0) -> set[str]:
        changed = self.decisions.decide(verdicts, by, of)
        for state in ("excluded", "rejected"):
            self._leave([picture for picture in changed if verdicts[picture] == state], state)
        back = [picture for picture in changed if verdicts[picture] in (None, "accepted") and self.placement[picture]]
        self.placement.mark((picture for picture in back if self.placement[picture].state == "excluded"), "unplaced")
        return changed

    def _leave(self, pictures: list[str], state: Verdict) -> None:
        """Take pictures out of kohya/. A kill on the way leaves them `leaving`: the next run finishes it."""
        there = [picture for picture in pictures if self.placement[picture]]
        self.placement.mark(there, "leaving")
        for picture in there if not self.dry else ():
            take_out(picture, self.placement[picture], self.decisions, self.placement, self.out)
        self.placement.mark(there, "excluded" if state == "excluded" else "unplaced")

    def _captioned(self, picture: str) -> Entry:
        entry = self.decisions.entry(picture)
        if entry.hand.text is None:
            raise UsageError(f"{picture} has no caption yet", hint="let `prep run` finish")
        return entry


def _as_read(text: str) -> str:
    """A caption as it will be read back from its file. Raises UsageError for text that a file cannot hold."""
    try:
        return caption_text((text or "\n").encode())
    except (ImageError, UnicodeEncodeError):
        raise UsageError("the caption is not valid text", hint="remove the characters that are not") from None
