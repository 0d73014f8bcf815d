"""What a dataset.toml asks for: datasets, and subsets with their folders. Looks at no image.

A setting comes from the subset, else its dataset, else [general], else the trainer's options, else its default. A value
of the wrong type counts as missing here: dataset_toml.py reports it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.lint import schema
from prep.lint.base import Base
from prep.lint.findings import Found, Rules
from prep.lint.toml_file import TomlFile, members, other_method, written
from prep.names import printable

DATASET_RULES = Rules(".")
SUBSET_RULES = Rules(".")
REORDERING = ("shuffle_caption", "caption_tag_dropout_rate", "token_warmup_step")
DROPPING = ("caption_dropout_rate", "caption_dropout_every_n_epochs")


@dataclass(frozen=True)
class Subset:
    shown: str
    image_dir: str
    folder: Path
    settings: dict[str, Any]  # the values that apply to this subset, if of the right type
    base: Base | None = None  # the model that the captions are for; None: unknown


@dataclass(frozen=True)
class Dataset:
    shown: str
    settings: dict[str, Any]
    subsets: tuple[Subset, ...]


def datasets_of(file: TomlFile, base: Base | None = None) -> list[Dataset]:
    """image_dir is looked for beside the file, then in the working directory (sd-scripts looks only there).

    base: the model that the captions are for, if that is known.
    """
    values = file.values or {}
    options = _fitting("general", dict(base.options) if base else {})
    general = options | _fitting("general", values.get("general"))
    datasets = []
    for place, table in members(values, (), "datasets"):
        if other_method(table):
            continue
        settings = general | _fitting("datasets", table)
        subsets = tuple(
            Subset(
                f"{file.shown}: {written(inner)}",
                subset["image_dir"],
                _folder(file.path.parent, subset["image_dir"]),
                settings | _fitting("subsets", subset),
                base,
            )
            for inner, subset in members(table, place, "subsets")
            if isinstance(subset.get("image_dir"), str)
        )
        datasets.append(Dataset(f"{file.shown}: {written(place)}", settings, subsets))
    return datasets


@SUBSET_RULES.rule(
    "dir-missing",
    "error",
    "image_dir is not a folder",
    "sd-scripts warns and trains without it",
    "correct the path; sd-scripts reads it relative to its working directory, prep lint also relative to the file",
)
def dir_missing(subset: Subset) -> Iterator[Found]:
    if not _is_dir(subset.folder):
        yield Found(f"image_dir {printable(subset.image_dir)} is not a folder")


@SUBSET_RULES.rule(
    "repeats",
    "error",
    "repeats below 1",
    "sd-scripts ignores the folder with a warning",
    "set num_repeats (or the number that begins the folder's name) to 1 or more",
)
def repeats(subset: Subset) -> Iterator[Found]:
    count = subset.settings.get("num_repeats", 1)
    if count < 1:
        yield Found(f"num_repeats is {count}")


@SUBSET_RULES.rule(
    "text-cache",
    "note",
    "captions that change from step to step",
    "sd-scripts stops if --cache_text_encoder_outputs is used with them",
    "leave out that option, or these settings",
)
def text_cache(subset: Subset) -> Iterator[Found]:
    if subset.base and subset.base.options and not subset.base.options.get("cache_text_encoder_outputs"):
        return
    if on := [key for key in (*REORDERING, *DROPPING) if subset.settings.get(key, 0) > 0]:
        yield Found(f"{', '.join(on)} on")


@SUBSET_RULES.rule(
    "sentence-torn",
    "error",
    "captions with a sentence, shuffled or with items left out at random",
    "sd-scripts cuts a caption at its commas for that, and tears the sentence",
    "turn it off in dataset.toml and in the file of options",
)
def sentence_torn(subset: Subset) -> Iterator[Found]:
    on = [key for key in REORDERING if subset.settings.get(key, 0) > 0]
    if on and subset.base and subset.base.reads_sentences:
        yield Found(f"{', '.join(on)} on")


@DATASET_RULES.rule(
    "dir-twice",
    "warning",
    "the same image_dir twice in one dataset",
    "the second is ignored with its repeats (or, if spelled differently, trained twice)",
    "keep one subset and raise its num_repeats",
)
def dir_twice(dataset: Dataset) -> Iterator[Found]:
    first: dict[str, str] = {}
    for subset in dataset.subsets:
        name = os.path.normpath(subset.image_dir)
        other = first.setdefault(name, subset.shown)
        if other != subset.shown:
            yield Found(f"{printable(subset.image_dir)} is in {other.rpartition(': ')[2]} already", _tail(subset))


def _fitting(level: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        return {}
    kinds = schema.LEVELS[level]
    return {key: value for key, value in table.items() if key in kinds and schema.fits(kinds[key], value)}


def _folder(beside: Path, image_dir: str) -> Path:
    own = beside / image_dir
    return own if _is_dir(own) or not _is_dir(Path(image_dir)) else Path(image_dir)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long, a NUL in it
        return False


def _tail(subset: Subset) -> str:
    return subset.shown.rpartition(".")[2]
