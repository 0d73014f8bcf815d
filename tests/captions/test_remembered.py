"""A caption's proof is another wherever anything that shapes the caption is another."""

from dataclasses import replace

import numpy as np
import pytest

from prep.captions.compose import VERSION, Composer
from prep.captions.remembered import Remembered
from prep.sections import Captions, Thresholds
from prep.tagging.filters import parse_patterns
from prep.tagging.thresholds import Selector
from prep.types import Profile, Seen, TagScores, Vocabulary

NAMES = ("1girl", "solo", "smile", "white_shirt", "shirt", "long_hair", "comic", "^_^", "hat_(red)", "rating:safe")
WORDS = Vocabulary("v", NAMES, (*["general"] * 9, "rating"))
VALUES = [0.9, 0.6, 0.8, 0.7, 0.75, 0.65, 0.95, 0.5, 0.47, 0.9]
SCORES = TagScores(WORDS, np.arange(10, dtype=np.int32), np.array(VALUES, np.float16))
HAIR = {"long_hair": Seen(9, 9, 0.8, True, True, True, "")}
PROFILE = Profile("Mira", "mira", 9, HAIR)
COMPOSER = Composer(Selector(WORDS, Thresholds(), {}), parse_patterns("comic"), Captions())
ITEMS = ("mira", "1girl", "solo", "smile", "white shirt", "^_^", r"hat \(red\)")


def with_selector(**changes) -> Composer:
    return replace(COMPOSER, selector=replace(COMPOSER.selector, **changes))


def test_the_rules_are_those_of_this_version():
    """Where this fails, raise VERSION: captions that the ledger remembers are then composed anew."""
    made = COMPOSER.caption(SCORES, "medium", PROFILE)
    assert (VERSION, made.items) == (1, ITEMS)
    assert [(gone.name, gone.why) for gone in made.removed] == [
        ("comic", "filter"), ("shirt", "overlap"), ("long_hair", "trait")
    ]  # fmt: skip
    assert made.proof == COMPOSER.proof(SCORES, "medium", PROFILE, ITEMS)


def test_sets_without_thresholds_of_tags_keep_the_recipe_that_they_had():
    """Where this fails, the captions of all sets are composed anew."""
    assert COMPOSER.recipe == b"57702244c3978e49"
    assert with_selector(settings=Thresholds(tags={})).recipe == COMPOSER.recipe


@pytest.mark.parametrize(
    ("composer", "scores", "level", "profile", "items"),
    [
        (COMPOSER, replace(SCORES, score=np.array([0.91, *VALUES[1:]], np.float16)), "medium", PROFILE, ITEMS),
        (COMPOSER, replace(SCORES, index=SCORES.index[::-1].copy()), "medium", PROFILE, ITEMS),
        (COMPOSER, TagScores(WORDS, SCORES.index[:9], SCORES.score[:9]), "medium", PROFILE, ITEMS),
        (COMPOSER, SCORES, "simple", PROFILE, ITEMS),
        (COMPOSER, SCORES, "medium", replace(PROFILE, trigger="mirabel"), ITEMS),
        (COMPOSER, SCORES, "medium", replace(PROFILE, always=("smile",)), ITEMS),
        (COMPOSER, SCORES, "medium", replace(PROFILE, never=frozenset({"smile"})), ITEMS),
        (COMPOSER, SCORES, "medium", replace(PROFILE, tags={}), ITEMS),
        (COMPOSER, SCORES, "medium", PROFILE, ITEMS[:-1]),
        (with_selector(settings=Thresholds(medium=0.46)), SCORES, "medium", PROFILE, ITEMS),
        (with_selector(settings=Thresholds(tags={"smile": 0.9})), SCORES, "medium", PROFILE, ITEMS),
        (with_selector(settings=Thresholds(tags={"smile": {"simple": 0.9}})), SCORES, "medium", PROFILE, ITEMS),
        (with_selector(overrides={"smile": 0.9}), SCORES, "medium", PROFILE, ITEMS),
        (with_selector(vocabulary=replace(WORDS, names=("2girls", *NAMES[1:]))), SCORES, "medium", PROFILE, ITEMS),
        (with_selector(vocabulary=replace(WORDS, categories=("meta",) * 10)), SCORES, "medium", PROFILE, ITEMS),
        (replace(COMPOSER, filter=parse_patterns("comic, smile")), SCORES, "medium", PROFILE, ITEMS),
        (replace(COMPOSER, settings=Captions(order="alphabetical")), SCORES, "medium", PROFILE, ITEMS),
    ],
)
def test_a_proof_follows_from_all_that_shapes_a_caption(composer, scores, level, profile, items):
    assert composer.proof(scores, level, profile, items) != COMPOSER.proof(SCORES, "medium", PROFILE, ITEMS)


def test_what_does_not_shape_a_caption_is_in_no_proof():
    counted = replace(PROFILE, images=10, tags={"long_hair": Seen(10, 10, 0.82, True, True, True, "")})
    assert COMPOSER.proof(SCORES, "medium", counted, ITEMS) == COMPOSER.proof(SCORES, "medium", PROFILE, ITEMS)


def test_a_remembered_caption_has_all_that_a_composed_one_has():
    made = COMPOSER.caption(SCORES, "medium", PROFILE)
    found = Remembered(made.items, made.proof, compose=lambda: COMPOSER.caption(SCORES, "medium", PROFILE))
    assert all(getattr(found, name) == getattr(made, name) for name in made.__slots__)
