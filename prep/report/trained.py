"""The set's dataset.toml as it lies: which pictures each of its datasets trains on, and in which buckets. Reads that
file alone.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prep.dataset.buckets import Placement, Rules, placed, rules_of
from prep.dataset.toml import MINE
from prep.lint.datasets import Dataset, datasets_of
from prep.lint.toml_file import read_toml
from prep.names import numbered_folder
from prep.report.rows import Picture


@dataclass(frozen=True)
class Trained:
    """One [[datasets]] and its pictures."""

    number: int  # from 1
    rules: Rules | None  # None: sd-scripts stops at its numbers
    batch_size: int
    repeats: dict[int, int]  # Picture.at -> how often it is seen per epoch
    placements: dict[int, Placement | None]  # Picture.at -> its bucket; empty without rules
    random_crop: bool


def trained(out: Path, pictures: Iterable[Picture]) -> tuple[list[Trained], str]:
    """-> (the datasets, why there are none: a clause after `dataset.toml`)."""
    file = read_toml(out / "kohya" / MINE, MINE)
    if file.values is None:
        return [], file.problem
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        parts = picture.file.split("/")
        if picture.trains and len(parts) == 3 and picture.width and picture.height:
            named = numbered_folder(parts[1])
            groups[named[1] if named else parts[1]].append(picture)
    kohya = Path(os.path.realpath(out / "kohya"))
    found = [_trained(number, dataset, kohya, groups) for number, dataset in enumerate(datasets_of(file), 1)]
    return found, "" if found else "lists no dataset"


def _trained(number: int, dataset: Dataset, kohya: Path, groups: dict[str, Sequence[Picture]]) -> Trained:
    rules = rules_of(dataset)
    repeats: dict[int, int] = {}
    sizes: dict[int, tuple[int, int]] = {}
    for subset in dataset.subsets:
        folder = Path(os.path.realpath(subset.folder))
        named = numbered_folder(folder.name)
        # A folder elsewhere has none of this set's pictures, and the first subset of a folder is the one that counts.
        if folder.parent != kohya or named is None:
            continue
        for picture in groups.get(named[1], ()):
            if picture.at not in sizes:
                repeats[picture.at] = max(1, int(subset.settings.get("num_repeats", 1)))
                sizes[picture.at] = picture.width, picture.height
    random_crop = any(subset.settings.get("random_crop") for subset in dataset.subsets)
    batch_size = max(1, int(dataset.settings.get("batch_size", 1)))
    return Trained(number, rules, batch_size, repeats, placed(rules, sizes) if rules else {}, random_crop)
