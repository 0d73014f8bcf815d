"""What is in kohya/ now and what the ledger knows of it: the difference is what a person did there.

An image that prep placed and that is gone from a folder that is still there was removed by hand. A folder that is gone
is rebuilt.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from prep.files import crash_point
from prep.ledger import Book, Ledger, Shelf
from prep.names import numbered_folder

EXPORT = Shelf(
    "export",
    (
        pa.field("name", pa.string()),  # of the file, without folder
        pa.field("sha256", pa.string()),  # of the exported file
        pa.field("bytes", pa.int64()),
        pa.field("state", pa.string()),  # placed, unplaced, excluded
    ),
)
REPEATS = Shelf("repeats", (pa.field("repeats", pa.int32()),))


@dataclass(frozen=True)
class Placed:
    name: str
    sha256: str
    bytes: int
    state: str

    def row(self, subject: str) -> dict:
        return {"subject": subject, "recipe": "", **{slot: getattr(self, slot) for slot in self.__dataclass_fields__}}


class Placement:
    """The folders of kohya/ by slug, what is in them, and the ledger's rows about them."""

    def __init__(
        self, kohya: Path, ledger: Ledger, exports: Book, repeats: dict[str, int], listings: dict[str, dict[str, int]]
    ) -> None:
        """exports: the ledger's rows. listings: slug -> file name -> bytes. See read_placement."""
        self.kohya = kohya
        self.ledger = ledger
        self.exports = exports
        self.marked: dict[str, Placed] = {}  # rows that this run has written since
        self.repeats = repeats
        self.listings = listings

    def __getitem__(self, subject: str) -> Placed | None:
        if subject in self.marked:
            return self.marked[subject]
        row = self.exports.get(subject)
        return Placed(row["name"], row["sha256"], row["bytes"], row["state"]) if row else None

    def taken_out(self, subject: str, slug: str) -> bool:
        """Whether a person removed this image, now or earlier, and did not put it back."""
        placed = self[subject]
        if placed is None or placed.name in self.listings.get(slug, {}):
            return False
        return placed.state == "excluded" or placed.state == "placed" and slug in self.listings

    def mark(self, subjects: Iterable[str], state: str) -> None:
        """Write a new state for known subjects, before anything on disk follows from it."""
        changed = {subject: replace(self[subject], state=state) for subject in subjects}
        if changed:
            self.ledger.write(EXPORT, [placed.row(subject) for subject, placed in changed.items()])
            self.marked |= changed

    def placed(self) -> Iterator[tuple[str, str]]:
        """(subject, file name) of all that should be in kohya/."""
        table = self.exports.table.filter(pc.equal(self.exports.table["state"], "placed"))
        for subject, name in zip(table["subject"].to_pylist(), table["name"].to_pylist(), strict=True):
            if subject not in self.marked:
                yield subject, name

    def sidecar(self, subject: str) -> Path | None:
        """The caption file of a placed image; None when there is none."""
        placed = self[subject]
        if placed is None or placed.state != "placed":
            return None
        stem = placed.name.rpartition(".")[0]
        slug = stem.rpartition("-")[0]
        return self.folder(slug) / f"{stem}.txt" if f"{stem}.txt" in self.listings.get(slug, {}) else None

    def folder(self, slug: str) -> Path | None:
        """None while the character's repeats are not set."""
        return self.kohya / f"{self.repeats[slug]}_{slug}" if slug in self.repeats else None

    def set_repeats(self, repeats: dict[str, int]) -> None:
        """Give characters their repeats; a folder that exists is renamed."""
        changed = {slug: count for slug, count in repeats.items() if self.repeats.get(slug) != count}
        if not changed:
            return
        before = {slug: self.folder(slug) for slug in changed}
        self.ledger.write(REPEATS, [_repeats_row(slug, count) for slug, count in changed.items()])
        self.repeats |= changed
        for slug, old in before.items():
            crash_point("settled")
            if old and old.is_dir():
                old.rename(self.folder(slug))


def read_placement(kohya: Path, ledger: Ledger) -> Placement:
    """What is in kohya/ now. Writes nothing."""
    repeats = {subject: row["repeats"] for subject, row in ledger.rows(REPEATS).items()} | _renamed(kohya, ledger)
    listings: dict[str, dict[str, int]] = {}
    for slug, count in repeats.items():
        folder = kohya / f"{count}_{slug}"
        if folder.is_dir():
            with os.scandir(folder) as entries:
                listings[slug] = {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
    return Placement(kohya, ledger, ledger.book(EXPORT), repeats, listings)


def adopt_renamed(kohya: Path, ledger: Ledger) -> None:
    """A folder whose number a person changed keeps that number, from now on."""
    if renamed := _renamed(kohya, ledger):
        ledger.write(REPEATS, [_repeats_row(slug, count) for slug, count in renamed.items()])


def _renamed(kohya: Path, ledger: Ledger) -> dict[str, int]:
    """Slug -> the number that a person gave its folder."""
    numbers: dict[str, list[int]] = {}
    for folder in kohya.glob("*/"):
        if (found := numbered_folder(folder.name)) is not None:
            numbers.setdefault(found[1], []).append(found[0])
    known = {subject: row["repeats"] for subject, row in ledger.rows(REPEATS).items()}
    return {
        slug: max(numbers[slug])
        for slug, count in known.items()
        if slug in numbers and count not in numbers[slug] and max(numbers[slug]) > 0
    }


def _repeats_row(slug: str, count: int) -> dict:
    return {"subject": slug, "recipe": "", "repeats": count}
