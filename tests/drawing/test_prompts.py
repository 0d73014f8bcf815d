"""Which pictures are asked for, from what, with which words."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from prep.checks.retag import read_exclusive
from prep.config import load_settings
from prep.drawing.prompts import DrawingStyle, Parent, consistency, reconstructions
from prep.drawing.vary import Group, Way, read_vary
from prep.drawing.wants import Cutting, wants
from prep.errors import SettingsError
from prep.types import Editing, Profile, Seen
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


def wants_of(groups, parents=(TALL,), count=20, shown=None, cuts=None, style=MANNER):
    return list(islice(wants(PROFILE, parents, groups, shown or {}, cuts or {}, style), count))


def asked_of(groups, parents=(TALL,), count=20):
    return [want.attempts[0].request for want in wants_of(groups, parents, count)]


def test_an_augmentation_replaces_one_group_and_keeps_the_rest():
    frown = next(one for one in asked_of([FACES]) if one.changes == ("frown",))
    assert set(frown.asked) == {"1girl", "frown", "orange_hair", "blue_eyes", "shirt", "outdoors", "looking_at_viewer"}
    assert frown.prompt == "masterpiece, 1girl, frown, blue eyes, orange hair, shirt, outdoors, looking at viewer"
    assert (frown.strength, frown.parent, frown.width, frown.height) == (0.6, TALL.sha256, 64, 96)


def test_an_option_drops_what_it_excludes():
    closed = next(one for one in asked_of([FACES]) if one.changes == ("closed_eyes",))
    assert "blue_eyes" not in closed.asked and "looking_at_viewer" not in closed.asked and "orange_hair" in closed.asked


def test_a_framing_asks_for_nothing_that_it_leaves_out():
    views = Group("view", frozenset({"portrait", "upper_body", "full_body"}), (("portrait",), ("upper_body",)))
    dressed = Parent("dd" * 32, 300, 600, ("1girl", "full_body", "shirt", "skirt", "boots", "belt", "hand_on_hip"))
    asked = {one.changes: {*one.asked} for one in asked_of([views], (dressed,))}
    assert asked["portrait",] == {"1girl", "portrait", "orange_hair", "blue_eyes", "shirt"}
    assert asked["upper_body",] == {*asked["portrait",], "upper_body", "belt", "hand_on_hip"} - {"portrait"}
    tags = {name: seen() for name in ("skirt", "shirt", "1girl")} | {"orange_hair": seen(True)}
    sample, other = consistency(Profile("mira", "mira", 3, tags), [dressed], (("portrait",), ("smile",)), 2, MANNER)
    assert "skirt" not in sample.asked and "shirt" in sample.asked and "skirt" in other.asked


def test_what_the_parent_shows_already_is_not_asked_for():
    assert {one.changes for one in asked_of([FACES])} == {("frown",), ("closed_eyes",)}


def test_parents_come_by_turns_and_repeats_have_seeds_of_their_own():
    found = asked_of([FACES], (TALL, WIDE), 12)
    assert sorted(Counter(one.parent for one in found).values()) == [6, 6]
    assert len({one.key for one in found}) == 12 and len({one.seed for one in found}) == 12


def test_a_group_that_holds_a_trait_is_not_free():
    eyes = Group("eyes", frozenset({"blue_eyes", "red_eyes"}), (("red_eyes",),))
    assert asked_of([eyes]) == []


def test_shut_eyes_are_not_asked_for_with_a_colour():
    shut = Parent("ee" * 32, 320, 720, ("1girl", "closed_eyes", "smile"))
    assert {"closed_eyes", "blue_eyes"} & PROFILE.traits == {"blue_eyes"}
    assert not any("blue_eyes" in one.asked for one in asked_of([PLACES], (shut,)))
    assert all("blue_eyes" in one.asked for one in asked_of([PLACES], (TALL,)))


def test_the_rarest_option_comes_first_and_each_counts_once_it_is_asked_for():
    shown = {("smile",): 1, ("frown",): 4, ("closed_eyes",): 0}
    neutral = Parent("cc" * 32, 300, 600, ("1girl", "shirt"))
    found = [want.option[0] for want in wants_of([FACES], (neutral,), 5, shown)]
    assert found[0] == "closed_eyes" and found.count("frown") == 0
    assert Counter(found) == {"closed_eyes": 3, "smile": 2}


def test_one_parent_cannot_show_what_it_shows_and_the_others_share_the_rest():
    found = wants_of([FACES, PLACES], (TALL, WIDE), 30)
    assert all(not set(want.attempts[0].request.changes) <= {"outdoors"} for want in found)
    by_option = {(want.option, want.attempts[0].request.parent) for want in found}
    assert (("smile",), TALL.sha256) not in by_option and (("frown",), WIDE.sha256) not in by_option
    assert (("smile",), WIDE.sha256) in by_option and (("frown",), TALL.sha256) in by_option


def test_ways_follow_the_group_and_what_the_model_and_the_parent_allow():
    ways = (Way("edit", 0.7), Way("composite"), Way("img2img", 0.5), Way("text"))
    places = replace(PLACES, ways=ways)

    def manners(cuts, style):
        (want,) = wants_of([places], count=1, cuts=cuts, style=style)
        return [(each.request.manner, each.request.strength) for each in want.attempts]

    able = replace(MANNER, editing=Editing(0.66, 3.5, 13.5))
    cuts = {TALL.sha256: Cutting("alpha", (96, 128))}
    assert manners(cuts, able) == [("edit", 0.7), ("composite", None), ("draw", 0.5), ("draw", None)]
    assert manners({}, MANNER) == [("draw", 0.5), ("draw", None)]
    edit, composite = wants_of([places], count=1, cuts=cuts, style=able)[0].attempts[:2]
    assert edit.request.source == "masterpiece, 1girl, blue eyes, shirt, smile, outdoors, looking at viewer"
    assert (edit.request.source_guidance, edit.request.guidance, edit.request.sampler) == (3.5, 13.5, "euler")
    assert composite.scene.kind == "scene" and composite.scene.asked == ("no_humans", "white_background")
    assert (composite.request.width, composite.request.height) == (96, 128)
    assert composite.request.scene == composite.scene.key and composite.request.cut == "alpha"
    assert "1girl" not in composite.scene.prompt and composite.scene.parent is None


def test_scenes_of_the_same_words_differ():
    places = replace(PLACES, ways=(Way("composite"),))
    cuts = {TALL.sha256: Cutting("alpha", (96, 128))}
    scenes = [want.attempts[0].scene for want in wants_of([places], count=3, cuts=cuts)]
    assert len({scene.key for scene in scenes}) == 3 and len({scene.prompt for scene in scenes}) == 1


SITUATIONS = [("smile", "outdoors"), ("frown", "white_background"), ("closed_eyes",)]


def test_each_consistency_sample_is_in_another_situation_and_none_without_core():
    found = consistency(PROFILE, [TALL], SITUATIONS, 5, MANNER)
    assert len({one.prompt for one in found}) == 3 and len({one.seed for one in found}) == 5
    assert [one.changes for one in found] == [()] * 5
    assert all({"1girl", "orange_hair"} <= {*one.asked} for one in found)
    assert "blue_eyes" in found[0].asked and "blue_eyes" in found[2].asked  # a trait: eyes that are shut are not asked
    assert found[0].strength is None and found[0].parent is None
    assert consistency(Profile("mira", "mira", 3, {"shirt": seen(core=False)}), [TALL], SITUATIONS, 3, MANNER) == []


def test_a_sample_wears_what_one_picture_shows_together():
    tags = {"blue_shirt": Seen(5, 10, 0.3, True, False, False, ""), "dress": Seen(6, 10, 0.3, True, False, False, "")}
    profile = Profile("mira", "mira", 10, {**tags, "1girl": seen(), "orange_hair": seen(True)})
    worn = [Parent("aa" * 32, 9, 9, ("1girl", "dress")), Parent("bb" * 32, 9, 9, ("1girl", "blue_shirt"))]
    found = [{*one.asked} & {*tags} for one in consistency(profile, worn, SITUATIONS, 2, MANNER)]
    assert sorted(map(sorted, found)) == [["blue_shirt"], ["dress"]]


def test_a_sample_takes_no_place_and_no_expression_from_the_picture_whose_clothes_it_wears():
    shown = ("1girl", "dress", "building", "angry", "maid_headdress")
    profile = Profile("mira", "mira", 10, {tag: Seen(6, 10, 0.3, tag == "1girl", False, False, "") for tag in shown})
    groups = [{"smile", "frown", "angry"}, {"outdoors", "white_background", "building"}, {"dress", "skirt"}]
    for sample in consistency(profile, [Parent("aa" * 32, 9, 9, shown)], SITUATIONS, 3, MANNER, groups):
        assert {*sample.asked} & {*shown} == {"1girl", "dress", "maid_headdress"}


def test_samples_take_the_variants_in_turn_and_count_clothes_within_each():
    """A dress on 2 of 20 pictures belongs to one of them; on 2 of a variant's 2 it is what the variant wears."""
    counts = {"blue_shirt": 18, "dress": 2, "1girl": 20, "orange_hair": 20}
    tags = {name: Seen(count, 20, 0.3, True, name == "orange_hair", False, "") for name, count in counts.items()}
    plain = [Parent(f"{at:064x}", 9, 9, ("1girl", "blue_shirt")) for at in range(18)]
    maid = [Parent(f"{at:064x}", 9, 9, ("1girl", "dress"), "maid") for at in (50, 51)]
    found = consistency(Profile("mira", "mira", 20, tags), [*plain, *maid], SITUATIONS, 6, MANNER)
    worn = [{*one.asked} & {"dress", "blue_shirt"} for one in found]
    assert sorted(map(sorted, worn)) == [["blue_shirt"]] * 3 + [["dress"]] * 3 and worn[0] != worn[1] != worn[2]


def test_a_variant_of_one_picture_wears_what_recurs_with_the_character():
    counts = {"blue_shirt": 6, "dress": 1, "1girl": 7}
    tags = {name: Seen(count, 7, 0.3, True, False, False, "") for name, count in counts.items()}
    one = Parent("aa" * 32, 9, 9, ("1girl", "blue_shirt", "dress"), "2023")
    (sample,) = consistency(Profile("mira", "mira", 7, tags), [one], SITUATIONS, 1, MANNER)
    assert {"blue_shirt", "1girl"} <= {*sample.asked}


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


@pytest.mark.parametrize("ways", ['"edit"', "[]", "[3]", '["paint"]', '["edit 2"]', '["edit x"]', '["composite 0.5"]'])
def test_a_way_that_does_not_exist_is_a_sentence(tmp_path, ways):
    path = tmp_path / "vary.toml"
    path.write_text(f'[a]\noptions = [["smile"]]\nways = {ways}\n')
    with pytest.raises(
        SettingsError, match=r"\[a\]: `ways` (has .*, which is not a way to draw|is .*, not a list of ways)"
    ):
        read_vary(str(path))


def test_the_lists_that_ship_are_readable():
    groups, _ = read_vary(load_settings().augmentation.vary)
    assert {group.name for group in groups} == {"expression", "pose", "view", "background"}
