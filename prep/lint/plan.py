"""What a dataset.toml asks for: datasets with their buckets, subsets with their folders. Knows no image.

A setting comes from the subset, else its dataset, else [general], else sd-scripts' default. A value of the wrong
type counts as not written here: dataset_toml.py has told of it.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.lint import buckets, schema
from prep.lint.dataset_toml import TomlFile, members, written
from prep.lint.findings import Found, Rules
from prep.walk import printable

DATASET_RULES = Rules()
SUBSET_RULES = Rules()
LARGEST_PX = 65_536  # beyond it bucket sizes are not worked out: nobody means them
TALL = 1.5  # height / width of a 2:3 portrait, as 832x1216 nearly is


@dataclass(frozen=True)
class Subset:
    shown: str
    image_dir: str
    folder: Path
    settings: dict[str, Any]  # what is written, of the right type, for this subset


@dataclass(frozen=True)
class Dataset:
    shown: str
    settings: dict[str, Any]
    subsets: tuple[Subset, ...]


def plan(file: TomlFile) -> list[Dataset]:
    """image_dir is looked for beside the file, then where the command runs (sd-scripts knows the second alone)."""
    values = file.values or {}
    general = _fitting("general", values.get("general"))
    datasets = []
    for place, table in members(values, (), "datasets"):
        settings = general | _fitting("datasets", table)
        subsets = tuple(
            Subset(
                f"{file.shown}: {written(inner)}",
                subset["image_dir"],
                _folder(file.path.parent, subset["image_dir"]),
                settings | _fitting("subsets", subset),
            )
            for inner, subset in members(table, place, "subsets")
            if isinstance(subset.get("image_dir"), str)
        )
        datasets.append(Dataset(f"{file.shown}: {written(place)}", settings, subsets))
    return datasets


@SUBSET_RULES.rule(
    "dir-missing",
    "error",
    "image_dir is no folder",
    "sd-scripts warns and trains without it",
    "correct the path; it is relative to where the trainer runs, and looked for beside the file here",
)
def dir_missing(subset: Subset) -> Iterator[Found]:
    if not _is_dir(subset.folder):
        yield Found(f"image_dir {printable(subset.image_dir)} is no folder")


@SUBSET_RULES.rule(
    "repeats",
    "error",
    "repeats below 1",
    "sd-scripts ignores the folder with a warning",
    "write num_repeats (or begin the folder's name with a number) of 1 or more",
)
def repeats(subset: Subset) -> Iterator[Found]:
    count = subset.settings.get("num_repeats", 1)
    if count < 1:
        yield Found(f"num_repeats is {count}")


@SUBSET_RULES.rule(
    "text-cache",
    "note",
    "captions that change from step to step",
    "cached text-encoder outputs forbid it: sd-scripts stops with --cache_text_encoder_outputs",
    "leave that option out, or these settings",
)
def text_cache(subset: Subset) -> Iterator[Found]:
    keys = ("shuffle_caption", "caption_tag_dropout_rate", "caption_dropout_rate", "caption_dropout_every_n_epochs",
            "token_warmup_step")  # fmt: skip
    if on := [key for key in keys if subset.settings.get(key, 0) > 0]:
        yield Found(f"{', '.join(on)} on")


@DATASET_RULES.rule(
    "dir-twice",
    "warning",
    "the same image_dir twice in one dataset",
    "the second is ignored, its repeats with it (or, spelled otherwise, trained twice)",
    "keep one subset and raise its num_repeats",
)
def dir_twice(dataset: Dataset) -> Iterator[Found]:
    first: dict[str, str] = {}
    for subset in dataset.subsets:
        name = os.path.normpath(subset.image_dir)
        other = first.setdefault(name, subset.shown)
        if other != subset.shown:
            yield Found(f"{printable(subset.image_dir)} is in {other.rpartition(': ')[2]} already", _tail(subset))


@DATASET_RULES.rule(
    "bucket-step",
    "error",
    "bucket_reso_steps is no multiple of 8",
    "no model's latents can be cut that way",
    "write 64 (any model), 32 (SDXL, SD3, FLUX) or 8 (full SD3 training)",
)
def bucket_step(dataset: Dataset) -> Iterator[Found]:
    step = dataset.settings.get("bucket_reso_steps", 64)
    if step < 8 or step % 8:
        yield Found(f"bucket_reso_steps is {step}")


@DATASET_RULES.rule(
    "bucket-step-model",
    "note",
    "bucket_reso_steps serves some models alone",
    "the step must divide by 64 for SD1, by 32 for SDXL, SD3 and FLUX LoRA, by 8 for full SD3 training",
    "nothing, if the model is one of these",
)
def bucket_step_model(dataset: Dataset) -> Iterator[Found]:
    step = dataset.settings.get("bucket_reso_steps", 64)
    if step >= 8 and step % 8 == 0 and step % 64:
        models = "SDXL, SD3 and FLUX" if step % 32 == 0 else "full SD3 training"
        yield Found(f"bucket_reso_steps {step} is for {models} alone")


@DATASET_RULES.rule(
    "bucket-min",
    "error",
    "min_bucket_reso above the shorter side of resolution",
    "sd-scripts stops",
    "lower min_bucket_reso; it is rounded down to bucket_reso_steps",
)
def bucket_min(dataset: Dataset) -> Iterator[Found]:
    if (sides := _bucketed(dataset)) and sides.low > min(sides.resolution):
        yield Found(f"min_bucket_reso {sides.low}, resolution {_by(sides.resolution)}")


@DATASET_RULES.rule(
    "bucket-max",
    "error",
    "max_bucket_reso below the longer side of resolution",
    "sd-scripts stops",
    "raise max_bucket_reso to twice the resolution; it is rounded up to bucket_reso_steps",
)
def bucket_max(dataset: Dataset) -> Iterator[Found]:
    if (sides := _bucketed(dataset)) and sides.high < max(sides.resolution):
        yield Found(f"max_bucket_reso {sides.high}, resolution {_by(sides.resolution)}")


@DATASET_RULES.rule(
    "bucket-trap",
    "warning",
    "max_bucket_reso cuts the tall and wide buckets",
    "a portrait is cropped, or scaled to fewer pixels than the resolution allows",
    "write max_bucket_reso of twice the resolution, or bucket_no_upscale = true, which ignores it",
)
def bucket_trap(dataset: Dataset) -> Iterator[Found]:
    sides = _bucketed(dataset)
    if not sides or dataset.settings.get("bucket_no_upscale") or sides.high < max(sides.resolution):
        return
    area = sides.resolution[0] * sides.resolution[1]
    if sides.low <= min(sides.resolution) and sides.high < math.sqrt(area * TALL):
        now = len(buckets.sizes(sides.resolution, sides.low, sides.high, sides.step))
        twice = 2 * max(sides.resolution)
        then = len(buckets.sizes(sides.resolution, *buckets.limits(sides.low, twice, sides.step), sides.step))
        yield Found(f"{now} buckets, none longer than {sides.high}; with max_bucket_reso = {twice} there are {then}")


@DATASET_RULES.rule(
    "bucket-off",
    "note",
    "no enable_bucket",
    "every image is scaled and cropped to one shape",
    "write enable_bucket = true, unless all images have that shape",
)
def bucket_off(dataset: Dataset) -> Iterator[Found]:
    if dataset.subsets and not dataset.settings.get("enable_bucket"):
        yield Found("enable_bucket is not on")


@dataclass(frozen=True)
class _Sides:
    resolution: tuple[int, int]  # width, height, px
    low: int  # after rounding to the step
    high: int
    step: int


def _bucketed(dataset: Dataset) -> _Sides | None:
    """None where no buckets are made, or from numbers that another rule refuses."""
    written = dataset.settings.get("resolution", 0)
    resolution = (written, written) if isinstance(written, int) else tuple(written)
    low, high = dataset.settings.get("min_bucket_reso", 256), dataset.settings.get("max_bucket_reso", 1024)
    step = dataset.settings.get("bucket_reso_steps", 64)
    wanted = dataset.settings.get("enable_bucket") and step >= 8 and step % 8 == 0
    if not wanted or min(*resolution, low, high) < 1 or max(*resolution, high, step) > LARGEST_PX:
        return None
    return _Sides(resolution, *buckets.limits(low, high, step), step)


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


def _by(resolution: tuple[int, int]) -> str:
    return f"{resolution[0]}x{resolution[1]}"
