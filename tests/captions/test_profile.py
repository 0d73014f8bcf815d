from collections import Counter

import pytest

from prep.captions.profile import profile_of
from prep.captions.tally import Tally
from prep.sections import CharacterSettings, ProfileSettings
from prep.tagging.filters import parse_patterns
from prep.tagging.wilson import wilson_lower


def profile(counts: dict[str, int], images: int, hidden: dict[str, int] | None = None, **own):
    intrinsic = parse_patterns("*_hair, *_eyes")
    tally = Tally(Counter(counts), Counter(hidden))
    return profile_of("Mira", "mira", tally, images, intrinsic, ProfileSettings(), CharacterSettings(**own))


@pytest.mark.parametrize(("hits", "total", "enough"), [(3, 3, True), (7, 8, True), (2, 2, False), (6, 8, False)])
def test_the_bound_asks_for_three_of_three_or_seven_of_eight(hits, total, enough):
    assert (wilson_lower(hits, total) >= 0.5) is enough


def test_the_bound_stays_between_nought_and_the_share():
    assert wilson_lower(0, 0) == wilson_lower(0, 9) == 0
    assert all(0 <= wilson_lower(hits, 20) <= hits / 20 for hits in range(21))


def test_core_tags_are_in_45_percent_of_the_images():
    found = profile({"smile": 9, "hat": 8, "long_hair": 20}, 20)
    assert found.core == ("long_hair", "smile")


def test_traits_are_core_intrinsic_and_sure():
    found = profile({"long_hair": 8, "blue_eyes": 6, "smile": 8}, 8)
    assert found.traits == {"long_hair"}
    assert found.tags["blue_eyes"].why == "kept: needs 7 of 8"
    assert found.tags["smile"].why == "kept: not a feature of the body"


def test_eyes_are_counted_where_they_are_open():
    counts = {"blue_eyes": 8, "long_hair": 12, "closed_eyes": 4}
    assert profile(counts, 12).traits == {"long_hair"}
    open_eyed = profile(counts, 12, {"blue_eyes": 4})
    assert open_eyed.traits == {"long_hair", "blue_eyes"}
    seen = open_eyed.tags["blue_eyes"]
    assert (seen.images, seen.of) == (8, 8) and seen.why.endswith("4 images do not show it")


def test_eyes_that_are_never_open_are_no_trait():
    found = profile({"blue_eyes": 0, "long_hair": 3}, 3, {"blue_eyes": 3})
    assert found.traits == {"long_hair"} and not found.tags["blue_eyes"].core


def test_two_images_are_never_enough():
    found = profile({"long_hair": 2}, 2)
    assert found.traits == frozenset()
    assert found.tags["long_hair"].why == "kept: too few images to judge"


def test_the_settings_win():
    counts = {"long_hair": 8, "blue_eyes": 8, "smile": 8}
    assert profile(counts, 8, traits=["smile", "Red hair"]).traits == {"smile", "red_hair"}
    assert profile(counts, 8, keep=["long hair"]).traits == {"blue_eyes"}
    assert profile(counts, 8, traits=[]).traits == frozenset()
    assert profile(counts, 8, trigger="mira_v2").trigger == "mira_v2"
    assert profile(counts, 8).trigger == "mira"


def test_a_character_without_images_has_an_empty_profile():
    found = profile({}, 0)
    assert found.core == () and found.traits == frozenset()
