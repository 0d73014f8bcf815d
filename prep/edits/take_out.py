"""Remove files from kohya/ that leave the set: only if they still have the bytes that prep wrote, checked right before.

The user's edits of a caption go into the ledger first; anything else of the user's is set aside.
"""

from collections.abc import Collection
from pathlib import Path

from prep.aside import fingerprint, set_aside
from prep.edits.decisions import Decisions
from prep.edits.from_files import BY, why_unread
from prep.edits.placed import Placed, Placement
from prep.edits.sidecar import LONGEST_BYTES, absorb, caption_text
from prep.errors import ImageError
from prep.files import crash_point, read_file
from prep.system import remove


def take_out(
    picture: str, placed: Placed, decisions: Decisions, placement: Placement, out: Path, elsewhere: Collection[str] = ()
) -> bool:
    """Remove a picture and its caption from kohya/. elsewhere: sha256 of what is in SRC as well. -> whether it was
    there.
    """
    removed = False
    if placement.there(placed):
        removed = _picture(placed, placement, out, elsewhere)
        crash_point("removal")
    now = placement.known[picture]
    if now.hand and (now.group, now.name) == (placed.group, placed.name):
        placement.update({picture: now.taken_out()})
    if text := placement.sidecar(placed):
        _caption(text, picture, decisions, out)
        crash_point("removal")
    return removed


def _picture(placed: Placed, placement: Placement, out: Path, elsewhere: Collection[str]) -> bool:
    path = placement.path(placed)
    try:
        if not path.is_symlink() and (placed.hand or placed.at(path) != placed):
            digest = fingerprint(path)
            if digest and digest not in elsewhere and (placed.hand or digest != placed.sha256):
                why = "was changed by hand, and its picture is no longer in the set"
                set_aside(out, path, why, placement.ledger)
                return True
        remove(path)
    except FileNotFoundError:
        return False
    return True


def _caption(path: Path, picture: str, decisions: Decisions, out: Path) -> None:
    entry = decisions.entry(picture)
    try:
        text = caption_text(read_file(path, LONGEST_BYTES))
    except FileNotFoundError:
        return
    except (ImageError, OSError) as error:
        set_aside(out, path, why_unread(error), decisions.ledger)
        return
    if text not in entry.known:
        decisions.keep({picture: absorb(entry, text, None)}, BY)
    remove(path)
