import numpy as np
import pytest

from prep.errors import SettingsError
from prep.options import LEVELS
from prep.sections import Thresholds
from prep.tagging.thresholds import Selector, level_of, mcut, read_overrides
from prep.types import TagScores, Vocabulary

NAMES = ("smile", "hat", "tree", "rating:safe", "rating:explicit")
VOCABULARY = Vocabulary("v", NAMES, ("general", "general", "general", "rating", "rating"))


def scores(**values: float) -> TagScores:
    index = np.array([NAMES.index(name.replace("__", ":")) for name in values], np.int32)
    return TagScores(VOCABULARY, index, np.array(list(values.values()), np.float16))


def selected(found: TagScores, threshold: float, level: str = "medium", own: dict | None = None, **overrides: float):
    index, _ = Selector(VOCABULARY, Thresholds(tags=own or {}), overrides).select(found, threshold, level)
    return [NAMES[at] for at in index]


@pytest.mark.parametrize(
    ("density", "level"),
    [(0.0, "simple"), (0.0799, "simple"), (0.08, "medium"), (0.1499, "medium"), (0.15, "complex"), (1.0, "complex")],
)
def test_edge_density_picks_the_level(density, level):
    assert level_of(density, Thresholds()) == level


@pytest.mark.parametrize(("level", "threshold"), [("simple", 0.55), ("medium", 0.45), ("complex", 0.38)])
def test_a_level_has_its_threshold(level, threshold):
    assert Selector(VOCABULARY, Thresholds(), {}).threshold(scores(smile=0.5), level) == threshold


def test_fixed_ignores_the_level():
    selector = Selector(VOCABULARY, Thresholds(mode="fixed", fixed=0.3), {})
    assert {selector.threshold(scores(smile=0.5), level) for level in ("simple", "complex")} == {0.3}


def test_mcut_falls_into_the_largest_gap():
    assert mcut(np.array([0.9, 0.8, 0.2, 0.1])) == pytest.approx(0.5)
    assert mcut(np.array([])) == 1.0


def test_mcut_does_not_look_at_ratings():
    selector = Selector(VOCABULARY, Thresholds(mode="mcut"), {})
    threshold = selector.threshold(scores(smile=0.9, hat=0.8, tree=0.1, rating__safe=0.99), "simple")
    assert threshold == pytest.approx(0.45, abs=0.001)


def test_selected_are_best_first_and_never_ratings():
    assert selected(scores(hat=0.6, smile=0.9, tree=0.2, rating__safe=0.99), 0.5) == ["smile", "hat"]


def test_a_tag_may_have_a_threshold_of_its_own():
    assert selected(scores(hat=0.6, smile=0.9, tree=0.2), 0.5, hat=0.7, tree=0.1) == ["smile", "tree"]


def test_a_tag_may_have_a_threshold_per_level():
    found, own = scores(hat=0.6, smile=0.6, tree=0.6), {"smile": {"simple": 0.7}, "Hat": 0.65}
    assert selected(found, 0.5, "simple", own) == ["tree"]
    assert selected(found, 0.5, "complex", own) == ["smile", "tree"]


def test_a_threshold_in_the_settings_wins_over_one_in_the_file_at_its_level():
    found, own = scores(hat=0.6), {"hat": {"simple": 0.7, "medium": 0.1}}
    levels = ("simple", "medium", "complex")
    assert [selected(found, 0.5, level, own, hat=0.65) for level in levels] == [[], ["hat"], []]


def test_names_in_either_place_are_read_in_any_case_with_spaces_or_underscores():
    vocabulary = Vocabulary("v", ("long_hair", ":D"), ("general",) * 2)
    selector = Selector(vocabulary, Thresholds(tags={" Long  Hair": 0.25}), {":D": 0.75})
    assert selector.own.tolist() == [[0.25, 0.75]] * 3


def test_ratings_have_no_threshold():
    assert selected(scores(rating__safe=0.9), 0.5, own={"rating:safe": 0.1}) == []


def test_rating_is_the_best_scoring_one_whatever_the_threshold():
    assert Selector(VOCABULARY, Thresholds(), {}).rating(scores(rating__safe=0.2, rating__explicit=0.3)) == "explicit"
    assert Selector(VOCABULARY, Thresholds(), {}).rating(scores(smile=0.9)) is None


def test_overrides_are_read_with_spaces_or_underscores(tmp_path):
    (tmp_path / "o.toml").write_text('"looking at viewer" = 0.7\nhat = 0\n')
    assert read_overrides(str(tmp_path / "o.toml")) == {"looking_at_viewer": 0.7, "hat": 0.0}


@pytest.mark.parametrize("text", ["hat = 2", 'hat = "high"', "hat ="])
def test_a_wrong_override_is_a_sentence(tmp_path, text):
    (tmp_path / "o.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"o\.toml"):
        read_overrides(str(tmp_path / "o.toml"))


WD_NAMES = ("smile", "hat", "miku", "artist", "general")
WD = Vocabulary("w", WD_NAMES, ("general", "general", "character", "artist", "rating"), (0.35, 0.35, 0.85, 0.7, 0.0))


def needed(name: str, vocabulary: Vocabulary = WD, overrides: dict | None = None, **settings) -> list[float]:
    """At each level."""
    selector = Selector(vocabulary, Thresholds(**settings), overrides or {})
    return [selector.own_threshold(name, level) or selector.threshold(None, level) for level in LEVELS]


def test_a_taggers_own_threshold_shifts_with_the_level_for_general_tags_alone():
    assert needed("smile") == [0.45, 0.35, 0.28]
    assert needed("miku") == [0.85] * 3 and needed("artist") == [0.7] * 3


def test_a_threshold_of_0_45_gives_the_defaults_of_the_levels():
    """So that a tagger with DeepDanbooru's threshold is taken as DeepDanbooru is."""
    same = Vocabulary("s", ("smile",), ("general",), (0.45,))
    assert needed("smile", same) == [Thresholds().simple, Thresholds().medium, Thresholds().complex]


def test_thresholds_at_the_ends_stay_between_what_is_kept_and_what_can_be_found():
    ends = Vocabulary("e", ("a", "b"), ("general", "general"), (0.05, 0.95))
    assert needed("a", ends) == [0.15, 0.05, 0.02] and needed("b", ends) == [0.99, 0.95, 0.88]


def test_what_the_user_set_wins_over_the_tagger():
    assert needed("smile", medium=0.5) == [0.45, 0.5, 0.28]
    assert needed("miku", medium=0.5) == [0.85] * 3
    assert needed("miku", character=0.6) == [0.6] * 3 and needed("smile", character=0.6) == [0.45, 0.35, 0.28]
    assert needed("miku", character=0.6, tags={"miku": {"simple": 0.3}}) == [0.3, 0.6, 0.6]
    assert needed("smile", overrides={"smile": 0.2}) == [0.2] * 3


def test_a_fixed_threshold_is_for_general_tags_and_characters_keep_theirs():
    assert needed("smile", mode="fixed", fixed=0.5) == [0.5] * 3
    assert needed("miku", mode="fixed", fixed=0.5) == [0.85] * 3


def test_mcut_looks_for_the_gap_among_general_tags():
    selector = Selector(WD, Thresholds(mode="mcut"), {})
    index = np.arange(5, dtype=np.int32)
    found = TagScores(WD, index, np.array([0.9, 0.2, 0.6, 0.5, 0.99], np.float16))
    assert selector.threshold(found, "medium") == pytest.approx(0.55, abs=1e-3)
    assert [WD_NAMES[at] for at in selector.select(found, 0.55, "medium")[0]] == ["smile"]


def test_a_character_without_a_threshold_of_the_tagger_follows_the_levels():
    """Of a tagger from another package, which brings categories but no thresholds."""
    bare = Vocabulary("b", ("smile", "miku"), ("general", "character"))
    assert needed("miku", bare) == [0.55, 0.45, 0.38] and needed("miku", bare, character=0.9) == [0.9] * 3


def test_the_rating_is_the_best_whatever_its_score():
    vocabulary = Vocabulary("r", ("general", "explicit", "smile"), ("rating", "rating", "general"), (0.0, 0.0, 0.35))
    found = TagScores(vocabulary, np.array([0, 1], np.int32), np.array([0.04, 0.03], np.float16))
    assert Selector(vocabulary, Thresholds(), {}).rating(found) == "general"
