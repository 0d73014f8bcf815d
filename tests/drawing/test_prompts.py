"""Which pictures are asked for, from what, with which words."""

from itertools import islice

import pytest

from prep.checks.retag import read_exclusive
from prep.config import load_settings
from prep.drawing.prompts import DrawingStyle, Group, Parent, augmentations, consistency, read_vary, reconstructions
from prep.errors import SettingsError
from prep.types import Profile, Seen
from tests.support.requests import request

MANNER = DrawingStyle(
    generator="fake",
    weights="0" * 64,
    precision="fp32",
    sampler="euler",
    steps=2,
    guidance=3.0,
    strength=0.6,
    quality="masterpiece",
    negative="blurry",
    size=lambda width, height: (64, 96 if height > width else 64),
    counts=lambda tag: tag == "1girl",
    prompt_text=lambda tag: tag.replace("_", " "),
    excludes=read_exclusive(load_settings().check.exclusive).against,
)
FACES = Group(
    "expression", frozenset({"smile", "frown", "closed_eyes", "grin"}), (("smile",), ("frown",), ("closed_eyes",))
)
PLACES = Group("background", frozenset({"outdoors", "white_background"}), (("white_background",),))
TALL = Parent("aa" * 32, 300, 600, ("1girl", "smile", "blue_eyes", "outdoors", "shirt", "looking_at_viewer"))
WIDE = Parent("bb" * 32, 600, 300, ("1girl", "frown", "white_background", "shirt"))


def seen(trait=False, core=True):
    return Seen(3, 3, 0.6, core, trait, trait, "")


PROFILE = Profile(
    "mira", "mira", 3, {"1girl": seen(), "orange_hair": seen(True), "blue_eyes": seen(True), "shirt": seen()}
)


def asked_of(groups, parents=(TALL,), count=20):
    return list(islice(augmentations(PROFILE, parents, groups, MANNER), count))


def test_an_augmentation_replaces_one_group_and_keeps_the_rest():
    frown = next(one for one in asked_of([FACES]) if one.changes == ("frown",))
    assert set(frown.asked) == {"1girl", "frown", "orange_hair", "blue_eyes", "shirt", "outdoors", "looking_at_viewer"}
    assert frown.prompt == "masterpiece, 1girl, frown, blue eyes, orange hair, shirt, outdoors, looking at viewer"
    assert (frown.strength, frown.parent, frown.width, frown.height) == (0.6, TALL.sha256, 64, 96)


def test_an_option_drops_what_it_excludes():
    closed = next(one for one in asked_of([FACES]) if one.changes == ("closed_eyes",))
    assert "blue_eyes" not in closed.asked and "looking_at_viewer" not in closed.asked and "orange_hair" in closed.asked


def test_what_the_parent_shows_already_is_not_asked_for():
    assert {one.changes for one in asked_of([FACES])} == {("frown",), ("closed_eyes",)}


def test_parents_come_by_turns_and_repeats_have_seeds_of_their_own():
    found = asked_of([FACES, PLACES], (TALL, WIDE), 12)
    assert [one.parent for one in found] == [TALL.sha256, WIDE.sha256] * 6
    assert len({one.key for one in found}) == 12 and len({one.seed for one in found}) == 12


def test_a_group_that_holds_a_trait_is_not_free():
    eyes = Group("eyes", frozenset({"blue_eyes", "red_eyes"}), (("red_eyes",),))
    assert asked_of([eyes]) == []


def test_shut_eyes_are_not_asked_for_with_a_colour():
    shut = Parent("ee" * 32, 320, 720, ("1girl", "closed_eyes", "smile"))
    assert {"closed_eyes", "blue_eyes"} & PROFILE.traits == {"blue_eyes"}
    assert not any("blue_eyes" in one.asked for one in asked_of([PLACES], (shut,)))
    assert all("blue_eyes" in one.asked for one in asked_of([PLACES], (TALL,)))


def test_another_option_leaves_the_other_requests_as_they_were():
    more = Group("expression", FACES.replaces | {"angry"}, (*FACES.options, ("angry",)))
    before = {one.key for one in asked_of([FACES], count=2)}
    assert before <= {one.key for one in asked_of([more], count=3)}


def test_consistency_is_the_core_tags_with_other_seeds_and_none_without_core():
    found = consistency(PROFILE, 3, MANNER)
    assert len({one.prompt for one in found}) == 1 and len({one.seed for one in found}) == 3
    assert found[0].strength is None and found[0].parent is None
    assert consistency(Profile("mira", "mira", 3, {"shirt": seen(core=False)}), 3, MANNER) == []


def test_two_outfits_are_not_asked_for_in_one_picture():
    tags = {"blue_shirt": Seen(5, 10, 0.3, True, False, False, ""), "dress": Seen(6, 10, 0.3, True, False, False, "")}
    (one,) = consistency(Profile("mira", "mira", 10, tags | {"1girl": seen()}), 1, MANNER)
    assert set(one.asked) == {"1girl", "dress"}


def test_a_reconstruction_has_its_images_own_tags_and_no_strength():
    (one,) = reconstructions(PROFILE, [TALL], 2, MANNER)
    assert set(one.asked) == set(TALL.tags) and one.strength is None and one.parent == TALL.sha256


def test_the_seed_follows_from_the_content_and_from_nothing_else():
    assert request().seed == request().seed != request(prompt="other").seed
    assert request().key != request(weights="ef" * 32).key and 0 <= request().seed < 2**31


def test_options_that_the_tagger_does_not_know_are_left_out_and_named(tmp_path):
    path = tmp_path / "vary.toml"
    path.write_text('[expression]\noptions = [["smile"], ["open mouth", "pout"]]\n')
    (group,), unknown = read_vary(str(path), {"smile", "open_mouth"})
    assert group.options == (("smile",),) and unknown == ["pout"] and "open_mouth" in group.replaces


@pytest.mark.parametrize("text", ["[a]\noptions = [3]", "a = 1", '[a]\noptions = "x"', "[a]\nreplaces = ['x']"])
def test_a_list_of_another_shape_is_a_sentence(tmp_path, text):
    path = tmp_path / "vary.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="needs `options`"):
        read_vary(str(path))


def test_the_lists_that_ship_are_readable():
    groups, _ = read_vary(load_settings().augmentation.vary)
    assert {group.name for group in groups} == {"expression", "pose", "view", "background"}
