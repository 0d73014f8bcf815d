"""What the caption of a crop leaves out, and the view that it names."""

import pytest

from prep.captions.of_crop import for_crop, is_unseen
from prep.types import Profile

PROFILE = Profile("mira", "mira", 3, {})


@pytest.mark.parametrize(
    "name",
    "black_footwear red_shoes knee_boots pleated_skirt striped_thighhighs bare_legs barefoot feet standing sitting "
    "full_body cowboy_shot upper_body lower_body shorts_under_skirt navel hand_on_own_hip arms_behind_back belt "
    "white_gloves red_nails panties zettai_ryouiki".split(),
)
def test_a_head_shows_none_of_these(name):
    if name == "shorts_under_skirt":
        assert is_unseen("upper", name)
    assert is_unseen("head", name)


@pytest.mark.parametrize(
    "name",
    "blue_eyes long_hair hair_ribbon smile hat glasses earrings necklace choker white_shirt collarbone dress portrait "
    "looking_at_viewer outdoors 1girl solo hand_on_own_cheek arms_up hair_ring from_side closed_mouth cat_ears "
    "twintails hairband scarf bare_shoulders".split(),
)
def test_a_head_may_show_these(name):
    assert not is_unseen("head", name)


@pytest.mark.parametrize(
    "name", "black_footwear pleated_skirt feet standing full_body portrait close-up thighs".split()
)
def test_an_upper_body_shows_none_of_these(name):
    assert is_unseen("upper", name)


@pytest.mark.parametrize("name", "belt navel crossed_arms arms_behind_back white_gloves hand_on_own_hip shirt".split())
def test_an_upper_body_may_show_these(name):
    assert not is_unseen("upper", name)


def test_a_whole_figure_shows_all():
    assert not any(is_unseen("figure", name) for name in ("red_shoes", "full_body", "cowboy_shot", "standing"))


def test_the_view_is_added_and_what_the_parent_does_not_show_at_all_is_doubtful():
    read = {"smile", "full_body", "blue_shoes", "hat"}
    found = for_crop(PROFILE, "head", read, {"smile", "full_body", "blue_shoes"})
    assert found.unseen == {"full_body", "blue_shoes", "hat"} and found.always == ("portrait",)
    assert for_crop(PROFILE, "upper", read, read).always == ("upper_body",)
    assert for_crop(PROFILE, "figure", read, read) == PROFILE


def test_what_the_settings_add_and_remove_stays():
    own = Profile("mira", "mira", 3, {}, always=("red_shoes",), never=frozenset({"portrait"}))
    found = for_crop(own, "head", {"red_shoes", "portrait"}, {"red_shoes", "portrait"})
    assert found.always == ("red_shoes",) and found.never == {"portrait"}


def test_captions_that_are_no_crops_are_remembered_as_before():
    assert b"unseen" not in PROFILE.shaping and PROFILE.shaping == b'["mira", [], [], []]'
    assert for_crop(PROFILE, "head", {"feet"}, {"feet"}).shaping != PROFILE.shaping
