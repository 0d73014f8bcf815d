"""Tags that Danbooru renamed are asked for by the name that a tagger knows, and meant by either."""

import pytest

from prep.captions.profile import profile_of
from prep.captions.tally import Tally
from prep.config import configs_folder
from prep.drawing.situations import read_situations
from prep.drawing.vary import read_vary
from prep.sections import CharacterSettings, ProfileSettings
from prep.tagging.aliases import TODAY, as_known
from prep.tagging.filters import parse_patterns

VARY = str(configs_folder() / "words" / "vary.toml")


def test_a_tag_keeps_its_name_unless_the_tagger_has_only_the_other():
    assert as_known("hand_on_hip", {"hand_on_own_hip"}) == "hand_on_own_hip"
    assert as_known("hand_on_own_hip", {"hand_on_hip"}) == "hand_on_hip"
    assert as_known("hand_on_hip", {"hand_on_hip", "hand_on_own_hip"}) == "hand_on_hip"
    assert as_known("hand_on_hip", {"smile"}) == as_known("hand_on_hip", None) == "hand_on_hip"


def test_no_name_is_both_old_and_new():
    assert not TODAY.keys() & set(TODAY.values()) and len(set(TODAY.values())) == len(TODAY)


@pytest.mark.parametrize("name", ["hand_on_hip", "hand_on_own_hip"])
def test_augmentations_ask_for_a_pose_by_the_name_that_the_tagger_knows(name):
    groups, unknown = read_vary(VARY, {name, "standing"})
    pose = next(group for group in groups if group.name == "pose")
    assert (name,) in pose.options and name in pose.replaces and not {"hand_on_hip", "hand_on_own_hip"} & set(unknown)


def test_situations_ask_for_it_as_well(tmp_path):
    (tmp_path / "s.toml").write_text('situations = [["hand on hip", "smile"]]')
    assert read_situations(str(tmp_path / "s.toml"), {"hand_on_own_hip"}) == [("hand_on_own_hip",)]


def test_a_filter_means_both_names():
    assert "hand_on_own_hip" in parse_patterns("hand on hip") and "hand_on_hip" in parse_patterns("hand_on_own_hip")
    assert "hand_on_own_hip" not in parse_patterns("hand_on_*, !hand_on_hip")


def test_the_settings_of_a_character_mean_both_names():
    tally = Tally()
    tally.found.update(hand_on_own_hip=3, smile=3)
    own = CharacterSettings(drop=["hand on hip"], remove=["hands on hips"])
    found = profile_of("mira", "mira", tally, 3, parse_patterns(""), ProfileSettings(), own)
    assert found.traits == {"hand_on_own_hip"} and found.never == {"hands_on_hips"}
