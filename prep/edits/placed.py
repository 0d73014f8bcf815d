"""What stands in kohya/ now, and what the ledger knows of it: the two together tell what a person did there.

A file that we placed and that is gone from a folder that is still there was taken out by hand. A folder that is
gone is simply rebuilt.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from prep.files import crash_point
from prep.ledger import Ledger, Shelf

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


class Standing:
    """The folders of kohya/ by slug, what is in them, and the ledger's rows about them."""

    def __init__(self, kohya: Path, ledger: Ledger) -> None:
        self.kohya = kohya
        self.ledger = ledger
        self.exports = ledger.book(EXPORT)
        self.marked: dict[str, Placed] = {}  # what this run has said of them since
        self.repeats = {subject: row["repeats"] for subject, row in ledger.rows(REPEATS).items()}
        self.listings: dict[str, dict[str, int]] = {}  # slug -> file name -> bytes
        self._adopt()
        for slug in self.repeats:
            folder = self.folder(slug)
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    self.listings[slug] = {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}

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
        """Where the caption of a placed image stands; None when there is none."""
        placed = self[subject]
        if placed is None or placed.state != "placed":
            return None
        stem = placed.name.rpartition(".")[0]
        slug = stem.rpartition("-")[0]
        return self.folder(slug) / f"{stem}.txt" if f"{stem}.txt" in self.listings.get(slug, {}) else None

    def folder(self, slug: str) -> Path | None:
        """None while the character's repeats are not settled."""
        return self.kohya / f"{self.repeats[slug]}_{slug}" if slug in self.repeats else None

    def settle(self, repeats: dict[str, int]) -> None:
        """Give characters their repeats; a folder that stands is renamed."""
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

    def _adopt(self) -> None:
        """A folder whose number a person changed keeps that number."""
        standing: dict[str, list[int]] = {}
        for folder in self.kohya.glob("*/"):
            if found := re.fullmatch(r"(\d+)_(.+)", folder.name):
                standing.setdefault(found[2], []).append(int(found[1]))
        adopted = {
            slug: max(standing[slug])
            for slug, count in self.repeats.items()
            if slug in standing and count not in standing[slug] and max(standing[slug]) > 0
        }
        if adopted:
            self.ledger.write(REPEATS, [_repeats_row(slug, count) for slug, count in adopted.items()])
            self.repeats |= adopted


def _repeats_row(slug: str, count: int) -> dict:
    return {"subject": slug, "recipe": "", "repeats": count}
