"""The kohya export: `<repeats>_<character>/` with images and captions, and dataset.toml. Loads both ways.

Only what differs is written. What a person did here was read before (see edits/).
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from prep.config import Export
from prep.dataset.place import copy_in
from prep.dataset.toml import dataset_toml, write_dataset_toml
from prep.edits.placed import EXPORT, Placed, Placement
from prep.errors import ImageError
from prep.files import crash_point, write_caption
from prep.names import DRAWN, drawn_group, numbered_folder
from prep.run import image_key
from prep.types import Problem, Row, Summary

SMALL = 0.75  # of the set's resolution; above it, they share its buckets
CHUNK = 256
WRITERS = 4


def balanced_repeats(counts: dict[str, int], images_per_epoch: int) -> dict[str, int]:
    """Repeats such that every character shows about as many images per epoch: at least images_per_epoch, at least
    as many as the largest has. 12, 7 and 5 images become 96, 98 and 100.
    """
    target = max([images_per_epoch, *counts.values()])
    return {name: max(1, round(target / count)) for name, count in counts.items() if count}


class KohyaExporter:
    name = "kohya"

    def __init__(self, placement: Placement, file_of: Callable[[Row], Path], group_of: Callable[[Row], str],
                 triggers: dict[str, str], settings: Export, max_pixels: int) -> None:  # fmt: skip
        """group_of: a row's folder without its repeats. triggers: by those."""
        self.placement = placement
        self.file_of = file_of
        self.group_of = group_of
        self.triggers = triggers
        self.settings = settings
        self.max_pixels = max_pixels
        self.problems: dict[str, Problem] = {}
        self.kept_toml = False  # a person edited dataset.toml, so ours lies beside it

    def write(self, rows: Iterable[Row], folder: Path) -> Summary:
        """rows: those with a final caption, in order. folder: kohya/ itself."""
        folder.mkdir(exist_ok=True)
        self._forget_lost_folders()
        counts: Counter[str] = Counter()
        names: dict[str, set[str]] = {}
        sides: dict[str, int] = {}  # of drawn pictures: the root of the largest area, pixels
        written = unchanged = 0
        with ThreadPoolExecutor(WRITERS) as pool:
            for chunk in _chunks(row for row in rows if row.trains):
                for slug in {self.group_of(row) for row in chunk}:
                    (self.placement.folder(slug)).mkdir(exist_ok=True)
                texts: list[tuple[Path, str]] = []
                with self.placement.ledger.writer(EXPORT) as ledger:
                    for row, (placed, fresh) in zip(chunk, pool.map(self._put, chunk), strict=True):
                        if placed is None:
                            continue
                        if fresh:
                            ledger.append(placed.row(image_key(row)))
                        if row.final_text is not None:  # None: a caption that could not be read stays as it is
                            image = self.placement.folder(self.group_of(row)) / placed.name
                            texts.append((image.with_suffix(".txt"), row.final_text))
                        counts[self.group_of(row)] += 1
                        names.setdefault(self.group_of(row), set()).add(Path(placed.name).stem)
                        if row.made:
                            side = math.isqrt(row.ref.width * row.ref.height)
                            sides[self.group_of(row)] = max(side, sides.get(self.group_of(row), 0))
                        written, unchanged = written + fresh, unchanged + (not fresh)
                # After the ledger has their images, so that an edit after a kill is found.
                for _ in pool.map(lambda text: write_caption(*text), texts):
                    pass
        removed = self._clear(folder, names)
        self._toml(folder, counts, sides)
        return Summary(sum(counts.values()), written, unchanged, removed)

    def set_repeats(self, counts: dict[str, int], rebalance: bool) -> None:
        """Set the repeats of groups that have none yet (of all, when rebalancing). counts: images by group."""
        real = {group: count for group, count in counts.items() if not group.endswith(DRAWN)}
        wanted = balanced_repeats(real, self.settings.images_per_epoch)
        # What was drawn is shown half as often as what is real: it supports the set, and is not what is to be learnt.
        drawn = {group for group in wanted if drawn_group(group) in counts}
        wanted |= {drawn_group(group): max(1, wanted[group] // 2) for group in drawn}
        known = () if rebalance else self.placement.repeats
        self.placement.set_repeats({group: repeats for group, repeats in wanted.items() if group not in known})

    def _put(self, row: Row) -> tuple[Placed | None, bool]:
        """-> (the placed file or None, whether it was written now)."""
        slug = self.group_of(row)
        folder = self.placement.folder(slug)
        placed = self.placement[image_key(row)]
        there = self.placement.listings.get(slug, {})
        fresh = not (placed and placed.state == "placed" and there.get(placed.name) == placed.bytes)
        if fresh:
            try:
                name, digest, size = copy_in(
                    row.ref, self.file_of(row), folder, slug, self.settings.link, self.max_pixels
                )
            except ImageError as error:
                self.problems[row.ref.path] = Problem("export", error.kind, error.message, error.hint)
                return None, False
            placed = Placed(name, digest, size, "placed")
        return placed, fresh

    def _forget_lost_folders(self) -> None:
        """Note the folders that a person removed before rebuilding them: half of one would look like images removed."""
        lost = [
            subject
            for subject, name in self.placement.placed()
            if name.rpartition("-")[0] not in self.placement.listings
        ]
        self.placement.mark(lost, "unplaced")

    def _clear(self, kohya: Path, names: dict[str, set[str]]) -> int:
        """Remove images of ours, and their captions, that are no longer in the set. A person's own files stay."""
        removed = 0
        stems = set().union(*names.values())
        stale = [subject for subject, name in self.placement.placed() if Path(name).stem not in stems]
        self.placement.mark(stale, "unplaced")
        for folder in [entry for entry in kohya.iterdir() if entry.is_dir()]:
            slug = (numbered_folder(folder.name) or (0, ""))[1]
            ours = re.compile(rf"{re.escape(slug)}-[0-9a-f]{{12}}\.(png|jpg|webp|txt)")
            for path in [path for path in folder.iterdir() if ours.fullmatch(path.name)]:
                if path.stem not in names.get(slug, ()):
                    path.unlink()
                    crash_point("removal")
                    removed += path.suffix != ".txt"
            if slug not in names and not any(folder.iterdir()):
                folder.rmdir()
        return removed

    def _toml(self, kohya: Path, counts: Counter[str], sides: dict[str, int]) -> None:
        repeats = self.placement.repeats
        subsets = [(f"{repeats[name]}_{name}", repeats[name], self.triggers[name]) for name in sorted(counts)]
        smaller = [subset for subset, name in zip(subsets, sorted(counts), strict=True) if self._small(sides.get(name))]
        text = dataset_toml(
            [subset for subset in subsets if subset not in smaller],
            self.settings.resolution,
            smaller,
            max(sides.values(), default=0),
        )
        self.kept_toml = not write_dataset_toml(kohya, text, self.placement.ledger)

    def _small(self, side: int | None) -> bool:
        """Whether pictures of that area want a resolution of their own: far below the set's."""
        return side is not None and side < self.settings.resolution * SMALL


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
