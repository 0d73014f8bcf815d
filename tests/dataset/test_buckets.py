"""Which bucket a picture lands in: worked by hand from sd-scripts' rules, and what must hold for every picture."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prep.dataset.buckets import Placement, Rules, bucket_of, by_bucket, placed, rules_of, warnings
from prep.dataset.toml import dataset_toml
from prep.lint.datasets import datasets_of
from prep.lint.toml_file import read_toml

OURS = Rules((1024, 1024), True, True, 256, 2048, 64)  # what prep writes
ENLARGED = Rules((512, 512), True, False, 256, 1024, 64)
ONE = Rules((512, 512), False, False, 256, 1024, 64)

# By hand: picture, rules -> bucket, the picture scaled, left and top of the crop as shares.
WORKED = [
    ((1024, 1024), OURS, (1024, 1024), (1024, 1024), (0, 0)),  # as large as the resolution: kept
    ((800, 1200), OURS, (768, 1152), (800, 1200), (16 / 800, 24 / 1200)),  # smaller: kept, sides cut to steps of 64
    # Larger: sqrt(1024 * 1024 * 2 / 3) = 836.1 by 1254.1. In steps, 832 goes with 832 * 3 / 2 = 1248, so 1216 (aspect
    # 0.684); 1216 with 811, so 768 (0.632). 2 / 3 is nearer to the first: 832x1248, cut to 832x1216.
    ((2000, 3000), OURS, (832, 1216), (832, 1248), (0, 16 / 1248)),
    ((3000, 2000), OURS, (1216, 832), (1248, 832), (16 / 1248, 0)),
    ((300, 70), OURS, (256, 64), (300, 70), (22 / 300, 3 / 70)),
    ((512, 512), ENLARGED, (512, 512), (512, 512), (0, 0)),  # the exact size
    ((300, 300), ENLARGED, (512, 512), (512, 512), (0, 0)),  # enlarged
    ((600, 1000), ENLARGED, (384, 640), (384, 640), (0, 0)),  # 512 * 512 / 384 = 682, so 640: aspect 0.6
    ((1000, 1500), ENLARGED, (384, 640), (427, 640), (21 / 427, 0)),  # 0.667 is nearer to 0.6 than to 448 / 576
    ((600, 900), ONE, (512, 512), (512, 768), (0, 128 / 768)),
]


@pytest.mark.parametrize(("size", "rules", "bucket", "scaled", "corner"), WORKED, ids=str)
def test_a_picture_lands_where_sd_scripts_puts_it(size, rules, bucket, scaled, corner):
    found = bucket_of(*size, rules)
    assert (found.bucket, found.scaled, found.crop[:2]) == (bucket, scaled, corner)
    assert found.lost == pytest.approx(1 - bucket[0] * bucket[1] / (scaled[0] * scaled[1]))
    assert found.upscaled == (scaled[0] > size[0] or scaled[1] > size[1])
    assert found.small == (size[0] * size[1] < rules.area)


@pytest.mark.parametrize(
    ("size", "rules"), [((63, 500), OURS), ((500, 10), OURS), ((90_000, 100), OURS), ((0, 5), ONE)]
)
def test_a_picture_with_a_side_below_one_step_has_no_bucket(size, rules):
    assert bucket_of(*size, rules) is None


SIDES = st.integers(64, 5000)
STEPS = st.sampled_from([8, 32, 64])


@given(SIDES, SIDES, st.sampled_from([256, 512, 768, 1024, 1536]), STEPS, st.booleans())
def test_a_crop_has_the_bucket_s_shape_in_the_middle_of_a_picture_that_covers_it(width, height, side, step, no_upscale):
    found = bucket_of(width, height, Rules((side, side), True, no_upscale, 64, 2 * side, step))
    assume(found is not None)
    (left, top, right, bottom), scaled, bucket = found.crop, found.scaled, found.bucket
    assert scaled[0] >= bucket[0] and scaled[1] >= bucket[1]
    assert bucket[0] % step == 0 and bucket[1] % step == 0 and bucket[0] * bucket[1] <= side * side + step * 2 * side
    assert (right - left) * scaled[0] == pytest.approx(bucket[0])
    assert (bottom - top) * scaled[1] == pytest.approx(bucket[1])
    for begin, end, whole in ((left, right, scaled[0]), (top, bottom, scaled[1])):
        assert 0 <= begin < end <= 1 and -1e-9 < ((1 - end) - begin) * whole < 1 + 1e-9  # a pixel that cannot be halved
    assert 0 <= found.lost < 1
    # Scaled evenly: to a pixel, which is rounded, on the one side that was not set to a step.
    assert abs(scaled[0] * height - scaled[1] * width) <= max(width, height)
    if no_upscale:
        assert not found.upscaled


@given(SIDES, SIDES, st.sampled_from([512, 768, 1024]), st.sampled_from([1, 2]), st.sampled_from([32, 64]))
def test_with_enlarging_it_is_the_bucket_of_the_nearest_shape(width, height, side, most, step):
    """A reference of its own, in whole numbers and fractions."""
    low, high = 256, most * side
    buckets = {(w, h) for w in range(low, high + 1, step) for h in [min(high, side * side // w // step * step)]
               if h >= low}  # fmt: skip
    buckets |= {(h, w) for w, h in buckets} | {(side, side)}
    found = bucket_of(width, height, Rules((side, side), True, False, low, high, step))
    if (width, height) in buckets:
        assert found.bucket == (width, height)
        return
    distance = {bucket: abs(Fraction(*bucket) - Fraction(width, height)) for bucket in buckets}
    assert found.bucket in buckets and distance[found.bucket] - min(distance.values()) < Fraction(1, 10**9)


def of_text(tmp_path, text: str) -> list[Rules | None]:
    (tmp_path / "dataset.toml").write_text(text)
    return [rules_of(dataset) for dataset in datasets_of(read_toml(tmp_path / "dataset.toml", "dataset.toml"))]


def test_the_rules_are_those_of_each_dataset_in_the_file(tmp_path):
    text = dataset_toml([("10_mira", 10, "mira")], 1024, [([("2_mira-drawn", 2, "mira")], 512)])
    assert of_text(tmp_path, text) == [OURS, Rules((512, 512), True, True, 64, 1024, 64)]


def test_what_a_person_wrote_there_counts(tmp_path):
    text = (
        "[[datasets]]\nresolution = [768, 1152]\nenable_bucket = true\nmin_bucket_reso = 330\nmax_bucket_reso = 1160\n"
    )
    assert of_text(tmp_path, text + "bucket_reso_steps = 32\n") == [Rules((768, 1152), True, False, 320, 1184, 32)]
    assert of_text(tmp_path, "[[datasets]]\nresolution = 512\n") == [ONE]


@pytest.mark.parametrize(
    "line",
    ["min_bucket_reso = 2048", "max_bucket_reso = 512", "bucket_reso_steps = 7", "resolution = 0", 'resolution = "x"'],
)
def test_numbers_that_sd_scripts_refuses_make_no_buckets(tmp_path, line):
    resolution = "" if line.startswith("resolution") else "resolution = 1024\n"
    assert of_text(tmp_path, f"[[datasets]]\n{resolution}enable_bucket = true\n{line}\n") == [None]


def test_a_set_is_placed_at_once_and_what_is_worth_a_look_is_said():
    found = placed(ENLARGED, {"a": (1000, 1500), "b": (600, 1000), "c": (300, 300)})
    assert by_bucket(found) == {(384, 640): ["a", "b"], (512, 512): ["c"]}
    assert list(warnings(found, 1)) == [
        "1 picture loses more than a tenth of its area to the crop",
        "1 picture is enlarged",
        "1 bucket holds one picture: harmless at batch_size 1",
    ]
    few = placed(OURS, {"a": (10, 10), "b": (800, 1200)})
    assert few["a"] is None and isinstance(few["b"], Placement)
    assert list(warnings(few, 4)) == [
        "1 picture has a side shorter than bucket_reso_steps: sd-scripts stops there",
        "1 picture has fewer pixels than the resolution asks for",
        "1 bucket holds one picture: it is never in a batch with another, but at batch_size 4 with its own repeats",
    ]
