"""Files of the user's that prep cannot keep in their place: moved to OUT/set_aside/, never deleted, and reported.

Every file there has a line in problems.txt for as long as it is there.
"""

import hashlib
import logging
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pyarrow as pa

from prep.files import move, open_file, real_folder
from prep.ledger import Ledger, Shelf
from prep.names import printable

log = logging.getLogger(__name__)

FOLDER = "set_aside"
CHANGED = "it was changed since prep wrote it"
UNKNOWN = "it is not known to be prep's own"
ASIDE = Shelf("set_aside", (pa.field("why", pa.string()),))  # subject: the place under OUT, printable


def set_aside(out: Path, path: Path, why: str, ledger: Ledger) -> Path:
    """Move a file of OUT to the same place under OUT/set_aside/, with a number if that is taken -> its new path.

    why: a clause, such as "its caption is not UTF-8". A link is moved as a link; its target is not touched.
    """
    target = _moved(out, path, why, ledger)
    place, now = (printable(each.relative_to(out).as_posix()) for each in (path, target))
    log.info(f"{place}: {why}; it is now in {now}")
    return target


def set_parts_aside(out: Path, ledger: Ledger, shelf: Shelf, damaged: Mapping[Path, str]) -> None:
    """Move parts of OUT's ledger that cannot be read. damaged: part -> what is wrong with it."""
    for part, why in damaged.items():
        _moved(out, part, f"this part of the ledger cannot be read: {why}", ledger)
    many = "a part" if len(damaged) == 1 else f"{len(damaged):,} parts"
    are = "is" if len(damaged) == 1 else "are"
    log.info(
        f"ledger: {many} of `{shelf.name}` cannot be read and {are} now in {_lost_parts(out, shelf).relative_to(out)}; "
        "what your files still say is read back"
    )


def is_lost(out: Path, ledger: Ledger, *shelves: Shelf) -> bool:
    """Whether parts of these shelves could not be read, now or in an earlier run, and are still in set_aside/."""
    return any(shelf.name in ledger.passed_over or any(_lost_parts(out, shelf).glob("*")) for shelf in shelves)


def _lost_parts(out: Path, shelf: Shelf) -> Path:
    return out / FOLDER / ".prep" / "ledger" / shelf.name


def _moved(out: Path, path: Path, why: str, ledger: Ledger) -> Path:
    """-> its new path. The reason is in the ledger before the file is moved."""
    place = path.relative_to(out)
    folder = real_folder(out, FOLDER, *place.parts[:-1])
    target, number = folder / place.name, 1
    while os.path.lexists(target):
        number += 1
        target = folder / f"{place.stem}-{number}{place.suffix}"
    subject = printable(target.relative_to(out).as_posix())
    ledger.write(ASIDE, [{"subject": subject, "recipe": "", "why": why}])
    move(path, target)  # kohya/ may be on another disk
    return target


def make_way(out: Path, path: Path, ours: Collection[str], why: str, ledger: Ledger) -> None:
    """Call right before path is overwritten or removed: sets the file aside unless its fingerprint is ours."""
    found = fingerprint(path)
    if found is not None and found not in ours:
        set_aside(out, path, why, ledger)


def fingerprint(path: Path) -> str | None:
    """The sha256 of a regular file, hex; for a link, its target; None if nothing is there.

    A space for everything else, which no record contains: a folder, a pipe, an unreadable file.
    """
    try:
        if path.is_symlink():
            return f"link to {path.readlink()}"
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return " "


def lying_aside(out: Path, ledger: Ledger) -> dict[str, str]:
    """Place under OUT -> why, for everything that is in OUT/set_aside/ now."""
    ledger.table(ASIDE)  # parts of this shelf may be damaged, too, and then they are there as well
    whys = {subject: row["why"] for subject, row in ledger.rows(ASIDE).items()}
    root = out / FOLDER
    if root.is_symlink() or not root.is_dir():
        return {}
    found = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    places = sorted(printable(path.relative_to(out).as_posix()) for path in found)
    return {place: _why(place, whys) for place in places}


def sweep_empty(out: Path) -> None:
    """Remove folders of OUT/set_aside/ that the user has emptied."""
    root = out / FOLDER
    if root.is_symlink() or not root.is_dir():
        return
    for folder, _, _ in os.walk(root, topdown=False):
        with suppress(OSError):  # not empty
            Path(folder).rmdir()


def _why(place: str, whys: Mapping[str, str]) -> str:
    """For a file in a moved folder, the reason of the folder."""
    above = (str(each) for each in (PurePosixPath(place), *PurePosixPath(place).parents))
    return next((whys[each] for each in above if each in whys), "was put here by hand")
