"""Which of sd-scripts' buckets each picture is trained in, and what its crop takes from the picture. Opens no picture.

The rules are those of sd-scripts' BucketManager; a dataset.toml has the numbers. A picture is scaled to cover its
bucket and cropped equally on both sides (with random_crop, the same size at a random place).
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from prep.lint.buckets import LARGEST_PX, limits, sizes
from prep.lint.datasets import Dataset
from prep.names import quantity

MUCH = 0.1  # share of a picture's area: a crop that takes more is worth a look
Key = TypeVar("Key")
Size = tuple[int, int]  # width, height, px


@dataclass(frozen=True)
class Rules:
    """How one [[datasets]] makes its buckets."""

    resolution: Size
    enabled: bool  # enable_bucket; without it there is one bucket, of the size of the resolution
    no_upscale: bool
    low: int  # min_bucket_reso, rounded down to the step
    high: int  # max_bucket_reso, rounded up
    step: int

    @property
    def area(self) -> int:
        return self.resolution[0] * self.resolution[1]

    @cached_property
    def sizes(self) -> list[Size]:
        """The buckets there are; with no_upscale, the pictures make them instead."""
        return sizes(self.resolution, self.low, self.high, self.step) if self.enabled else [self.resolution]


@dataclass(frozen=True)
class Placement:
    """Where one picture is trained, and what is left of it."""

    bucket: Size
    scaled: Size  # the picture before the crop
    crop: tuple[float, float, float, float]  # left, top, right, bottom of what stays, as shares of the picture's sides
    upscaled: bool
    small: bool  # fewer pixels than the resolution asks for

    @property
    def lost(self) -> float:
        """The share of the picture's area that the crop takes, 0-1."""
        left, top, right, bottom = self.crop
        return 1 - (right - left) * (bottom - top)


def rules_of(dataset: Dataset) -> Rules | None:
    """None if sd-scripts stops at these numbers: `prep lint` says why."""
    found = dataset.settings
    written = found.get("resolution", 0)
    width, height = (written, written) if isinstance(written, int) else written
    low, high, step = (
        int(found.get(key, default))
        for key, default in (("min_bucket_reso", 256), ("max_bucket_reso", 1024), ("bucket_reso_steps", 64))
    )
    enabled = bool(found.get("enable_bucket"))
    if min(width, height) < 1 or max(width, height) > LARGEST_PX:
        return None
    if enabled:
        if step < 8 or step % 8 or min(low, high) < 1 or max(high, step) > LARGEST_PX:
            return None
        low, high = limits(low, high, step)
        if low > min(width, height) or high < max(width, height):
            return None
    return Rules((int(width), int(height)), enabled, bool(found.get("bucket_no_upscale")), low, high, step)


def bucket_of(width: int, height: int, rules: Rules) -> Placement | None:
    """width, height: of the picture's file, px. None if a side is shorter than one step: sd-scripts stops at it."""
    if min(width, height) < 1:
        return None
    arbitrary = rules.enabled and rules.no_upscale
    found = _by_picture(width, height, rules) if arbitrary else _nearest(width, height, rules.sizes)
    if found is None or min(found[0]) < 1:
        return None
    bucket, scaled = found
    spans = [_middle(whole, part) for whole, part in zip(scaled, bucket, strict=True)]
    (left, right), (top, bottom) = spans
    upscaled = scaled[0] > width or scaled[1] > height
    return Placement(bucket, scaled, (left, top, right, bottom), upscaled, width * height < rules.area)


def placed(rules: Rules, pictures: Mapping[Key, Size]) -> dict[Key, Placement | None]:
    """pictures: key -> (width, height), px."""
    known = {size: bucket_of(*size, rules) for size in set(pictures.values())}
    return {key: known[size] for key, size in pictures.items()}


def by_bucket(found: Mapping[Key, Placement | None]) -> dict[Size, list[Key]]:
    """Bucket -> its pictures; narrow buckets first. Without pictures that have none."""
    buckets: dict[Size, list[Key]] = defaultdict(list)
    for key, placement in found.items():
        if placement:
            buckets[placement.bucket].append(key)
    return dict(sorted(buckets.items()))


def warnings(found: Mapping[Key, Placement | None], batch_size: int) -> Iterator[str]:
    """Yield sentences about pictures that lose much, have no bucket, are enlarged, or are alone in their bucket."""
    if none := sum(placement is None for placement in found.values()):
        has = "has a side" if none == 1 else "have sides"
        yield f"{quantity(none, 'picture')} {has} shorter than bucket_reso_steps: sd-scripts stops there"
    given = [placement for placement in found.values() if placement]
    if much := sum(placement.lost > MUCH for placement in given):
        yield f"{quantity(much, 'picture')} {_verb(much, 'lose')} more than a tenth of {_its(much)} area to the crop"
    if upscaled := sum(placement.upscaled for placement in given):
        yield f"{quantity(upscaled, 'picture')} {'is' if upscaled == 1 else 'are'} enlarged"
    if small := sum(placement.small and not placement.upscaled for placement in given):
        yield f"{quantity(small, 'picture')} {_verb(small, 'have')} fewer pixels than the resolution asks for"
    if alone := sum(len(keys) == 1 for keys in by_bucket(found).values()):
        yield f"{quantity(alone, 'bucket')} {_verb(alone, 'hold')} one picture: {_batches(batch_size)}"


def _batches(batch_size: int) -> str:
    if batch_size == 1:
        return "harmless at batch_size 1"
    return f"it is never in a batch with another, but at batch_size {batch_size} with its own repeats"


def _verb(count: int, verb: str) -> str:
    return verb if count != 1 else {"have": "has"}.get(verb, f"{verb}s")


def _its(count: int) -> str:
    return "its" if count == 1 else "their"


def _nearest(width: int, height: int, buckets: list[Size]) -> tuple[Size, Size]:
    """(bucket, scaled): the exact size if there is one, else the nearest width / height."""
    aspect = width / height
    exact = (width, height) in buckets
    bucket = (width, height) if exact else min(buckets, key=lambda size: abs(size[0] / size[1] - aspect))
    scale = bucket[1] / height if aspect > bucket[0] / bucket[1] else bucket[0] / width
    return bucket, (int(width * scale + 0.5), int(height * scale + 0.5))


def _by_picture(width: int, height: int, rules: Rules) -> tuple[Size, Size] | None:
    """(bucket, scaled) with no_upscale: the picture's own size, or the resolution's area in its shape, cut to steps."""
    scaled = (width, height)
    if width * height > rules.area:
        aspect = width / height
        ideal_width = math.sqrt(rules.area * aspect)
        wide = _in_steps(ideal_width, rules.step)
        tall = _in_steps(rules.area / ideal_width, rules.step)
        beside, above = _in_steps(wide / aspect, rules.step), _in_steps(tall * aspect, rules.step)
        if not (beside and tall):
            return None
        if abs(wide / beside - aspect) < abs(above / tall - aspect):
            scaled = (wide, int(wide / aspect + 0.5))
        else:
            scaled = (int(tall * aspect + 0.5), tall)
    return tuple(side // rules.step * rules.step for side in scaled), scaled


def _in_steps(side: float, step: int) -> int:
    return int(side + 0.5) // step * step


def _middle(whole: int, part: int) -> tuple[float, float]:
    """Where the middle part of a side begins and ends, as shares of the side."""
    begin = (whole - part) // 2
    return begin / whole, (begin + part) / whole
