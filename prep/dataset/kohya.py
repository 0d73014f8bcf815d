"""The kohya export: `<repeats>_<character>/` with images and captions, and dataset.toml. sd-scripts loads either.

Only what differs is written. The user's changes were read before (see edits/); clear.py removes what is no longer in
the set.
"""

import logging
import math
import os
import re
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from prep.aside import FOLDER, fingerprint, set_aside
from prep.blocks import batched
from prep.captions.forms import form_of
from prep.dataset.elsewhere import is_ours
from prep.dataset.layout import Layout
from prep.dataset.musubi import musubi_toml
from prep.dataset.place import prepared
from prep.dataset.toml import by_resolution, dataset_toml, write_dataset_toml
from prep.edits.from_files import HandEdits
from prep.edits.placed import Placed, Placement
from prep.edits.take_out import take_out
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, is_regular, read_file, real_folder, write_whole
from prep.images import SUFFIXES
from prep.index import Hashes
from prep.names import MOST_REPEATS, crop_group, drawn_group, is_made_group, stem_slug
from prep.run import Places, image_key
from prep.sections import Export
from prep.system import remove
from prep.types import Problem, Row

log = logging.getLogger(__name__)

CHUNK = 256
WRITERS = 4


def balanced_repeats(counts: dict[str, int], images_per_epoch: int) -> dict[str, int]:
    """Repeats such that every character shows about as many images per epoch: at least images_per_epoch, at least
    as many as the largest has. 12, 7 and 5 images become 96, 98 and 100. Never more than MOST_REPEATS.
    """
    target = max([images_per_epoch, *counts.values()])
    return {name: min(MOST_REPEATS, max(1, round(target / count))) for name, count in counts.items() if count}


def crop_share(repeats: int, most: int) -> float:
    """The share of a character's crops that are kept, 0-1. repeats: of its own pictures. most: crops of a picture.

    All crops together are shown at most half as often as the pictures that they were cut from. Where one repeat would
    be too many for that, there are fewer crops.
    """
    return min(1.0, repeats / (2 * most))


@dataclass
class Written:
    """What an export has placed."""

    written: int = 0
    unchanged: int = 0
    captions: int = 0  # whose text changed
    stems: dict[str, Hashes] = field(default_factory=dict)  # by group
    sides: dict[str, int] = field(default_factory=dict)  # of what prep made: square root of the largest area, pixels
    rows: dict[str, Row] = field(default_factory=dict)  # by picture: those whose caption the user saved just now

    @property
    def counts(self) -> dict[str, int]:
        return {group: len(stems) for group, stems in self.stems.items()}

    @property
    def images(self) -> int:
        return sum(self.counts.values())


class KohyaExporter:
    name = "kohya"

    def __init__(self, edits: HandEdits, places: Places, triggers: dict[str, str], settings: Export, layout: Layout,
                  max_pixels: int, base: str = "", most_crops: int = 1) -> None:  # fmt: skip
        """triggers: by group, a folder's name without the repeats. base: the model that the captions are for, as
        `captions.for` names it. most_crops: of a picture.
        """
        self.edits = edits
        self.placement: Placement = edits.placement
        self.places = places
        self.triggers = triggers
        self.settings = settings
        self.layout = layout
        self.max_pixels = max_pixels
        self.base = base
        self.most_crops = most_crops
        self.problems: dict[str, Problem] = {}
        self.kept_toml = False  # the user edited dataset.toml, so ours is beside it
        self.for_musubi = ""  # the same for musubi-tuner

    def write(self, rows: Iterable[Row], out: Path) -> Written:
        """rows: those with a final caption, in order. out: the dataset folder."""
        kohya = out / "kohya"
        if not is_ours(out):
            real_folder(out, "kohya")
        self._forget_lost_folders()
        done = Written()
        with ThreadPoolExecutor(WRITERS) as pool:
            for chunk in batched((row for row in rows if row.trains), CHUNK):
                groups = {self.places.group(row) for row in chunk}
                if any(
                    group in self.placement.listings and not self.placement.folder(group).is_dir() for group in groups
                ):
                    self._look_for_folders()
                for group in groups:
                    real_folder(kohya, self.placement.folder(group).name)
                self._write_chunk(chunk, pool, done)
        self._toml(kohya, done)
        return done

    def set_repeats(self, counts: dict[str, int], rebalance: bool) -> dict[str, int]:
        """Set the repeats of groups that have none yet (of all, when rebalancing). counts: images by group.

        -> group -> the repeats that would balance it now, where they differ.
        """
        real = {group: count for group, count in counts.items() if not is_made_group(group)}
        wanted = balanced_repeats(real, self.settings.images_per_epoch)
        # Drawn pictures are shown half as often as real ones: they support the set, but are not what should be learnt.
        drawn = {group for group in wanted if drawn_group(group) in counts}
        cropped = {group for group in wanted if crop_group(group) in counts}
        wanted |= {drawn_group(group): max(1, wanted[group] // 2) for group in drawn}
        known = {} if rebalance else self.placement.repeats
        wanted |= {
            crop_group(group): max(1, known.get(group, wanted[group]) // (2 * self.most_crops)) for group in cropped
        }
        self.placement.set_repeats({group: repeats for group, repeats in wanted.items() if group not in known})
        return {group: repeats for group, repeats in wanted.items() if self.placement.repeats[group] != repeats}

    def unnamed(self, out: Path, done: Written) -> list[str]:
        """The folders that are not trained, because the user's own dataset.toml does not list them."""
        text = read_file(out / "kohya" / "dataset.toml").decode("utf-8", "replace")
        folders = (self.placement.folder(group).name for group in sorted(done.counts))
        return [folder for folder in folders if not re.search(rf"(?<![\w-]){re.escape(folder)}(?![\w-])", text)]

    def _write_chunk(self, chunk: list[Row], pool: ThreadPoolExecutor, done: Written) -> None:
        texts: list[tuple[Path, Row]] = []
        fresh: dict[str, Placed] = {}
        before = list(self.placement.known.of(map(image_key, chunk)))
        for row, (placed, now) in zip(chunk, pool.map(self._put, chunk, before), strict=True):
            if placed is None:
                continue
            picture, group = image_key(row), placed.group
            if now:
                fresh[picture] = placed
            if row.final_text is not None and (now or not self.edits.stands(picture, row.final_text)):
                texts.append((self.placement.folder(group) / f"{placed.stem}.txt", row))
            done.stems.setdefault(group, Hashes()).add(placed.stem)
            if row.made:
                side = math.isqrt(row.ref.width * row.ref.height)
                done.sides[group] = max(side, done.sides.get(group, 0))
            done.written, done.unchanged = done.written + now, done.unchanged + (not now)
        # Captions come after the ledger has their images, so that an edit after a kill is found.
        self.placement.update(fresh)
        for (_, asked), (row, wrote) in zip(texts, pool.map(lambda text: self.edits.write(*text), texts), strict=True):
            done.captions += wrote and image_key(row) not in fresh
            if row is not asked:
                done.rows[image_key(row)] = row
        self._clear_names(zip(map(image_key, chunk), before, strict=True), fresh)

    def _clear_names(self, before: Iterable[tuple[str, Placed | None]], fresh: dict[str, Placed]) -> None:
        """Remove what is there under an earlier name."""
        for picture, old in before:
            now = fresh.get(picture)
            if now and old and (old.group, old.stem) != (now.group, now.stem):
                take_out(picture, old, self.edits.decisions, self.placement, self.edits.out)

    def _put(self, row: Row, placed: Placed | None) -> tuple[Placed | None, bool]:
        """placed: as it is known. -> (the placed file or None, whether it was placed now)."""
        picture, group = image_key(row), self.places.group(row)
        damaged = self.placement.damaged.get(picture)
        stays = placed and placed.state == "placed" and not damaged and self.placement.there(placed)
        if stays:
            if placed.group == group and (placed.hand or not self.layout.changed):
                return placed, False
            if placed.hand:  # the user's version moves with its character
                return self._moved(picture, placed, group), True
        try:
            ready = prepared(row.ref, self.places.file(row), self.layout.strip, self.max_pixels)
        except ImageError as error:
            self.problems[row.ref.path] = Problem("export", error.kind, error.message, error.hint)
            return None, False
        if damaged and damaged.exists():
            set_aside(self.edits.out, damaged, "is no longer a picture", self.placement.ledger)
        if stays and placed.group == group and placed.sha256 == ready.digest:
            return placed, False
        if placed and not placed.sha256 and (back := self._back_from_aside(placed, group)):
            return back, True
        begin = stem_slug(Path(row.ref.path).stem) if self.layout.readable else group
        target = self.placement.folder(group) / ready.name(begin)
        if not _holds(target, ready.digest):
            if os.path.lexists(target):
                set_aside(self.edits.out, target, "was in the place of a picture of the set", self.placement.ledger)
            ready.write(target, self.settings.link)
        now = Placed(target.name, ready.digest, len(ready.data), "placed", group)
        return now.at(target), True

    def _moved(self, picture: str, placed: Placed, group: str) -> Placed:
        old, folder = self.placement.path(placed), self.placement.folder(group)
        if os.path.lexists(folder / placed.name):
            set_aside(self.edits.out, folder / placed.name, "was in the place of a picture", self.placement.ledger)
        write_whole(folder / placed.name, read_file(old, PICTURE_BYTES))
        now = Placed(placed.name, placed.sha256, placed.bytes, "placed", group, hand=True).at(folder / placed.name)
        self.placement.update({picture: now})  # before the old one is removed, so that a kill leaves both
        remove(old)
        return now

    def _back_from_aside(self, placed: Placed, group: str) -> Placed | None:
        """Put back the user's version that was set aside when its picture left the set; None if there is none."""
        for folder in sorted((self.edits.out / FOLDER / "kohya").glob(f"*_{group}")):
            for version in sorted(folder.glob(f"{placed.stem}.*")):
                target = self.placement.folder(group) / version.name
                if version.suffix.lower() in SUFFIXES and is_regular(version) and not os.path.lexists(target):
                    shutil.move(version, target)  # kohya/ may be on another disk
                    log.info(f"kohya/{target.parent.name}/{target.name}: your version is back from {FOLDER}/")
                    return Placed(target.name, fingerprint(target), 0, "placed", group, hand=True).at(target)
        return None

    def _forget_lost_folders(self) -> None:
        """Record removed folders before rebuilding them: half a folder would look as if images had been removed."""
        groups = {placed.group for placed in self.placement.known.values()} - self.placement.listings.keys()
        lost = [subject for subject, placed in self.placement.placed() if placed.group in groups] if groups else ()
        self.placement.mark(lost, "unplaced")

    def _look_for_folders(self) -> None:
        """The user renamed or removed a folder just now: rebuilt under its old name, it would look emptied by hand."""
        self.placement.read()
        self.placement.adopt_renamed()
        self._forget_lost_folders()

    def _toml(self, kohya: Path, done: Written) -> None:
        repeats, groups = self.placement.repeats, sorted(done.counts)
        subsets = [(f"{repeats[name]}_{name}", repeats[name], self.triggers[name]) for name in groups]
        trained = by_resolution(dict(zip(groups, subsets, strict=True)), self.settings.resolution, done.sides)
        text = dataset_toml(*trained, form_of(self.base))
        self.for_musubi = musubi_toml(*trained)
        self.kept_toml = not write_dataset_toml(kohya, text, self.placement.ledger)


def _holds(path: Path, digest: str) -> bool:
    """Whether exactly this file is there already: a killed run placed it, or the user put it back."""
    return fingerprint(path) == digest
