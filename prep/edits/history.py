"""The history of an OUT: the user's decisions, step by step, each with the state before and after.

A step is one part of the ledger, so it is there whole or not at all. Steps from an edited file in kohya/, a command
and a page are alike. Undoing one is a step too: nothing is removed from the history.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from prep.documents import parse_json
from prep.edits.merge import Hand
from prep.errors import UsageError
from prep.ledger import Ledger, Shelf

What = Literal["caption", "verdict", "setting"]
Verdict = Literal["excluded", "accepted", "rejected"]
# `by` of steps that cannot be undone. read_back: parts of the ledger were lost, and this came from the manifest.
UNDO, REDO, MOVED, READ_BACK = "undo", "redo", "moved", "read_back"

VERDICTS = ("excluded", "accepted", "rejected")

EDIT = Shelf(
    "edit",  # subject: step/what/picture
    (
        pa.field("step", pa.int64()),
        pa.field("at", pa.int64()),  # seconds since 1970
        pa.field("by", pa.string()),  # kohya, source, command, page, ...; undo, redo; moved: followed its picture
        pa.field("of", pa.int64()),  # the step that is undone or redone; otherwise 0
        pa.field("what", pa.string()),
        pa.field("picture", pa.string()),  # of a setting, its key
        # image key
        pa.field("before", pa.string()),  # JSON: a caption's Hand, a verdict's name, a setting's value; null: none
        pa.field("after", pa.string()),
        pa.field("waited", pa.string()),  # the waiting action that it came from; null: none
    ),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one picture's caption, of the verdict on it, or of a value in OUT/settings.toml."""

    what: What
    picture: str  # image key; of a setting, as_name of its key
    before: Any
    after: Any

    @property
    def inverse(self) -> "Change":
        return Change(self.what, self.picture, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Step:
    """Decisions that were made together."""

    number: int
    at: int  # seconds since 1970
    by: str
    of: int
    changes: tuple[Change, ...]


class History:
    """All steps of an OUT. The last change of a picture is the one in force."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        # Parts are in the order they were written; the rows of one part are one step.
        self.table = ledger.table(EDIT)
        numbers, kinds, pictures = (self.table[name].to_pylist() for name in ("step", "what", "picture"))
        self.last: dict[tuple[str, str], int] = {}  # (what, picture) -> place in the table
        for place in sorted(range(len(numbers)), key=numbers.__getitem__):
            self.last[kinds[place], pictures[place]] = place
        self.newest = max(numbers, default=0)
        self.recorded: list[Step] = []  # by this process
        self.waited: str | None = None  # the waiting action that is being carried out
        self.since: dict[tuple[str, str], tuple[int, Change]] = {}  # the last of these for each (what, picture)

    def record(self, by: str, changes: Sequence[Change], of: int = 0) -> int:
        """Keep one step -> its number; 0 when nothing changes. A kill leaves it whole or absent.

        of: the step that is undone or redone. That is kept although nothing is left of it to undo, or it would be next
        for ever.
        """
        changes = [change for change in changes if of or change.before != change.after]
        if not changes:
            return 0
        self.newest += 1
        at = int(time.time())
        rows = [
            {
                "subject": f"{self.newest:09d}/{change.what}/{change.picture}",
                "recipe": "",
                "step": self.newest,
                "at": at,
                "by": by,
                "of": of,
                "what": change.what,
                "picture": change.picture,
                "before": _written(change.before),
                "after": _written(change.after),
                "waited": self.waited,
            }
            for change in changes
        ]
        self.ledger.write(EDIT, rows)
        self.recorded.append(Step(self.newest, at, by, of, tuple(changes)))
        self.since |= {(change.what, change.picture): (self.newest, change) for change in changes}
        return self.newest

    def stands(self, what: What, picture: str) -> tuple[int, Any] | None:
        """(number of the last step that changed it, its state after); None when no step did."""
        if (found := self.since.get((what, picture))) is not None:
            return found[0], found[1].after
        place = self.last.get((what, picture))
        if place is None:
            return None
        return self.table["step"][place].as_py(), _read(what, self.table["after"][place].as_py())

    def came_of(self, waited: str) -> bool:
        """Whether a waiting action was carried out before, in a process that was killed then."""
        return pc.any(pc.equal(self.table["waited"], waited)).as_py() or False

    def when(self, what: What, picture: str) -> int:
        """When it was last changed, in seconds since 1970; 0: never."""
        if (what, picture) in self.since:
            return int(time.time())
        place = self.last.get((what, picture))
        return 0 if place is None else self.table["at"][place].as_py() or 0

    def pictures(self, what: What) -> Iterator[str]:
        """All pictures whose caption or verdict was ever changed."""
        seen = {picture: None for kind, picture in (*self.last, *self.since) if kind == what}
        yield from seen

    def steps(self) -> list[Step]:
        """All steps, oldest first."""
        return [*self._before, *self.recorded]

    @cached_property
    def _before(self) -> list[Step]:
        """The steps that were there when it was opened."""
        rows: dict[int, list[dict]] = {}
        for row in self.table.to_pylist():
            rows.setdefault(row["step"], []).append(row)
        return [_step(number, rows[number]) for number in sorted(rows)]

    def moved_since(self, number: int) -> dict[str, str]:
        """Picture -> its present key, for those that moved after that step."""
        now: dict[str, str] = {}
        for step in self.steps():
            if step.by != MOVED or step.number <= number:
                continue
            left = {change.picture for change in step.changes if _said(change.before) and not _said(change.after)}
            for new in {change.picture for change in step.changes} - left:
                now = {old: new if name in left else name for old, name in now.items()} | dict.fromkeys(left, new)
        return now

    def undoable(self) -> list[Step]:
        """The steps that can be undone, newest first."""
        undone, steps = _undone(self.steps())
        return [step for step in reversed(steps) if step.number not in undone]

    def redoable(self) -> list[Step]:
        """The steps that can be redone, last undone first: none once something else was decided since."""
        steps = self.steps()
        found: list[Step] = []
        by_number = {step.number: step for step in steps}
        for step in steps:
            if step.by == UNDO and step.of in by_number:
                found.append(by_number[step.of])
            elif step.by == REDO:
                found = [each for each in found if each.number != step.of]
            elif step.by not in (MOVED, READ_BACK):
                found = []
        return found[::-1]


def _said(state: Any) -> bool:
    """Whether any of it was decided by the user."""
    return state.person is not None if isinstance(state, Hand) else state is not None


def _undone(steps: Iterable[Step]) -> tuple[set[int], list[Step]]:
    undone: set[int] = set()
    decided = []
    for step in steps:
        if step.by == UNDO:
            undone.add(step.of)
        elif step.by == REDO:
            undone.discard(step.of)
        elif step.by not in (MOVED, READ_BACK):
            decided.append(step)
    return undone, decided


def _step(number: int, rows: list[dict]) -> Step:
    changes = tuple(
        Change(row["what"], row["picture"], _read(row["what"], row["before"]), _read(row["what"], row["after"]))
        for row in rows
    )
    return Step(number, rows[0]["at"], rows[0]["by"], rows[0]["of"] or 0, changes)


def _written(state: Any) -> str | None:
    return json.dumps(state._asdict() if isinstance(state, Hand) else state) if state is not None else None


def _read(what: str, text: str | None) -> Any:
    """Raises UsageError for a state written by a later prep, which this one would misread."""
    if text is None:
        return None
    try:
        found = parse_json(text)
        if what == "setting":
            return found
        if what != "caption":
            return found if found in VERDICTS else None
        lists = {name: tuple(found[name]) for name in ("machine", "added", "removed")}
        return Hand(**(found | lists))
    except (TypeError, KeyError, ValueError):
        raise UsageError(
            "a step of its history cannot be read",
            hint="move .prep/ledger/edit away: prep then reads back what kohya/ shows",
        ) from None
