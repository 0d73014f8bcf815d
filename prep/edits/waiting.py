"""Actions that wait because a run has the OUT: one file each, carried out by whoever has the OUT next.

A page's changes are kept here while `prep run` works. They are merged as if they were made afterwards: a caption is
merged with what the run made of it.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

from prep.aside import set_aside
from prep.documents import DocumentError, read_json
from prep.edits.actions import Action, carry_out
from prep.edits.edits import Edits
from prep.errors import UsageError
from prep.files import write_whole
from prep.system import remove

log = logging.getLogger(__name__)

FOLDER = "waiting"  # in .prep
PAGE = "page"  # who decides, as the history records it
DIGITS = 9


def keep_waiting(out: Path, action: Action) -> None:
    """Keep it, behind those that wait already. It is on the disk when this returns."""
    folder = out / ".prep" / FOLDER
    folder.mkdir(exist_ok=True)
    number = 1 + max((int(path.stem) for path in _files(out)), default=0)
    write_whole(folder / f"{number:0{DIGITS}d}.json", json.dumps(action).encode(), sync=True)


def is_waiting(out: Path) -> bool:
    return bool(_files(out))


def waiting(out: Path) -> list[Action]:
    """Those that wait, oldest first; none of those that cannot be read."""
    return [action for path in _files(out) if (action := _read(path)) is not None]


def take_back(out: Path) -> Action | None:
    """The newest that waits, which waits no longer; None: there is none."""
    for path in reversed(_files(out)):
        action = _read(path)
        if action is not None:
            remove(path)
            return action
    return None


def carry_out_waiting(edits: Edits) -> Iterator[tuple[Action, UsageError | None]]:
    """Carry out those that wait, oldest first. -> each, and why it could not be done.

    One is gone once it is done. A kill in between does it twice, which changes nothing; but an undo would undo more, so
    none waits. What cannot be read, or done, is set aside.
    """
    for path in _files(edits.out):
        action, why = _read(path), None
        if action is not None:
            try:
                carry_out(edits, action)
            except (UsageError, KeyError, TypeError, ValueError, AttributeError) as error:
                why = error if isinstance(error, UsageError) else UsageError("it is not one of prep's changes")
        if action is None or why:
            set_aside(edits.out, path, f"this change could not be made: {why or 'it cannot be read'}",
                      edits.decisions.ledger)  # fmt: skip
        else:
            remove(path)
        yield action or {}, why


def _files(out: Path) -> list[Path]:
    folder = out / ".prep" / FOLDER
    if folder.is_symlink():
        return []
    return sorted(path for path in folder.glob("*.json") if path.stem.isdecimal() and not path.is_symlink())


def _read(path: Path) -> Action | None:
    try:
        found = read_json(path)
    except (FileNotFoundError, DocumentError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("do"), str) else None
