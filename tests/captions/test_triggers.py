"""What is said about trigger words before they are learnt."""

import pytest

from prep.captions.triggers import trigger_lines
from prep.errors import SettingsError
from prep.types import Profile
from tests.support.pictures import folder_of
from tests.support.runs import run_here

TAGS = ("1girl", "blue_hair", "solo")


def lines(**triggers: str) -> list[str]:
    return list(trigger_lines([Profile(name, word, 3, {}) for name, word in triggers.items()], TAGS))


@pytest.mark.parametrize("word", ["1girl", "Solo", "blue hair", "blue_hair", "BLUE_Hair"])
def test_a_trigger_that_is_a_tag_is_said_with_what_to_write(word):
    (line,) = lines(mira=word, noa="noa")
    assert line.startswith(f"the trigger word `{word}` is also a tag of the tagger, so captions of other pictures may")
    assert line.endswith('To change one in prep.toml: [characters.mira] trigger = "a_word_of_its_own"')


def test_one_line_is_enough_for_many_and_none_is_said_of_good_ones():
    assert lines(mira="mira", noa="blue hair ribbon") == []
    (line,) = lines(mira="solo", noa="1girl")
    assert line.startswith("the trigger words `solo`, `1girl` are also tags")


def test_two_folders_with_one_trigger_are_said():
    assert lines(mira="elf", noa="elf") == [
        "mira and noa have the same trigger word `elf`: it learns all of them as one"
    ]


def test_a_run_says_it_and_refuses_anothers_trigger_before_out_is_touched(tmp_path, tiny_tagger, capsys):
    art, out = folder_of(tmp_path / "art", mira=1, noa=1), tmp_path / "out"
    with pytest.raises(SettingsError, match="mira and noa would have the same trigger word"):
        run_here(art, out, tiny_tagger, "characters.noa.trigger=Mira", to="caption")
    assert not out.exists()
    sets = ("scan.min_side_px=40", "generator.model=none", "characters.noa.trigger=Solo")
    run_here(art, out, tiny_tagger, *sets, to="caption")
    assert "profile: the trigger word `Solo` is also a tag of the tagger" in capsys.readouterr().out
