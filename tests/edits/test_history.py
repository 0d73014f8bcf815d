"""The history: what was decided, by whom, step by step; taken back and done again."""

import pytest

from prep.edits.history import EDIT, UNDO
from prep.errors import UsageError
from prep.ledger import Ledger
from tests.support.person import LOW, tags


def test_the_history_is_the_same_for_files_and_callers_and_survives(made):
    key = made.key("000")
    made.add("000", "red scarf")
    made.image("001").unlink()
    with made.door() as edits:
        edits.caption(key, edits.text(key) + ", umbrella")
        edits.exclude([made.key("002")])
        once = edits.history
    assert [step.by for step in once] == ["files", "files", "command", "command"]
    assert [change.what for step in once for change in step.changes] == ["caption", "verdict"] * 2
    in_file, by_command = once[0].changes[0], once[2].changes[0]
    assert in_file.before.person is None and by_command.before.person == in_file.after.text
    assert by_command.after.text == f"{in_file.after.text}, umbrella"
    assert {change.after for step in once for change in step.changes if change.what == "verdict"} == {"excluded"}
    made.run()
    with made.door() as edits:
        assert edits.history == once


def test_an_edit_made_in_a_file_is_undone_and_done_again(made):
    before, path = made.text("000").read_text(), made.text("000")
    made.add("000", "red scarf")
    with made.door() as edits:
        (undone,) = edits.undo()
        assert undone.by == "files" and path.read_text() == before
        (again,) = edits.redo()
        assert again == undone and path.read_text() == f"{before}, red scarf"
        edits.undo()
    made.run()
    assert path.read_text() == before and made.row("000")["caption_source"] == "machine"


def test_a_picture_removed_by_hand_is_back_when_that_is_undone(made):
    picture = made.image("000")
    picture.unlink()
    made.run()
    with made.door() as edits:
        assert edits.undo()[0].changes[0].before is None
    made.run()
    assert picture.exists() and made.row("000")["status"] == "kept"


def test_several_steps_are_undone_newest_first_and_undoing_goes_on_from_there(made):
    key, texts = made.key("000"), [made.text("000").read_text()]
    with made.door() as edits:
        for word in ("one", "two", "three"):
            texts.append(edits.caption(key, f"{texts[-1]}, {word}"))
        assert [step.number for step in edits.undo(2)] == [3, 2] and made.text("000").read_text() == texts[1]
    with made.door() as edits:
        assert [step.number for step in edits.undo()] == [1] and made.text("000").read_text() == texts[0]
        assert edits.undo() == []
        assert [step.number for step in edits.redo(2)] == [1, 2] and made.text("000").read_text() == texts[2]
        edits.add("four", [key])
        assert edits.redo() == [], "something else was decided since"
        assert [step.by for step in edits.history].count(UNDO) == 3
        assert [step.of for step in edits.history if step.by == UNDO] == [3, 2, 1]


def test_undoing_an_older_text_keeps_what_the_machine_says_by_now(made):
    with made.door() as edits:
        edits.add("red scarf", [made.key("000")])
        edits.add("umbrella", [made.key("000")])
    made.run(*LOW)
    found = tags(made.text("000"))
    with made.door() as edits:
        edits.undo()
    assert tags(made.text("000")) == [tag for tag in found if tag != "umbrella"]


def test_a_step_of_many_pictures_is_one(made):
    keys = [made.key(name) for name in ("000", "001", "002")]
    with made.door() as edits:
        edits.add("red scarf", keys)
        assert [len(step.changes) for step in edits.history] == [3] and len(edits.undo()[0].changes) == 3
    assert not any("red scarf" in tags(made.text(name)) for name in ("000", "001", "002"))


@pytest.mark.parametrize("text", ["{bad json", "5", '{"text": 1}', "[" * 3_000])
def test_a_step_that_cannot_be_read_is_one_sentence(made, text):
    with made.door() as edits:
        edits.add("red scarf", [made.key("000")])
    ledger = Ledger.begin(made.out / ".prep" / "ledger")
    row = ledger.table(EDIT).to_pylist()[-1]
    ledger.write(EDIT, [row | {"subject": "9/x", "step": 9, "after": text}])
    with pytest.raises(UsageError, match="a step of its history cannot be read"):
        made.run()
    with pytest.raises(UsageError, match="cannot be read"), made.door() as edits:
        edits.undo()


def test_what_no_file_can_hold_is_refused_before_it_is_kept(made):
    with made.door() as edits:
        for text in ("caf\udce9", "a\0b"):
            with pytest.raises(UsageError):
                edits.caption(made.key("000"), text)
            with pytest.raises(UsageError):
                edits.add(text, [made.key("000")])
        assert edits.history == []
    made.run()
