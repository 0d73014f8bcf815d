"""What a user does to captions in the form of a base model: tags are merged by tag, a sentence is kept as a whole."""

import re

import pytest

from prep.captions.described import described
from prep.captions.forms import FORMS, LUMINA
from tests.support.person import LOW, tags

# Here z-image and qwen are like flux, sd35 is like anima, and sd15 and sdxl are like each other.
SENTENCES = [
    "flux",
    "anima",
    pytest.param("sd35", marks=pytest.mark.slow),
    pytest.param("lumina", marks=pytest.mark.slow),
]
EACH = ["sdxl", *SENTENCES, *(pytest.param(name, marks=pytest.mark.slow) for name in ("sd15", "z-image", "qwen"))]
BOTH = [name for name, form in FORMS.items() if len(form.parts) == 2]


def form(name: str) -> str:
    return f"captions.for={name}"


@pytest.mark.parametrize("name", EACH)
def test_there_and_back_again_changes_no_byte(made, name):
    before = made.text("000").read_text()
    made.run(form(name))
    assert (made.text("000").read_text() != before) == (name not in ("sd15", "sdxl"))
    assert made.row("000")["caption"] == made.text("000").read_text()
    assert made.row("000")["caption_source"] == "machine"
    made.run()
    assert made.text("000").read_text() == before
    with made.door() as edits:
        assert edits.history == [], "what prep wrote is no edit"


@pytest.mark.parametrize("name", EACH)
def test_tags_added_and_removed_by_hand_are_in_every_form(made, name):
    gone = tags(made.text("000"))[-1]
    made.text("000").write_text(made.text("000").read_text().removesuffix(f", {gone}") + ", red scarf")
    made.run(form(name))
    text = made.text("000").read_text()
    assert "red scarf" in text and not re.search(rf"\b{gone}\b", text)
    made.run()
    assert tags(made.text("000"))[-1] == "red scarf" and gone not in tags(made.text("000"))


@pytest.mark.parametrize("name", BOTH)
def test_a_tag_edited_in_a_form_is_edited_in_the_list(made, name):
    before = tags(made.text("000"))
    made.run(form(name))
    path = made.text("000")
    gone = before[-1]
    assert re.search(rf", {gone}\b(?!.*, {gone}\b)", path.read_text())
    path.write_text(re.sub(rf", {gone}\b(?!.*, {gone}\b)", ", red scarf", path.read_text()))
    made.run(form(name))
    assert "red scarf" in path.read_text()
    assert made.row("000")["caption_source"] == "hand"
    made.run()
    assert tags(made.text("000")) == [*before[:-1], "red scarf"]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_by_hand_is_kept_whatever_the_tags_become(made, name):
    made.run(form(name))
    path = made.text("000")
    said = described(tags_of(made, "000"), FORMS[name].length)
    mine = "She waits for the rain to end, and hums."
    text = path.read_text()
    at = text.lower().index(said.lower())
    path.write_text(text[:at] + mine + text[at + len(said) :])
    made.run(form(name), *LOW)
    assert mine in path.read_text()
    with made.door() as edits:
        assert len(edits.history) == 1
    made.run()
    assert mine not in made.text("000").read_text(), "tags alone"
    made.run(form("qwen"))
    assert mine.lower() in made.text("000").read_text().lower()


def tags_of(made, name: str) -> list[str]:
    row = made.row(name)
    return [tag["name"] for tag in row["tags"]]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_taken_out_does_not_come_back(made, name):
    made.run(form(name))
    path = made.text("000")
    said = described(tags_of(made, "000"), FORMS[name].length)
    text = path.read_text()
    at = text.lower().index(said.lower())
    path.write_text((text[:at] + text[at + len(said) :]).strip().removesuffix(".").removesuffix(","))
    made.run(form(name))
    assert said.lower() not in path.read_text().lower()


@pytest.mark.parametrize("name", SENTENCES)
def test_an_emptied_caption_stays_empty_in_every_form(made, name):
    made.run(form(name))
    made.text("000").write_text("")
    made.run(form(name))
    assert made.text("000").read_text().strip() == ""
    made.run()
    assert made.text("000").read_text().strip() == ""


@pytest.mark.parametrize("name", EACH)
def test_a_caption_written_anew_is_kept_as_it_is_in_every_form(made, name):
    mine = "A drawing of somebody\nin two lines."
    made.text("000").write_text(mine)
    made.run(form(name))
    assert made.text("000").read_text() == mine


def test_the_head_and_the_safety_word_may_be_taken_out(made):
    made.run(form("lumina"))
    path = made.text("000")
    path.write_text(path.read_text().removeprefix(LUMINA))
    made.run(form("lumina"), *LOW)
    assert not path.read_text().startswith("You are")
    assert made.text("001").read_text().startswith(LUMINA)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_page_changes_tags_and_the_sentence_follows(made, name):
    made.run(form(name))
    key = made.key("000")
    with made.door() as edits:
        before = edits.text(key)
        edits.add("umbrella", [key])
        assert "umbrella" in edits.text(key) and made.text("000").read_text() == edits.text(key)
        edits.undo()
        assert edits.text(key) == before
        edits.redo()
    made.run(form(name))
    assert "umbrella" in made.text("000").read_text()
    made.run()
    assert tags(made.text("000"))[-1] == "umbrella"


@pytest.mark.parametrize("name", SENTENCES)
def test_a_page_edits_the_whole_text(made, name):
    made.run(form(name))
    key = made.key("000")
    with made.door() as edits:
        before = edits.text(key)
        said = described(tags_of(made, "000"), FORMS[name].length)
        at = before.lower().index(said.lower())
        mine = before[:at] + "She waits." + before[at + len(said) :]
        assert edits.caption(key, mine, base=before) == mine
        edits.add("umbrella", [key])
        assert "She waits." in edits.text(key), "a sentence of the user's stays when tags change"
        edits.undo(2)
        assert edits.text(key) == before


@pytest.mark.parametrize("name", SENTENCES)
def test_a_form_survives_the_loss_of_the_ledger(made, name):
    made.run(form(name))
    path = made.text("000")
    mine = path.read_text().replace(". ", ", red scarf. ", 1) if name in ("sd35", "anima") else path.read_text()
    path.write_text(mine)
    made.run(form(name))
    text = path.read_text()
    for part in (made.out / ".prep" / "ledger").glob("caption/*"):
        part.unlink()
    for part in (made.out / ".prep" / "ledger").glob("edit/*"):
        part.unlink()
    made.run(form(name))
    assert made.text("000").read_text() == text
