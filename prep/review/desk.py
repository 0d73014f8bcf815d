"""Carries out what the page asks for: at once under the OUT's lock, or later if a run has it.

While a run works, changes are kept in .prep/waiting/ and shown as if they were made: the same code makes them in
memory. As soon as the OUT is free they are merged with what the run made of it.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prep.dataset.opened import Set
from prep.dataset.read_back import deleted_shelves
from prep.edits.actions import SETTINGS, Action, Done, carry_out
from prep.edits.edits import Edits
from prep.edits.history import EDIT
from prep.edits.placed import EXPORT
from prep.edits.sidecar import CAPTION
from prep.edits.waiting import FOLDER, PAGE, carry_out_waiting, keep_waiting, take_back, waiting
from prep.errors import InUseError, PrepError, StoppedError
from prep.ledger import DryLedger, Ledger
from prep.process.lock import locked
from prep.review.board import Board
from prep.review.items import Item
from prep.web.refused import Refused

LOOK_SECONDS = 10.0  # between two looks at files that somebody may have edited
MOST_PARTS = 150  # of the ledger, that are written before they are merged


class Desk:
    """One per server. `board` is what everybody reads; changes come one at a time."""

    def __init__(self, out: Path) -> None:
        """Raises UsageError when OUT is not a finished set of prep's, StoppedError when its ledger is damaged."""
        self.out = out
        self.board = Board()
        self.busy: str | None = None  # who has the OUT; None: nobody
        self.waiting = 0
        self.messages: list[str] = []  # about changes that could not be merged
        self._one_at_a_time = threading.RLock()
        self._edits: Edits | None = None
        self._seen: Any = None  # what the OUT was like when it was read
        self._looked = 0.0
        self._files: Any = None  # those of kohya/, when they were looked at
        self._steps = 0
        Set(out).facts  # noqa: B018 - raises when there is no manifest
        with self._door():
            pass

    def act(self, action: Action) -> tuple[Done, list[Item]]:
        """Carry it out, or keep it until a run is done. Raises UsageError, StoppedError, Refused."""
        undoing = action["do"] in ("undo", "redo")
        with self._door() as edits:
            if edits.dry and undoing:
                done = self._take_back(action["do"])
            else:
                done = carry_out(edits, action)
                if edits.dry:
                    keep_waiting(self.out, action)
                    self.waiting += 1
            self._steps += 1
            return done, self.board.update(self._edits, done.pictures)

    def look(self, query: Callable[[Edits], Any]) -> Any:
        """What a query says of the present decisions. It changes nothing."""
        with self._one_at_a_time:
            if self._edits is None:
                self.refresh()
            return query(self._edits)

    def refresh(self) -> None:
        """Take over what others did: a run, a command, an editor. Raises StoppedError when OUT is damaged.

        The files are looked at without the OUT's lock: only if one has changed, commands and runs have to wait.
        """
        look = False
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            files = _listed(self.out / "kohya")
            look = files != self._files
            self._files = files
        with self._door(look):
            pass

    def finish(self) -> None:
        """Returns when no change is at work."""
        with self._one_at_a_time:
            pass

    @contextlib.contextmanager
    def _door(self, look: bool = False) -> Iterator[Edits]:
        """The decisions as they are now, under the OUT's lock; if a run has that, in memory alone."""
        with self._one_at_a_time, contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.out / ".prep" / "lock", wait_seconds=0))
                self.busy = None
            except InUseError as error:
                self.busy = error.message.partition(" is ")[2]
            if self.busy:
                if self._edits is None or not self._edits.dry or self._seen != self._signature():
                    self._open(DryLedger(self.out / ".prep" / "ledger"))
            else:
                self._open_live(look)
            try:
                yield self._edits
            except (StoppedError, OSError):  # half of it may be in memory: read anew
                self._edits = None
                raise
            self._seen = self._signature()

    def _open_live(self, look: bool) -> None:
        stale = self._edits is None or self._edits.dry or self._seen != self._signature()
        if stale or self._steps > MOST_PARTS:
            if deleted_shelves(self.out, Ledger(self.out / ".prep" / "ledger")):
                raise StoppedError("its ledger was deleted", hint="`prep run` reads your work back")
            self._steps = 0
            self._open(Ledger.begin(self.out / ".prep" / "ledger"))
        elif look:
            before = dict(self._edits.decisions.changed)
            known = self._edits.decisions.verdicts() | self._own()
            self._edits.placement.read()
            self._edits.look()
            now = self._edits.decisions.changed
            changed = {picture for picture in now if now[picture] is not before.get(picture)}
            verdicts = self._edits.decisions.verdicts() | self._own()
            changed |= {picture for picture in {*known, *verdicts} if known.get(picture) != verdicts.get(picture)}
            if changed:
                self.board.update(self._edits, changed)

    def _own(self) -> dict[str, str]:
        """Pictures that the user retouched -> what is there now."""
        return {picture: each.sha256 for picture, each in self._edits.placement.known.items() if each.hand}

    def _open(self, ledger: Ledger) -> None:
        """Read all anew, and carry out what waits."""
        of_set = Set(self.out, ledger)
        edits = of_set.edits(ledger, PAGE)
        edits.look()
        if isinstance(ledger, DryLedger):
            actions = waiting(self.out)
            for action in actions:
                with contextlib.suppress(PrepError, KeyError, TypeError, ValueError):
                    carry_out(edits, action)
            self.waiting = len(actions)
        else:
            for _, why in carry_out_waiting(edits):
                if why:
                    self.messages.append(f"A change that waited cannot be made: {why}")
            self.waiting = 0
        self._edits = edits
        self.board.load(of_set, edits)

    def _take_back(self, verb: str) -> Done:
        """Undo what waits; what the run knows already can only be undone after it."""
        taken = take_back(self.out) if verb == "undo" else None
        if taken is None:
            what = "nothing that waits can be undone" if verb == "undo" else "redo waits for the run"
            raise Refused(409, f"{what}: this set is {self.busy}", "try again when the run is done")
        self._open(DryLedger(self.out / ".prep" / "ledger"))
        pictures = {*taken.get("pictures", ()), *([taken["picture"]] if "picture" in taken else [])}
        return Done(pictures, settings=taken["do"] in SETTINGS, taken=True)

    def _signature(self) -> Any:
        """It differs once anybody else has decided something, or a run has finished."""
        state = self.out / ".prep"
        shelves = [_names(state / "ledger" / shelf.name) for shelf in (EDIT, CAPTION, EXPORT)]
        try:
            manifest = (self.out / "manifest.parquet").stat()
        except OSError as error:
            why = f"{self.out}/manifest.parquet is gone ({error.strerror})"
            raise StoppedError(why, hint="`prep run` writes it again") from None
        return shelves, _names(state / FOLDER), manifest.st_mtime_ns, manifest.st_ino


def _names(folder: Path) -> Sequence[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are enough
    except OSError:
        return ()


def _listed(kohya: Path) -> int:
    """A hash of what a listing says about the files of its folders: when it is the same, none has changed."""
    found = []
    for folder in kohya.glob("*/"):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            found += [(entry.name, (stat := entry.stat()).st_mtime_ns, stat.st_size, stat.st_ino) for entry in entries]
    return hash(tuple(sorted(found)))
