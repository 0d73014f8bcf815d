import numpy as np
import pytest

from prep.captions.compose import Composer
from prep.sections import Captions, Thresholds
from prep.tagging.filters import parse_patterns
from prep.tagging.thresholds import Selector
from prep.types import Profile, Seen, TagScores, Vocabulary


def caption(tags: dict[str, float], drop: str = "", traits: tuple[str, ...] = (), trigger: str = "mira", **settings):
    names = tuple(tags)
    vocabulary = Vocabulary("v", names, tuple("rating" if name.startswith("rating:") else "general" for name in names))
    scores = TagScores(vocabulary, np.arange(len(names), dtype=np.int32), np.array(list(tags.values()), np.float16))
    profile = Profile("Mira", trigger, 9, {name: Seen(9, 9, 0.8, True, True, True, "") for name in traits})
    composer = Composer(Selector(vocabulary, Thresholds(), {}), parse_patterns(drop), Captions(**settings))
    return composer.caption(scores, "medium", profile)


def test_a_tag_with_a_threshold_of_its_own_at_a_level_is_left_out_of_captions_at_that_level_alone():
    """In every mode; the others stay, and the caption says the threshold that they needed."""
    vocabulary = Vocabulary("v", ("smile", "hat"), ("general",) * 2)
    scores = TagScores(vocabulary, np.arange(2, dtype=np.int32), np.array([0.8, 0.7], np.float16))
    for mode in ("complexity", "fixed", "mcut"):
        thresholds = Thresholds(mode=mode, tags={"Smile": {"simple": 0.9}, "hat": 0.5})
        composer = Composer(Selector(vocabulary, thresholds, {}), parse_patterns(""), Captions())
        found = {
            level: composer.caption(scores, level, Profile("Mira", "mira", 1, {})) for level in ("simple", "complex")
        }
        assert (found["simple"].text, found["complex"].text) == ("mira, hat", "mira, smile, hat")
        assert composer.names(scores, "simple") == ["hat"]
        assert found["simple"].threshold == composer.selector.threshold(scores, "simple")


def test_trigger_then_people_then_solo_then_confidence():
    text = caption({"smile": 0.9, "solo": 0.6, "hat": 0.99, "1girl": 0.5}).text
    assert text == "mira, 1girl, solo, hat, smile"


def test_alphabetical_keeps_people_first():
    assert caption({"smile": 0.9, "hat": 0.5, "2girls": 0.6}, order="alphabetical").text == "mira, 2girls, hat, smile"


def test_spaces_but_not_in_faces_and_escaped_parentheses():
    text = caption({"long_sleeves": 0.9, "^_^": 0.8, "fate_(series)": 0.7, ">_<": 0.6}).text
    assert text == r"mira, long sleeves, ^_^, fate \(series\), >_<"


def test_spelling_is_an_option():
    tags = {"long_sleeves": 0.9, "^_^": 0.8, "fate_(series)": 0.7}
    assert caption(tags, spaces=False, escape_parentheses=False).text == "mira, long_sleeves, ^_^, fate_(series)"
    assert caption(tags, kaomoji=False).text == r"mira, long sleeves, ^ ^, fate \(series\)"


def test_every_removed_tag_has_its_reason():
    tags = {"comic": 0.9, "white_shirt": 0.8, "shirt": 0.85, "long_hair": 0.7, "smile": 0.6, "hat": 0.5, "low": 0.1}
    made = caption(tags, drop="comic", traits=("long_hair",), max_tags=3)
    assert made.text == "mira, white shirt, smile"
    assert {gone.name: gone.why for gone in made.removed} == {
        "comic": "filter",
        "shirt": "overlap",
        "long_hair": "trait",
        "hat": "limit",
    }


def test_a_general_tag_gives_way_even_to_a_trait():
    assert caption({"hair_ribbon": 0.9, "ribbon": 0.8, "1girl": 0.7}, traits=("hair_ribbon",)).text == "mira, 1girl"


def test_traits_may_be_kept():
    vocabulary = Vocabulary("v", ("long_hair",), ("general",))
    scores = TagScores(vocabulary, np.array([0], np.int32), np.array([0.9], np.float16))
    profile = Profile("Mira", "mira", 9, {"long_hair": Seen(9, 9, 0.8, True, True, True, "")})
    for traits, text in (("keep", "mira, long hair"), ("drop", "mira")):
        composer = Composer(Selector(vocabulary, Thresholds(), {}), parse_patterns(""), Captions(traits=traits))
        assert composer.caption(scores, "medium", profile).text == text


def test_never_empty_and_never_longer_than_asked():
    assert caption({"smile": 0.1}).text == "mira"
    many = caption({f"tag_{number}": 0.9 for number in range(100)})
    assert len(many.items) == 40 and "\n" not in many.text


def test_a_tag_that_is_the_trigger_stands_once():
    assert caption({"hatsune_miku": 0.9, "smile": 0.8}, trigger="hatsune miku").text == "hatsune miku, smile"


@pytest.mark.parametrize("rating", ["safe", "explicit"])
def test_ratings_are_a_column_and_no_tag(rating):
    made = caption({f"rating:{rating}": 0.99, "smile": 0.8})
    assert made.rating == rating and made.text == "mira, smile"
