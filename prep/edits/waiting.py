"""Actions that wait because a run has the OUT: one file each, carried out by whoever has the OUT next.

A page's changes are kept here while `prep run` works. They are merged as if they were made afterwards: a caption is
merged with what the run made of it.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from prep.aside import set_aside
from prep.documents import DocumentError, read_json
from prep.edits.actions import Action, carry_out
from prep.edits.edits import Edits
from prep.errors import UsageError
from prep.files import write_whole
from prep.system import remove, rename

FOLDER = "waiting"  # in .prep
PAGE = "page"  # who decides, as the history records it
WAITS, CLAIMED = ".json", ".doing"
NAMED = re.compile(r"\d{20}-[0-9a-f]{8}\.(json|doing)")


def keep_waiting(out: Path, action: Action) -> None:
    """Keep it, behind those that wait already. It is on the disk when this returns."""
    folder = out / ".prep" / FOLDER
    folder.mkdir(exist_ok=True)
    newest = max((path.name.partition("-")[0] for path in _files(out)), default="")
    now = f"{time.time_ns():020d}"
    # Later than all that wait, also where a clock was put back. Two pages may keep one at the same moment.
    first = now if now > newest else f"{int(newest) + 1:020d}"
    write_whole(folder / f"{first}-{secrets.token_hex(4)}{WAITS}", json.dumps(action).encode(), sync=True)


def is_waiting(out: Path) -> bool:
    return bool(_files(out))


def waiting(out: Path) -> list[Action]:
    """Those that wait, oldest first; none of those that cannot be read."""
    return [action for path in _files(out) if (action := _read(path)) is not None]


def take_back(out: Path) -> Action | None:
    """The newest that waits, which waits no longer; None: there is none, or somebody is carrying it out."""
    for path in reversed(_files(out)):
        action = _read(path)
        if action is None or path.suffix != WAITS:
            continue
        taken = path.with_suffix(".taken")
        try:
            rename(path, taken)
        except OSError:
            continue
        remove(taken)
        return action
    return None


def carry_out_waiting(edits: Edits) -> Iterator[tuple[Action, UsageError | None]]:
    """Carry out those that wait, oldest first. -> each, and why it could not be done.

    Each is claimed before, so that nobody takes it back meanwhile. After a kill the history says whether it was done.
    What cannot be read, or done, is set aside.
    """
    history = edits.decisions.history
    for path in _files(edits.out):
        claimed = path.with_suffix(CLAIMED)
        try:
            if path != claimed:
                rename(path, claimed)
        except OSError:
            continue
        action, why = _read(claimed), None
        if action is not None and not history.came_of(path.stem):
            history.waited = path.stem
            try:
                carry_out(edits, action)
            except (UsageError, KeyError, TypeError, ValueError, AttributeError) as error:
                why = error if isinstance(error, UsageError) else UsageError("it is not one of prep's changes")
            finally:
                history.waited = None
        if action is None or why:
            said = f"this change could not be made: {why or 'it cannot be read'}"
            set_aside(edits.out, claimed, said, edits.decisions.ledger)
        else:
            remove(claimed)
        yield action or {}, why


def _files(out: Path) -> list[Path]:
    folder = out / ".prep" / FOLDER
    if folder.is_symlink():
        return []
    return sorted(
        path for path in folder.glob("*") if NAMED.fullmatch(path.name) and not path.is_symlink() and path.is_file()
    )


def _read(path: Path) -> Action | None:
    try:
        found = read_json(path)
    except (FileNotFoundError, DocumentError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("do"), str) else None
