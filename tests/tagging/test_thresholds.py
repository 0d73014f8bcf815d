import numpy as np
import pytest

from prep.errors import SettingsError
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
