"""What accept, reject, exclude, restore, tags and undo have in common: the OUT, its lock, and their output."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._path import PATH
from prep.cli._say import say
from prep.errors import StoppedError

if TYPE_CHECKING:
    from prep.dataset.opened import Set
    from prep.edits.edits import Edits


KEYS = "KEY is a path in SRC, a file in kohya/ or generated/, its name, or the first letters of its hash."


@contextmanager
def deciding(out: Path, dry: bool = False) -> "Iterator[tuple[Set, Edits]]":
    """An OUT with its lock held and changes to its files already read in. dry: keep nothing, and need no lock."""
    from prep.dataset.opened import Set
    from prep.dataset.read_back import deleted_shelves
    from prep.edits.waiting import carry_out_waiting
    from prep.ledger import DryLedger, Ledger
    from prep.process.arrow import keep_arrow_small
    from prep.process.lock import locked
    from prep.process.report import Report
    from prep.process.signals import interruptible

    keep_arrow_small()
    found = Set(out)
    if deleted := deleted_shelves(out, found.ledger):
        names = " and ".join(f"`{shelf.name}`" for shelf in deleted)
        hint = "`prep run` reads your work back from manifest.parquet and from your files"
        raise StoppedError(f"{out}/.prep/ledger no longer has any {names}", hint=hint)
    state = out / ".prep"
    held = nullcontext() if dry else locked(state / "lock")
    with interruptible(), held, Report(None if dry else state / "log"):
        edits = found.edits(DryLedger(state / "ledger") if dry else Ledger.begin(state / "ledger"), "command")
        edits.look()
        for _, why in () if dry else carry_out_waiting(edits):
            if why:
                say(f"a change made in the review, while a run worked, cannot be made: {why.message}")
        yield found, edits


def decision(verb: str, what: str, example: str, done: str, later: str = "") -> click.Command:
    """The command `prep VERB OUT KEY...`. what: its help; done, later: see `decide`."""

    @click.command(verb, help=f"{what}\n\n{KEYS}\n\n\b\nExample:\n  prep {verb} outputs/characters {example}")
    @click.argument("out", type=PATH)
    @click.argument("keys", metavar="KEY...", nargs=-1, required=True)
    def command(out: Path, keys: tuple[str, ...]) -> int:
        return decide(out, keys, verb, done, later)

    return command


def decide(out: Path, keys: Sequence[str], verb: str, done: str, later: str = "") -> int:
    """Exclude, restore, accept or reject pictures by key. done: their new state; later: what the next run still has to
    do.
    """
    with deciding(out) as (found, edits):
        pictures = found.find(keys)
        looked_at = _check_acceptable(found, pictures) if verb == "accept" else 0
        changed = getattr(edits, verb)(pictures)
        before = len(pictures) - len(changed)
        summary = f"{len(changed):,} {'picture' if len(changed) == 1 else 'pictures'} {done}"
        say(summary + (f"; {before:,} {'was' if before == 1 else 'were'} before" if before else ""))
        if changed and later:
            say(later)
        if changed and looked_at:
            are = "is" if looked_at == 1 else "are"
            say(f"{looked_at:,} of them {are} only looked at: samples, reconstructions and scenes never train")
        if changed:
            say(f"`prep undo {out}` undoes it")
    return 0


def _check_acceptable(found: "Set", pictures: Sequence[str]) -> int:
    """-> how many of them never train. Raises UsageError for a picture that cannot be accepted into the set."""
    from prep.dataset.opened import is_no_copy
    from prep.errors import UsageError
    from prep.types import trains

    rows = {row["picture"]: row for row in found.rows(is_no_copy, columns=["source", "origin"])}
    for picture in pictures:
        row = rows.get(picture)
        if row is None:
            raise UsageError(f"{picture} is a copy of another picture of its character", hint="accept that picture")
        if row["status"] == "unreadable":
            raise UsageError(f"{row['source']} cannot be read: {row['reason']}", hint="save it again, then run again")
    return sum(not trains(rows[picture]["origin"], "kept") for picture in pictures)
