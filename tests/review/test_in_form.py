"""Captions in the form of a base model: the page shows their text, and works with their tags."""

import pytest

from prep.captions.forms import FORMS
from prep.review import next_run
from tests.support.person import tags
from tests.support.reviewing import reviewed


@pytest.fixture(params=["anima", "flux", pytest.param("sd35", marks=pytest.mark.slow)])
def page(art, request):
    before = tags(art.text("000"))
    art.run(f"captions.for={request.param}")
    (art.art / "prep.toml").write_text((art.art / "prep.toml").read_text() + f'[captions]\nfor = "{request.param}"\n')
    with reviewed(art.out) as page:
        page.art, page.form, page.before = art, FORMS[request.param], before
        yield page


def test_tags_are_chips_and_found_by_filters_whatever_the_text(page):
    row = page.row("mira/000.png")
    assert row["caption"] == page.art.text("000").read_text() != ", ".join(page.before)
    found = page.read(f"api/picture/{row['id']}")
    assert [chip["tag"] for chip in found["tags"]] == page.before and not found["sentence"]
    assert all(chip["score"] for chip in found["tags"][1:])
    assert row["id"] in page.ids(f'tag:"{page.before[-1]}"')
    assert row["id"] in page.ids(f'"{page.before[-1]}"')


def test_changes_of_tags_change_the_text_and_the_next_run_agrees(page):
    row = page.row("mira/000.png")
    gone = page.before[-1]
    page.do("api/edit", op="add", tag="red scarf", ids=[row["id"]])
    page.do("api/edit", op="remove", tag=gone, ids=[row["id"]])
    page.do("api/edit", op="move", tag="red scarf", to="front", ids=[row["id"]])
    text = page.row("mira/000.png")["caption"]
    assert "red scarf" in text and text == page.art.text("000").read_text()
    assert page.session.next.wait() is not None
    then = page.row("mira/000.png").get("then")
    page.art.run()
    now = page.art.text("000").read_text()
    assert now == text or page.form.grouped and sorted(now) == sorted(text), "a run puts it in its order"
    assert then in (None, now)
    page.art.run("captions.for=")
    assert tags(page.art.text("000"))[1] == "red scarf" and gone not in tags(page.art.text("000"))


def test_a_caption_that_changes_while_prep_looks_ahead_is_not_foreseen_as_it_was(page, monkeypatch):
    """What the preview knew, another edit made old."""
    row, looking = page.row("mira/000.png"), next_run.preview
    assert page.session.next.wait() is not None

    def meanwhile(*given):
        made = looking(*given)
        if not done:
            done.append(page.do("api/edit", op="remove", tag=page.before[-1], ids=[row["id"]]))
        return made

    done = []
    monkeypatch.setattr(next_run, "preview", meanwhile)
    page.do("api/edit", op="add", tag="red scarf", ids=[row["id"]])
    page.session.next.look()
    assert page.session.next.wait() is not None and done
    then = page.row("mira/000.png").get("then")
    page.art.run()
    assert then in (None, page.art.text("000").read_text())


def test_the_text_can_be_edited_as_a_whole(page):
    row = page.row("mira/000.png")
    text = row["caption"] + " She hums."
    done = page.do("api/edit", op="caption", id=row["id"], text=text, base=row["caption"])
    assert done["rows"][0]["caption"] == text == page.art.text("000").read_text()
    page.art.run()
    assert page.art.text("000").read_text() == text
    with page.art.door() as edits:
        edits.undo()
        assert edits.text(page.art.key("000")) == row["caption"]
