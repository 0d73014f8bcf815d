"""What is said of how well a model holds a character, and of what a set's pictures show."""

from prep.drawing.coverage import coverage_lines, shown_in
from prep.drawing.held import Sample, held_lines
from prep.drawing.vary import Group
from prep.types import Profile, Seen


def seen(images: int, trait: bool = False) -> Seen:
    return Seen(images, 24, 0.6, trait, trait, trait, "")


PROFILE = Profile(
    "mira", "mira", 24, {"orange_hair": seen(24, True), "blue_eyes": seen(20, True), "full_body": seen(2)}
)
VIEW = Group(
    "view", frozenset({"from_behind", "full_body", "portrait"}), (("from_behind",), ("full_body",), ("portrait",))
)


def plain(tag: str) -> str:
    return tag.replace("_", " ")


def test_each_trait_is_counted_over_the_samples_that_asked_for_it():
    samples = [Sample(("orange_hair", "blue_eyes"), ()), Sample(("orange_hair",), ("orange_hair",))]
    assert held_lines(PROFILE, "sd35", samples, plain) == [
        "held by sd35: orange hair 1 of 2, blue eyes 1 of 1; likeness not measured"
    ]


def test_a_model_that_holds_less_than_half_does_not_know_her_and_that_is_no_failure():
    samples = [Sample(("orange_hair", "blue_eyes"), ("orange_hair", "blue_eyes"), 0.4, 0.1)] * 3
    told, line = held_lines(PROFILE, "sd35", samples, plain)
    assert told.endswith("; difference from the real pictures 0.40, from one another 0.10")
    assert line == "sd35 does not know mira: that is what the LoRA is for"
    assert held_lines(PROFILE, "sd35", [], plain) == []


def test_the_rarest_is_said_first_and_what_is_drawn_beside_it():
    (line,) = coverage_lines(PROFILE, [VIEW], {"full_body": 3}, plain)
    assert line == "view: 0 of 24 from behind, 0 portrait, 2 full body (+3 drawn)"
    assert list(coverage_lines(Profile("new", "new", 0, {}), [VIEW], {}, plain)) == []


def test_a_picture_shows_an_option_if_it_shows_all_of_it():
    group = Group("face", frozenset(), (("smile", "open_mouth"), ("smile",)))
    assert shown_in([group], [("smile",), ("smile", "open_mouth", "hat"), ()]) == {
        ("smile", "open_mouth"): 1,
        ("smile",): 2,
    }
