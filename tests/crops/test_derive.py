"""Which crops follow from what was found: their place and size, and why there are none."""

import pytest

from prep.crops.derive import NoCrop, crops_in, cuts, head_in, within
from prep.crops.fit import shared
from prep.types import Box, Detected

HEAD = Detected("head", Box(450, 100, 650, 350), 0.9)
SIZE = (1200, 2000)


def inside(box: Box, part: Box) -> bool:
    return shared(box, part) == part.area


def crops(*found: Detected, parts=("head", "upper"), most=2, resolution=512, size=SIZE):
    result = crops_in(found, *size, parts, most, resolution)
    return result if isinstance(result, NoCrop) else result.crops


def test_a_head_is_cut_about_one_and_a_half_times_as_large():
    (crop,) = crops(HEAD, parts=("head",))
    assert crop.part == "head" and (crop.box.width, crop.box.height) == (384, 384)  # 375, in steps of 64
    left, top, right, bottom = crop.box
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((550, 225), abs=1)


def test_at_an_edge_the_crop_moves_and_stays_whole():
    (crop,) = crops(HEAD._replace(box=Box(0, 0, 300, 300)), parts=("head",))
    assert crop.box == Box(0, 0, 448, 448)
    (crop,) = crops(HEAD._replace(box=Box(1000, 1800, 1200, 2000)), parts=("head",), resolution=384)
    assert crop.box == Box(880, 1680, 1200, 2000)


def test_an_upper_body_is_the_one_that_was_found_or_follows_from_the_head():
    head, upper = crops(HEAD)
    assert (head.part, upper.part) == ("head", "upper")
    assert (upper.box.width, upper.box.height) == (661, 661)  # 625 x 700, in the shape of the bucket 512 x 512
    assert upper.box.top < HEAD.box.top and upper.box.bottom == 730
    _, upper = crops(HEAD, Detected("halfbody", Box(300, 80, 800, 980), 0.7))
    assert inside(upper.box, Box(300, 80, 800, 980))


def test_a_whole_figure_needs_a_person():
    assert crops(HEAD, parts=("figure",)) == NoCrop("no head or body was found in it")
    (crop,) = crops(HEAD, Detected("person", Box(300, 80, 800, 1500), 0.7), parts=("figure",))
    assert crop.part == "figure" and inside(crop.box, Box(300, 80, 800, 1500))


def test_of_each_part_without_a_crop_it_is_said_why():
    person = Detected("person", Box(20, 20, 1180, 1980), 0.7)
    found = crops_in([HEAD, person], *SIZE, ("head", "upper", "figure"), 2, 512)
    assert [crop.part for crop in found.crops] == ["head", "upper"]
    assert found.without == {"figure": "it is nearly such a crop itself"}
    found = crops_in([HEAD], *SIZE, ("head", "upper", "figure"), 1, 512)
    assert found.without == {"upper": "crops.most is 1", "figure": "none was found in it"}


def test_of_a_face_alone_the_head_is_around_it():
    face = Detected("face", Box(500, 200, 600, 300), 0.8)
    assert head_in([face]) == Box(475, 130, 625, 310)
    assert head_in([face, HEAD]) == HEAD.box


@pytest.mark.parametrize("label", ["head", "face", "person"])
def test_of_several_persons_none_is_cut_since_nobody_knows_whose_head_it_is(label):
    other = Detected(label, Box(800, 100, 1000, 300), 0.8)
    assert crops(HEAD, other, other._replace(label=label)) == NoCrop("it shows several persons")
    assert head_in([other, other]) is None


def test_what_is_too_small_for_the_resolution_is_no_crop():
    assert crops(HEAD, parts=("head",), resolution=625)  # 375 is 0.6 of it
    assert crops(HEAD, parts=("head",), resolution=640) == NoCrop("its crops would be too small for 640 px")


def test_what_is_nearly_the_whole_picture_is_no_crop():
    assert crops(HEAD._replace(box=Box(10, 10, 390, 390)), parts=("head",), size=(400, 400)) == NoCrop(
        "it is nearly such a crop itself"
    )


def test_at_most_so_many_and_none_that_is_nearly_another():
    person = Detected("person", Box(240, 50, 860, 760), 0.7)
    everything = ("head", "upper", "figure")
    assert [crop.part for crop in crops(HEAD, person, parts=everything, most=3)] == ["head", "upper"]
    assert [crop.part for crop in crops(HEAD, person, parts=everything, most=1)] == ["head"]


def test_a_crop_is_never_outside_of_its_picture():
    for left in range(-50, 1300, 90):
        for top in range(-50, 2100, 170):
            found = Detected("head", Box(max(0, left), max(0, top), min(1200, left + 220), min(2000, top + 260)), 0.9)
            if found.box.width < 20 or found.box.height < 20:
                continue
            result = crops(found, resolution=64)
            assert not isinstance(result, NoCrop)
            for crop in result:
                assert 0 <= crop.box.left < crop.box.right <= 1200 and 0 <= crop.box.top < crop.box.bottom <= 2000


def test_how_much_of_a_head_is_lost_when_a_part_of_the_picture_stays():
    head = Box(100, 0, 200, 100)
    assert cuts(head, (0, 0, 1, 1), 400, 400) == 0
    assert cuts(head, (0, 0.125, 1, 1), 400, 400) == 0.5
    assert cuts(head, (0.5, 0, 1, 1), 400, 400) == 1


def test_where_a_head_is_in_a_crop_follows_from_both():
    assert within(Box(100, 50, 200, 150), Box(80, 40, 400, 360)) == Box(20, 10, 120, 110)
    assert within(Box(100, 50, 200, 150), Box(150, 40, 400, 100)) == Box(0, 10, 50, 60)
    assert within(Box(100, 50, 200, 150), Box(200, 50, 300, 150)) is None
