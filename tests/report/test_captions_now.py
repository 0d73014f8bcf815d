"""The report counts the captions that are trained on now, however a person changed them since the last run."""

import pytest

from prep.dataset.opened import Set
from prep.report.page import page
from prep.report.written import after_run
from tests.support.finished import Maker
from tests.support.pages import read_page


def tags_part(out):
    return read_page(page(Set(out))).one("tags")


def counted(out) -> dict[str, str]:
    """Tag -> the captions that have it, as the page says."""
    rows = [[cell.text for cell in row.all("td")] for row in tags_part(out).all("tr")]
    return {row[0]: row[1] for row in rows if row}


def renamed_in_an_editor(made):
    for name in ("001", "002", "noa/000.png"):
        path = made.text(name)
        path.write_text(path.read_text().replace("smile", "Wide_Grin"))


@pytest.mark.parametrize("way", ["command", "editor"])
def test_a_renamed_tag_is_counted_by_its_new_name(made, typed, way):
    assert counted(made.out)["smile"] == "3"
    if way == "command":
        assert typed("tags", made.out, "--rename", "smile", "wide grin").code == 0
    else:
        renamed_in_an_editor(made)
    found = counted(made.out)
    assert found["wide grin"] == "3" and "smile" not in found and found["solo"] == "4"
    assert not found.keys() & {"mira", "noa"}  # trigger words are no tags


def test_a_picture_that_was_taken_out_does_not_count(made):
    with made.door() as edits:
        edits.exclude([made.key("002")])
    found = counted(made.out)
    assert found["smile"] == "2" and "long hair" not in found


def test_sentences_are_counted_apart(made):
    made.text("002").write_text("mira is smiling with long hair, and looks at the viewer.")
    made.text("noa/000.png").write_text("noa, solo\nsmile")
    found = tags_part(made.out)
    assert "in 2 captions, as they are now" in found.text
    assert "2 captions are sentences, or have several lines: not counted here." in found.text
    assert counted(made.out)["solo"] == "2" and "100%" in found.text
    for name in ("000", "001"):
        made.text(name).write_text("mira, standing in the rain with a friend")
    text = tags_part(made.out).text
    assert "No caption has a tag." in text and "4 captions are sentences, or have several lines" in text


def test_a_long_tag_of_the_tagger_is_no_sentence(tmp_path):
    maker = Maker(tmp_path / "out")
    maker.add("mira", "mira, the tale of a very long name \\(series\\), ^_^")
    names = ("the_tale_of_a_very_long_name_(series)", "^_^")
    maker.rows[-1]["tags"] = [{"name": name, "score": 0.9, "category": "general"} for name in names]
    assert counted(maker.finish()) == {"the tale of a very long name (series)": "1", "^_^": "1"}


def test_a_trait_that_a_person_wrote_back_is_counted_once(tmp_path):
    maker = Maker(tmp_path / "out")
    for caption in ("mira, blue hair, smile", "mira, smile"):
        maker.add("mira", caption)
        maker.rows[-1]["removed"] = [{"name": "blue_hair", "why": "trait"}]
    out = maker.finish()
    core = next(row for row in read_page(page(Set(out))).one("characters").all("dd") if "smile" in row.text)
    assert counted(out) == {"smile": "2", "blue hair": "1"} and core.text == "blue hair 2 smile 2"


def test_an_edit_makes_the_report_of_the_next_run_anew(made):
    after_run(made.out)
    before = (made.out / "report.html").read_bytes()
    made.add("001", "red scarf")
    made.run()
    after_run(made.out)
    after = (made.out / "report.html").read_bytes()
    assert b"red scarf" in after and b"red scarf" not in before


def test_what_the_ledger_knows_of_captions_is_part_of_what_a_report_is_made_of(made):
    """A page's change after the manifest was written, and before the report was."""
    after_run(made.out)
    with made.door("page") as edits:
        edits.add("red scarf", [made.key("001")])
    after_run(made.out)
    assert b"red scarf" in (made.out / "report.html").read_bytes()
