"""What is in kohya/ now and what the ledger knows of it: the difference is what the user did there.

A picture that prep placed and that is missing from an existing folder was removed by hand. A missing folder is rebuilt.
A picture with other bytes than prep wrote was retouched, and is the user's.
"""

import errno
import hashlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from prep.edits.listed import Listing, Stat
from prep.errors import ImageError, StoppedError, UsageError
from prep.files import PICTURE_BYTES, NotAFileError, crash_point, move, read_file
from prep.images import SUFFIXES, open_image
from prep.ledger import Ledger, Shelf
from prep.names import MOST_REPEATS, numbered_folder
from prep.shelved import Shelved
from prep.system import numbers_of

EXPORT = Shelf(
    "export",
    (
        pa.field("name", pa.string()),  # of the file, without folder
        pa.field("sha256", pa.string()),  # of the file that is there
        pa.field("bytes", pa.int64()),
        pa.field("state", pa.string()),  # placed, unplaced, excluded; leaving: is being removed
        pa.field(
            "group", pa.string()
        ),  # its folder without the repeats; null in parts of 0.1.0, where the name says it
        pa.field("mtime_ns", pa.int64()),
        pa.field("inode", pa.int64()),
        pa.field("hand", pa.bool_()),  # the file is the user's version
    ),
)
LEFT_OUT = ("excluded", "leaving")  # states of pictures that the user removed
REPEATS = Shelf("repeats", (pa.field("repeats", pa.int32()),))


class Placed(NamedTuple):
    """A row of EXPORT."""

    name: str
    sha256: str
    bytes: int
    state: str
    group: str
    mtime_ns: int = 0
    inode: int = 0
    hand: bool = False

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    def is_as(self, stat: Stat) -> bool:
        """Whether its file is as it was when it was last seen."""
        return self.bytes == stat.bytes and self.mtime_ns == stat.mtime_ns and self.inode == stat.inode

    def at(self, path: Path) -> "Placed":
        """With the present stat of the file."""
        size, mtime_ns, inode = numbers_of(path.stat())
        return self._replace(bytes=size, mtime_ns=mtime_ns, inode=inode)

    def taken_out(self) -> "Placed":
        """The place of a user's version: whatever comes there next is not known to be prep's."""
        return self._replace(hand=False, sha256="", bytes=0, mtime_ns=0, inode=0)

    def row(self, subject: str) -> dict:
        return {"subject": subject, "recipe": "", **self._asdict()}


class Placement:
    """The folders of kohya/ by group (their names without the repeats), what is in them, and what the ledger knows."""

    def __init__(self, kohya: Path, ledger: Ledger) -> None:
        """See read_placement."""
        self.kohya = kohya
        self.ledger = ledger
        self.known = Shelved(ledger.book(EXPORT), _placed, Placed._fields)
        self.repeats: dict[str, int] = {}
        self.listings: dict[str, Listing] = {}
        self.seen_ns = 0  # when they were read, in nanoseconds since 1970
        self._folders: dict[tuple[str, int], Path] = {}  # as they were called: a set asks once per picture
        self.damaged: dict[str, Path] = {}  # picture -> its file, which is neither what was written nor a picture

    def __getitem__(self, subject: str) -> Placed | None:
        return self.known.get(subject)

    def read(self, groups: Iterable[str] = ()) -> None:
        """Read kohya/ as it is now. Writes nothing. groups: prep's folders, in addition to those that it knows."""
        self.repeats = {subject: row["repeats"] for subject, row in self.ledger.rows(REPEATS).items()}
        groups = {*groups, *(placed.group for placed in self.known.values())} - set(self.repeats)
        # Lost, but the folder's name says it.
        self.repeats |= _renamed(self.kohya, dict.fromkeys(groups, 0))
        self.repeats |= _renamed(self.kohya, self.repeats)
        self.listings = {}
        self.seen_ns = time.time_ns()
        for group in self.repeats:
            if (folder := self.folder(group)).is_dir():
                if folder.is_symlink():
                    raise StoppedError(
                        f"{folder} is a link, and prep does not write through links", hint="put a folder there"
                    )
                self.listings[group] = Listing(folder)

    def adopt_renamed(self) -> None:
        """A folder whose number the user changed keeps that number from now on."""
        known = {subject: row["repeats"] for subject, row in self.ledger.rows(REPEATS).items()}
        if renamed := {group: count for group, count in self.repeats.items() if known.get(group) != count}:
            self.ledger.write(REPEATS, [_repeats_row(group, count) for group, count in renamed.items()])

    def path(self, placed: Placed) -> Path | None:
        """Its path; None when its folder is missing."""
        return self.folder(placed.group) / placed.name if placed.group in self.repeats else None

    def there(self, placed: Placed) -> bool:
        return placed.name in self.listings.get(placed.group, {})

    def converted(self, placed: Placed) -> bool:
        """Whether its stem is there with another ending: the user saved it in another format."""
        return self._name_now(placed) not in (None, placed.name)

    def sidecar(self, placed: Placed) -> Path | None:
        """Its caption file; None when there is none. Also for a missing picture: the user may have written it."""
        return self.folder(placed.group) / f"{placed.stem}.txt" if self.has_sidecar(placed) else None

    def has_sidecar(self, placed: Placed) -> bool:
        return self.sidecar_stat(placed) is not None

    def sidecar_stat(self, placed: Placed) -> Stat | None:
        """The stat of its caption file; None when there is none."""
        names = self.listings.get(placed.group)
        return names.get(f"{placed.stem}.txt") if names else None

    def retouched(self) -> list[str]:
        """The subjects whose picture the user changed or converted since it was last seen here. It is the user's now,
        and the ledger says so. A file whose stat is unchanged is not read.
        """
        seen: dict[str, Placed] = {}
        retouched = []
        self.damaged = {}
        moved = self.moved()
        for subject, placed in self.known.items():
            # Also for removed pictures: the user's version may be put back before prep's own.
            if placed.state == "leaving" or subject in moved:
                continue
            stat = self.listings[placed.group].get(placed.name) if placed.group in self.listings else None
            if stat is not None and placed.is_as(stat) or (name := self._name_now(placed)) is None:
                continue
            now = self._looked_at(placed._replace(name=name))
            if now is None:
                if placed.state == "placed":
                    self.damaged[subject] = self.folder(placed.group) / name
                continue
            if now.sha256 != placed.sha256:
                retouched.append(subject)
                now = now._replace(state="placed") if placed.state == "unplaced" else now
            seen[subject] = now
        self.update(seen)
        return retouched

    def update(self, placed: dict[str, Placed]) -> None:
        """Record the pictures' new state, before anything on disk follows from it."""
        if placed:
            self.ledger.write(EXPORT, [each.row(subject) for subject, each in placed.items()])
            self.known |= placed

    def mark(self, subjects: Iterable[str], state: str) -> None:
        """Record a new state for known subjects, before anything on disk follows from it."""
        known = ((subject, self.known.get(subject)) for subject in subjects)
        changed = {subject: each for subject, each in known if each and each.state != state}
        self.update({subject: each._replace(state=state) for subject, each in changed.items()})

    def placed(self) -> Iterator[tuple[str, Placed]]:
        """All that should be in kohya/."""
        return ((subject, placed) for subject, placed in self.known.items() if placed.state == "placed")

    def left_out(self) -> Iterator[str]:
        """The subjects that the user removed."""
        return iter(self.known.where("state", *LEFT_OUT))

    def moved(self) -> set[str]:
        """Subjects whose place now belongs to another subject: the same picture under another name."""
        unplaced = self.known.where("state", "unplaced")
        if not unplaced:
            return set()
        places = {(placed.group, placed.stem) for placed in unplaced.values()}
        others = ((placed.group, placed.stem) for placed in self.known.values() if placed.state != "unplaced")
        owned = {place for place in others if place in places}
        return {subject for subject, placed in unplaced.items() if (placed.group, placed.stem) in owned}

    def folder(self, group: str) -> Path | None:
        """None while the group's repeats are not set."""
        if (repeats := self.repeats.get(group)) is None:
            return None
        if (group, repeats) not in self._folders:
            self._folders[group, repeats] = self.kohya / f"{repeats}_{group}"
        return self._folders[group, repeats]

    def set_repeats(self, repeats: dict[str, int]) -> None:
        """Set the groups' repeats; an existing folder is renamed."""
        changed = {group: count for group, count in repeats.items() if self.repeats.get(group) != count}
        if not changed:
            return
        before = {group: self.folder(group) for group in changed}
        self.ledger.write(REPEATS, [_repeats_row(group, count) for group, count in changed.items()])
        self.repeats |= changed
        for group, old in before.items():
            crash_point("settled")
            if old and old.is_dir():
                move(old, self.folder(group))

    def _name_now(self, placed: Placed) -> str | None:
        """The picture's file: under its name or, if it was converted, under its stem with another ending."""
        names = self.listings.get(placed.group, {})
        if placed.name in names:
            return placed.name
        endings = sorted(SUFFIXES)
        return next((f"{placed.stem}{ending}" for ending in endings if f"{placed.stem}{ending}" in names), None)

    def _looked_at(self, placed: Placed) -> Placed | None:
        """With the hash and stat of its file; None when that is no longer a picture."""
        path = self.path(placed)
        if path.is_symlink():  # as prep placed it: its target is elsewhere
            return placed.at(path)
        try:
            data = read_file(path, PICTURE_BYTES)
        except OSError as error:
            if isinstance(error, NotAFileError) or error.errno == errno.EFBIG:
                return None
            raise
        digest = hashlib.sha256(data).hexdigest()
        if digest == placed.sha256:
            return placed.at(path)
        try:
            open_image(data)
        except ImageError:
            return None
        return placed._replace(sha256=digest, hand=True).at(path)


def read_placement(kohya: Path, ledger: Ledger) -> Placement:
    """What is in kohya/ now. Writes nothing."""
    placement = Placement(kohya, ledger)
    placement.read()
    return placement


def _placed(name: str, sha256: str, size: int, state: str, group: str | None, mtime_ns: int | None, inode: int | None,
            hand: bool | None) -> Placed:  # fmt: skip
    group = group or name.rpartition("-")[0]
    return Placed(name, sha256, size, state, group, mtime_ns or 0, inode or 0, bool(hand))


def _renamed(kohya: Path, known: dict[str, int]) -> dict[str, int]:
    """Group -> the number that the user gave its folder. Raises UsageError when it is not a valid repeat count."""
    numbers: dict[str, list[int]] = {}
    for folder in kohya.glob("*/"):
        if (found := numbered_folder(folder.name)) is not None and found[1] in known:
            check_repeats(folder, found[0])
            numbers.setdefault(found[1], []).append(found[0])
    return {
        group: max(numbers[group])
        for group, count in known.items()
        if group in numbers and count not in numbers[group] and max(numbers[group]) > 0
    }


def check_repeats(folder: Path, count: int) -> None:
    """Raises UsageError."""
    if count > MOST_REPEATS:
        raise UsageError(
            f"{folder} asks for too many repeats: the most are {MOST_REPEATS:,}",
            hint="rename it, such as 10_" + folder.name.partition("_")[2],
        )


def _repeats_row(group: str, count: int) -> dict:
    return {"subject": group, "recipe": "", "repeats": count}
