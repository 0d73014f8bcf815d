"""A crop has a size from which sd-scripts' buckets cut nothing, and what it shows is whole inside."""

import random

import pytest

from prep.crops.derive import NoCrop, crops_in
from prep.crops.fit import STEP, fitted, shared
from prep.dataset.buckets import Rules, bucket_of
from prep.types import Box, Detected


def lost(box: Box, resolution: int) -> float:
    rules = Rules((resolution, resolution), True, True, min(256, resolution), 2 * resolution, STEP)
    return bucket_of(box.width, box.height, rules).lost


@pytest.mark.parametrize("resolution", [256, 384, 512, 768, 1000, 1024])
def test_the_bucket_cuts_nothing_off_a_crop_of_a_large_picture(resolution):
    numbers = random.Random(resolution)
    width, height, cut = 3000, 4000, 0
    for _ in range(60):
        wide = numbers.randint(200, 900)
        left, top = numbers.randint(0, width - 2 * wide), numbers.randint(0, height - 3 * wide)
        head = Box(left, top, left + wide, top + round(wide * numbers.uniform(0.9, 1.3)))
        person = Box(left, top, left + 2 * wide, top + 3 * wide)
        found = [Detected("head", head, 0.9), Detected("person", person, 0.9)]
        result = crops_in(found, width, height, ("head", "upper", "figure"), 3, resolution)
        for part, box in () if isinstance(result, NoCrop) else result.crops:
            cut += 1
            assert lost(box, resolution) < 0.005
            assert box.left >= 0 and box.top >= 0 and box.right <= width and box.bottom <= height
            shows = person if part == "figure" else head
            assert shared(box, shows) == shows.area
    assert cut > 60


def test_a_small_crop_has_sides_in_steps_and_keeps_its_pixels():
    box = fitted(Box(0, 0, 420, 443), Box(30, 6, 360, 400), 456, 700, 512, (0, 456 * 700))
    assert (box.width, box.height) == (448, 448) and shared(box, Box(30, 6, 360, 400)) == 330 * 394


def test_a_large_crop_has_the_shape_of_a_bucket_also_along_the_whole_picture():
    whole = Box(100, 0, 700, 1531)
    box = fitted(whole, whole, 1500, 1531, 512, (0, 1500 * 1531))
    assert box.height == 1531 and box.width >= 600 and lost(box, 512) < 0.005


def test_where_the_picture_is_too_narrow_the_part_stays_whole_rather_than_the_bucket_full():
    part = Box(10, 200, 410, 500)
    box = fitted(Box(0, 150, 420, 570), part, 420, 900, 512, (0, 420 * 900))
    assert shared(box, part) == part.area and (box.width, box.height % STEP) == (420, 0)
