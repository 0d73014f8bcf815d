"""Trigger words that CLIP reads poorly."""

import pytest

from prep.captions.script import hard_to_read, is_latin
from prep.captions.trigger_words import TriggerWord, words_of
from prep.types import Profile
from tests.support.pictures import drawing, save
from tests.support.runs import run_here


def named(*triggers: str) -> list[TriggerWord]:
    return list(words_of(Profile(trigger, trigger, 3, {}) for trigger in triggers))


@pytest.mark.parametrize(("word", "latin"), [("mira", True), ("Łucja_2-é", True), ("エルフ", False), ("мира", False),
                                             ("mira_綾波", False), ("", True), ("_-2", True)])  # fmt: skip
def test_letters_that_are_not_latin_are_told_from_those_that_are(word, latin):
    assert is_latin(word) == latin


def test_one_line_says_all_of_them_and_what_to_write():
    assert hard_to_read(named("mira", "noa")) == ""
    line = hard_to_read(named("エルフ", "mira"))
    assert line.startswith("CLIP reads the trigger word `エルフ` poorly") and '[characters."エルフ"] trigger = ' in line
    assert hard_to_read(named("а", "б", "в", "г")).startswith("CLIP reads the trigger words `а`, `б`, `в` ... poorly")


def test_a_run_says_it_once_and_not_where_the_settings_name_another(tmp_path, tiny_tagger, capsys):
    for number in range(2):
        save(drawing(number, 64, 48), tmp_path / "art" / "エルフ" / f"{number}.png")
    sets = ("scan.min_side_px=40", "generator.model=none")
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger, *sets, to="caption")
    assert capsys.readouterr().out.count("CLIP reads the trigger word") == 1
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger, *sets, "characters.エルフ.trigger=elf", to="caption")
    assert "CLIP reads the trigger word" not in capsys.readouterr().out
