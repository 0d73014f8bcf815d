"""The rule of docs/CHECK.md, line by line."""

import pytest

from prep.checks.retag import as_copy, read_exclusive
from prep.checks.retag import verdict as verdict_on
from prep.config import load_settings
from prep.errors import SettingsError
from prep.tagging.filters import read_patterns
from tests.support.requests import request

CORE = {"orange_hair", "blue_eyes"}
ASKED = ("orange_hair", "blue_eyes", "smile", "open_mouth", "blue_shirt", "outdoors")
KNOWN = {*ASKED, "red_hair", "closed_mouth", "red_shirt", "night"}
EXCLUSIVE = read_exclusive(load_settings().check.exclusive)


def verdict(read, changes=("open_mouth",), asked=ASKED, bound=0.7):
    return verdict_on(request(asked=asked, changes=changes), read, CORE, CORE, KNOWN, EXCLUSIVE, bound)


def test_everything_found_is_accepted():
    check = verdict(ASKED)
    assert (check.score, check.kept, check.reason, check.missing, check.unwanted) == (1.0, True, None, (), ())


def test_a_character_without_a_feature_of_the_body_cannot_be_judged():
    check = verdict_on(request(asked=ASKED, changes=()), ASKED, {"smile"}, set(), KNOWN, EXCLUSIVE, 0.7)
    assert (check.score, check.kept, check.reason) == (1.0, False, "not_judgeable")
    unread = verdict_on(request(asked=ASKED, changes=()), ASKED, CORE, {"antlers"}, KNOWN, EXCLUSIVE, 0.7)
    assert unread.reason == "not_judgeable"  # antlers are no tag of this tagger's


def test_core_tags_weigh_twice():
    without_core = verdict([tag for tag in ASKED if tag != "blue_eyes"])
    without_other = verdict([tag for tag in ASKED if tag != "smile"])
    assert without_core.score == pytest.approx(6 / 8) and without_other.score == pytest.approx(7 / 8)


def test_two_hair_colours_speak_against_but_do_not_contradict():
    check = verdict([*ASKED, "red_hair"])
    assert check.score == pytest.approx(6 / 8) and check.kept and check.unwanted == ("red_hair",)


def test_other_hair_instead_of_the_asked_is_a_contradiction():
    check = verdict([*ASKED[1:], "red_hair"])
    assert (check.kept, check.reason) == (False, "contradiction")


@pytest.mark.parametrize(
    "asked, read",
    [("silver_hair", "white_hair"), ("grey_hair", "silver_hair"), ("aqua_hair", "blue_hair"),
     ("blue_eyes", "aqua_eyes"), ("medium_hair", "long_hair"), ("short_hair", "medium_hair")],
)  # fmt: skip
def test_what_taggers_mix_up_costs_what_is_missing_and_does_not_contradict(asked, read):
    wanted, core = (asked, *ASKED[2:]), {asked}
    check = verdict_on(
        request(asked=wanted, changes=()), [read, *ASKED[2:]], core, core, {*wanted, read}, EXCLUSIVE, 0.6
    )
    assert check.kept and check.score == pytest.approx(4 / 6) and check.missing == (asked,) and check.unwanted == ()


@pytest.mark.parametrize("asked, read", [("silver_hair", "blonde_hair"), ("short_hair", "long_hair")])
def test_what_they_do_not_mix_up_still_contradicts(asked, read):
    wanted, core = (asked, *ASKED[2:]), {asked}
    check = verdict_on(
        request(asked=wanted, changes=()), [read, *ASKED[2:]], core, core, {*wanted, read}, EXCLUSIVE, 0.3
    )
    assert check.reason == "contradiction" and check.unwanted == (read,)


def test_other_clothes_are_a_contradiction_though_they_are_not_core():
    check = verdict([tag for tag in ASKED if tag != "blue_shirt"] + ["red_shirt"])
    assert (check.kept, check.reason) == (False, "contradiction")


def test_a_blue_shirt_is_a_shirt_and_so_excluded_by_a_dress():
    assert "dress" in EXCLUSIVE.against("blue_shirt") and "blue_shirt" not in EXCLUSIVE.against("blue_shirt")
    check = verdict([tag for tag in ASKED if tag != "blue_shirt"] + ["dress"])
    assert (check.kept, check.reason, check.unwanted) == (False, "contradiction", ("dress",))


def test_shut_eyes_and_another_mouth_cost_and_do_not_contradict():
    check = verdict([tag for tag in ASKED if tag != "blue_eyes"] + ["closed_eyes"], bound=0.4)
    assert check.kept and check.score == pytest.approx(4 / 8)


def test_other_eyes_contradict_though_none_were_asked_for():
    shut = tuple(tag if tag != "blue_eyes" else "closed_eyes" for tag in ASKED)
    known = {*KNOWN, "closed_eyes", "red_eyes"}
    for read, reason in ((shut, None), ((*shut[:1], *shut[2:], "red_eyes"), "contradiction")):
        check = verdict_on(request(asked=shut, changes=("open_mouth",)), read, CORE, CORE, known, EXCLUSIVE, 0.5)
        assert check.reason == reason


def test_too_little_found_is_off_character():
    check = verdict(["orange_hair", "blue_eyes", "open_mouth"])
    assert (check.kept, check.reason) == (False, "off_character") and check.score == pytest.approx(5 / 8)


def test_no_asked_change_read_is_a_copy():
    check = verdict([tag for tag in ASKED if tag != "open_mouth"])
    assert (check.kept, check.reason) == (False, "copy")


def test_tags_that_the_tagger_does_not_know_are_left_out_and_named():
    check = verdict(ASKED, asked=(*ASKED, "pauldrons"))
    assert check.score == 1.0 and check.not_judgeable == ("pauldrons",)


def test_nothing_judgeable_is_not_a_pass():
    check = verdict(["orange_hair"], asked=("pauldrons",), changes=())
    assert (check.score, check.kept, check.reason) == (0.0, False, "not_judgeable")


def test_a_copy_by_its_pixels_keeps_an_earlier_reason():
    assert as_copy(verdict(ASKED)).reason == "copy"
    assert as_copy(verdict([])).reason == "off_character"


@pytest.mark.parametrize(
    "text, told",
    [
        ('[picture]\nmouth = "open_mouth"', "`mouth` is not a list of tags"),
        ('mouth = ["open_mouth", "closed_mouth"]', "`mouth` is neither the table"),
        ("[pictures]", "`pictures` is neither the table"),
        ("picture = 3", "`picture` is neither the table"),
    ],
)
def test_lists_of_another_shape_are_a_sentence(tmp_path, text, told):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=told):
        read_exclusive(str(path))


def test_closed_eyes_and_a_view_from_behind_hide_the_colour_of_eyes_and_nothing_else_of_the_body():
    intrinsic = read_patterns(load_settings().profile.intrinsic, "profile.intrinsic")
    hiders = read_exclusive(load_settings().check.exclusive).hiders(intrinsic)
    assert hiders["blue_eyes"] == {"closed_eyes", "from_behind"} and all(tag.endswith("_eyes") for tag in hiders)
