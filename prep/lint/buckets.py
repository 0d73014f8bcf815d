"""sd-scripts' aspect-ratio buckets: which sizes a dataset's resolution and limits give, and whether they make sense."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from prep.lint.datasets import Dataset
from prep.lint.findings import Found, Rules

RULES = Rules(".")
LARGEST_PX = 65_536  # beyond this, bucket sizes are not computed: it must be a mistake
TALL = 1.5  # height / width of a 2:3 portrait, as 832x1216 nearly is


def limits(min_reso: int, max_reso: int, step: int) -> tuple[int, int]:
    """min_bucket_reso rounded down to the step, max_bucket_reso up."""
    return min_reso // step * step, -(-max_reso // step) * step


def sizes(resolution: tuple[int, int], min_reso: int, max_reso: int, step: int) -> list[tuple[int, int]]:
    """resolution: (width, height). min_reso, max_reso: after `limits`. -> sorted (width, height), px."""
    area = resolution[0] * resolution[1]
    square = math.isqrt(area) // step * step
    found = {(square, square)}
    for width in range(min_reso, max_reso + 1, step):
        if not width:
            continue
        height = min(max_reso, area // width // step * step)
        if height >= min_reso:
            found |= {(width, height), (height, width)}
    return sorted(found)


@RULES.rule(
    "bucket-step",
    "error",
    "bucket_reso_steps is not a multiple of 8",
    "no model's latents have such sizes",
    "use 64 (any model), 32 (SDXL, SD3, FLUX) or 8 (full SD3 training)",
)
def bucket_step(dataset: Dataset) -> Iterator[Found]:
    step = dataset.settings.get("bucket_reso_steps", 64)
    if step < 8 or step % 8:
        yield Found(f"bucket_reso_steps is {step}")


@RULES.rule(
    "bucket-step-model",
    "note",
    "bucket_reso_steps fits only some models",
    "the step must be a multiple of 64 for SD1, of 32 for SDXL, SD3 and FLUX LoRA, of 8 for full SD3 training",
    "nothing, if your model is one of these",
)
def bucket_step_model(dataset: Dataset) -> Iterator[Found]:
    step = dataset.settings.get("bucket_reso_steps", 64)
    if step >= 8 and step % 8 == 0 and step % 64:
        models = "SDXL, SD3 and FLUX" if step % 32 == 0 else "full SD3 training"
        yield Found(f"bucket_reso_steps {step} fits only {models}")


@RULES.rule(
    "bucket-min",
    "error",
    "min_bucket_reso is above the shorter side of resolution",
    "sd-scripts stops with an AssertionError",
    "lower min_bucket_reso; it is rounded down to bucket_reso_steps",
)
def bucket_min(dataset: Dataset) -> Iterator[Found]:
    if (sides := _bucketed(dataset)) and sides.low > min(sides.resolution):
        yield Found(f"min_bucket_reso {sides.low}, resolution {_by(sides.resolution)}")


@RULES.rule(
    "bucket-max",
    "error",
    "max_bucket_reso is below the longer side of resolution",
    "sd-scripts stops with an AssertionError",
    "raise max_bucket_reso to twice the resolution; it is rounded up to bucket_reso_steps",
)
def bucket_max(dataset: Dataset) -> Iterator[Found]:
    if (sides := _bucketed(dataset)) and sides.high < max(sides.resolution):
        yield Found(f"max_bucket_reso {sides.high}, resolution {_by(sides.resolution)}")


@RULES.rule(
    "bucket-trap",
    "warning",
    "max_bucket_reso cuts off the tall and wide buckets",
    "a portrait is cropped, or scaled to fewer pixels than the resolution allows",
    "set max_bucket_reso to twice the resolution, or bucket_no_upscale = true, which ignores it",
)
def bucket_trap(dataset: Dataset) -> Iterator[Found]:
    sides = _bucketed(dataset)
    if not sides or dataset.settings.get("bucket_no_upscale") or sides.high < max(sides.resolution):
        return
    area = sides.resolution[0] * sides.resolution[1]
    if sides.low <= min(sides.resolution) and sides.high < math.sqrt(area * TALL):
        now = len(sizes(sides.resolution, sides.low, sides.high, sides.step))
        twice = 2 * max(sides.resolution)
        then = len(sizes(sides.resolution, *limits(sides.low, twice, sides.step), sides.step))
        yield Found(f"{now} buckets, none longer than {sides.high}; max_bucket_reso = {twice} would give {then}")


@RULES.rule(
    "bucket-off",
    "note",
    "enable_bucket is off",
    "every image is scaled and cropped to one shape",
    "set enable_bucket = true, unless all images have that shape",
)
def bucket_off(dataset: Dataset) -> Iterator[Found]:
    if dataset.subsets and not dataset.settings.get("enable_bucket"):
        yield Found("enable_bucket is off")


@dataclass(frozen=True)
class _Sides:
    resolution: tuple[int, int]  # width, height, px
    low: int  # after rounding to the step
    high: int
    step: int


def _bucketed(dataset: Dataset) -> _Sides | None:
    """None when there are no buckets, or another rule rejects the numbers."""
    written = dataset.settings.get("resolution", 0)
    resolution = (written, written) if isinstance(written, int) else tuple(written)
    low, high = dataset.settings.get("min_bucket_reso", 256), dataset.settings.get("max_bucket_reso", 1024)
    step = dataset.settings.get("bucket_reso_steps", 64)
    wanted = dataset.settings.get("enable_bucket") and step >= 8 and step % 8 == 0
    if not wanted or min(*resolution, low, high) < 1 or max(*resolution, high, step) > LARGEST_PX:
        return None
    return _Sides(resolution, *limits(low, high, step), step)


def _by(resolution: tuple[int, int]) -> str:
    return f"{resolution[0]}x{resolution[1]}"
