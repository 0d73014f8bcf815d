"""What each base model reads, by the table that docs/CAPTIONS.md gives, and that a text comes apart again."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.captions.forms import FORMS, LUMINA, PLAIN, Item, Parts, form_of, parts_of, worded
from prep.captions.parted import parted
from prep.sections import BaseModelName

TRIGGERS = ("miku_v",)
ITEMS = (
    Item("solo"),
    Item("1girl"),
    Item("Twintails"),
    Item("score 7"),
    Item("hatsune miku", "character"),
    Item("vocaloid", "series"),
    Item("kei \\(keigarou\\)", "artist"),
)
SAID = "A girl with twintails is standing on a stage."


def text(name: str, rating: str = "general", **more) -> str:
    given = {"triggers": TRIGGERS, "items": ITEMS, "sentence": SAID} | more
    form = form_of(name)
    return worded(form, parts_of(form, given["triggers"], given["items"], rating, given["sentence"]), given["triggers"])


def test_the_setting_knows_the_forms():
    assert [*get_args(BaseModelName)] == ["", *FORMS]


@pytest.mark.parametrize("name", ["", "sd15", "sdxl"])
def test_these_read_tags(name):
    tags = "miku_v, solo, 1girl, Twintails, score_7, hatsune miku, vocaloid, kei \\(keigarou\\)"
    assert text(name) == tags


def test_sd35_reads_tags_with_its_clips_and_the_sentence_with_t5():
    assert text("sd35") == text("sdxl") + f". {SAID}"


@pytest.mark.parametrize("name", ["flux", "z-image", "qwen"])
def test_these_read_a_sentence_behind_the_trigger_word(name):
    assert text(name) == "miku_v, a girl with twintails is standing on a stage."
    assert text(name, triggers=()) == SAID


def test_anima_reads_safety_people_names_and_artist_first_and_the_sentence_last():
    tags = "score_7, 1girl, miku_v, hatsune miku, vocaloid, @kei (keigarou), solo, twintails"
    assert text("anima") == f"safe, {tags}. {SAID}"
    assert text("anima", "safe") == text("anima", "general"), "never `general`"
    assert text("anima", "sensitive").startswith("sensitive, ") and text("anima", "questionable").startswith("nsfw, ")


def test_lumina_reads_sentence_and_tags_behind_its_head():
    tags = "solo, 1girl, Twintails, score_7, hatsune miku, vocaloid, kei (keigarou)"
    assert text("lumina") == f"{LUMINA}miku_v, a girl with twintails is standing on a stage. {tags}"


def test_a_name_keeps_its_capital_behind_a_trigger():
    assert text("flux", sentence="Miku sings.") == "miku_v, miku sings."
    assert text("flux", sentence="DJ decks.") == "miku_v, DJ decks."


def test_what_a_user_removed_is_not_put_in_again():
    form = form_of("anima")
    assert "safe" not in parts_of(form, TRIGGERS, ITEMS, "general", SAID, ["safe"]).tags
    assert not parts_of(form_of("lumina"), TRIGGERS, ITEMS, "general", SAID, [LUMINA.strip()]).head


WORDS = st.from_regex(r"[a-z0-9]{1,8}( [a-z0-9]{1,8}){0,2}", fullmatch=True)
SENTENCES = st.lists(st.from_regex(r"[A-Z][a-z]{1,8}( [a-z]{1,6},?){1,6} [a-z]+\.", fullmatch=True), max_size=2)


@pytest.mark.parametrize("name", ["", *FORMS])
@settings(max_examples=20)
@given(
    tags=st.lists(WORDS, max_size=6, unique=True), said=SENTENCES.map(" ".join), rating=st.sampled_from(["safe", None])
)
def test_a_text_comes_apart_into_what_it_was_made_of(name, tags, said, rating):
    form = form_of(name)
    tags = [tag for tag in tags if tag not in TRIGGERS]
    parts = parts_of(form, TRIGGERS, [Item(tag) for tag in tags], rating, said if "sentence" in form.parts else "")
    text = worded(form, parts, TRIGGERS)
    assert parted(form, text, TRIGGERS, said) == parted(form, text, TRIGGERS, said, parts.tags) == parts


@pytest.mark.parametrize("name", ["sd35", "anima", "lumina"])
def test_a_rewritten_sentence_is_told_from_the_tags(name):
    form = form_of(name)
    parts = parts_of(form, TRIGGERS, ITEMS, None, "She sings. It is loud.")
    found = parted(form, worded(form, parts, TRIGGERS), TRIGGERS, SAID)
    assert found.tags == parts.tags and found.sentence.lower() == parts.sentence.lower()


def test_a_form_without_a_sentence_has_none():
    assert parted(PLAIN, "miku_v, dr. stone, A girl. She sings.", TRIGGERS, "").sentence == ""
    assert parted(form_of("sd35"), "miku_v, solo", TRIGGERS, SAID) == Parts(False, ("miku_v", "solo"), "")
