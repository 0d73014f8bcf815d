"""Edits of texts in a form that are hard to tell apart: full stops in tags, sentences before sentences, other forms."""

import pytest

from prep.captions.described import described
from prep.captions.forms import FORMS, Item, form_of, parts_of, worded
from prep.captions.parted import form_in
from prep.edits.in_form import read, retold, tag_names
from prep.edits.merge import Hand, items, merged
from prep.edits.sidecar import Entry, absorb

MACHINE = ("mira", "1girl", "solo", "smile", "white shirt")
BOTH = ["sd35", "anima"]
SENTENCES = ["sd35", "anima", "flux", "lumina"]


def written(name: str, machine=MACHINE) -> Hand:
    """The state after prep wrote its caption in this form."""
    form, said = form_of(name), described(tag_names(machine, machine[:1]))
    parts = parts_of(form, machine[:1], [Item(tag) for tag in machine[1:]], "safe", said)
    text = worded(form, parts, machine[:1])
    return Hand(", ".join(machine), machine, form=name, whole=text, sentence=said if "sentence" in form.parts else "")


def after(name: str, change) -> Hand:
    before = written(name)
    return read(before, change(before.whole))


@pytest.mark.parametrize("name", BOTH)
def test_a_sentence_in_front_of_preps_own_is_a_sentence(name):
    said = written(name).sentence
    found = after(name, lambda text: text.replace(said, f"My own. {said}"))
    assert found.sentence == f"My own. {said}" and found.own
    assert found.text == ", ".join(MACHINE) and found.added == found.removed == ()


@pytest.mark.parametrize("name", BOTH)
def test_a_tag_with_a_full_stop_beside_a_new_sentence(name):
    said = written(name).sentence
    found = after(name, lambda text: text.replace("1girl, ", "1girl, dr. Stone, ").replace(said, "She hums. So it is."))
    assert found.sentence == "She hums. So it is." and "dr. Stone" in found.added
    assert [tag for tag in items(found.text) if tag != "dr. Stone"] == [*MACHINE]


@pytest.mark.parametrize("name", BOTH)
def test_a_new_sentence_may_begin_with_a_small_letter(name):
    found = after(name, lambda text: text.replace(written(name).sentence, "she hums."))
    assert found.sentence == "she hums." and found.text == ", ".join(MACHINE)


def test_more_words_behind_the_tags_and_before_them_are_sentences():
    said = written("lumina").sentence
    behind = after("lumina", lambda text: f"{text}. She waves at Me.")
    assert behind.own and "She waves at Me." in behind.sentence and behind.text == ", ".join(MACHINE)
    low = said[:1].lower() + said[1:]
    before = after("lumina", lambda text: text.replace(low, f"{low} She waves."))
    assert before.sentence == f"{low} She waves." and before.text == ", ".join(MACHINE)
    bare = after("lumina", lambda text: text.replace(low, "a girl says Me"))
    assert bare.sentence == "a girl says Me" and bare.text == ", ".join(MACHINE)


def test_tags_behind_a_sentence_are_tags_in_every_form():
    found = after("flux", lambda text: f"{text}, hair flower")
    assert found.added == ("hair flower",) and not found.own
    assert items(found.text)[-1] == "hair flower"


def test_an_artist_marked_by_hand_keeps_the_mark_where_it_is_wanted():
    found = after("anima", lambda text: text.replace("solo, ", "solo, @big artist, "))
    listed = items(merged(found, MACHINE))
    assert "@big artist" in listed and "big_artist" not in " ".join(tag_names(listed, MACHINE[:1]))
    rest = [Item(tag) for tag in listed if tag != "mira"]
    for name, spelled in (("anima", "@big artist"), ("sdxl", "big artist")):
        form = form_of(name)
        assert spelled in worded(form, parts_of(form, ["mira"], rest, "safe", ""), ["mira"]).split(", "), name


def test_a_safety_word_by_hand_stands_in_front_and_is_the_only_one():
    found = after("anima", lambda text: text.replace("safe, ", "nsfw, "))
    listed = [Item(tag) for tag in items(merged(found, MACHINE)) if tag != "mira"]
    form = form_of("anima")
    text = worded(form, parts_of(form, ["mira"], listed, "safe", "", found.removed), ["mira"])
    assert text.startswith("nsfw, 1girl, mira") and "safe" not in text.split(", ")


@pytest.mark.parametrize("name", ["", *FORMS])
def test_the_form_of_a_text_of_preps_is_known_again(name):
    text = written(name).whole if name else ", ".join(MACHINE)
    found = form_in(text, MACHINE[:1], MACHINE)
    assert form_of(found).parts == form_of(name).parts and form_of(found).head == form_of(name).head


@pytest.mark.parametrize("old", ["", *SENTENCES])
@pytest.mark.parametrize("new", ["", *SENTENCES])
def test_an_edit_of_a_text_that_a_killed_run_did_not_replace(old, new):
    """The ledger has the new form, the file the old one: what the user changes there is a change all the same."""
    before = written(old) if old else Hand(", ".join(MACHINE), MACHINE)
    now = written(new) if new else Hand(", ".join(MACHINE), MACHINE)
    entry = Entry(now, (before.said,))
    if not old or len(form_of(old).parts) > 1:
        changed = before.said.replace("solo, ", "solo, red scarf, ")
        hand = absorb(entry, changed, None).hand
        assert "red scarf" in items(hand.text) and {*MACHINE} <= {*items(hand.text)}
    if old:
        said = before.sentence if before.sentence in before.said else before.sentence[:1].lower() + before.sentence[1:]
        hand = absorb(entry, before.said.replace(said, "I wrote this."), None).hand
        assert hand.own and hand.sentence == "I wrote this." and hand.text == ", ".join(MACHINE)


def test_a_sentence_taken_out_beside_tags_is_made_again_where_nothing_else_is():
    found = after("sd35", lambda text: text.removesuffix(f". {written('sd35').sentence}"))
    assert found.own and found.sentence == "" and retold(found, found.text, "").whole == ", ".join(MACHINE)
    flux = retold(found._replace(form="flux", whole="mira", sentence=""), found.text, "")
    assert flux.sentence and not flux.own
