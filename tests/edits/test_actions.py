"""What a page asks for: in the history like every decision, at once or once the OUT is free."""

import json
import threading
from contextlib import contextmanager

import pytest

from prep.dataset.opened import Set
from prep.edits.actions import carry_out
from prep.edits.edits import Edits
from prep.edits.own_settings import changed_text, write_settings
from prep.edits.waiting import carry_out_waiting, is_waiting, keep_waiting, take_back, waiting
from prep.errors import InUseError, UsageError
from prep.ledger import DryLedger
from prep.process.lock import locked

SECOND = "99999999999999999999-00000000.json"
KEEP = ("characters", "Dr. X", "keep")


def tags(path) -> list[str]:
    return path.read_text().split(", ")


def test_a_map_renames_all_at_once_so_that_two_tags_can_change_places(made):
    with made.door() as edits:
        edits.caption(made.key("000"), "mira, hat, scarf, coat")
        edits.caption(made.key("001"), "mira, coat")
        done = carry_out(edits, {"do": "rename", "map": {"hat": "scarf", "scarf": "hat"},
                                 "pictures": [made.key("000"), made.key("001")]})  # fmt: skip
        assert done.pictures == {made.key("000")}
    assert tags(made.text("000")) == ["mira", "scarf", "hat", "coat"] and tags(made.text("001")) == ["mira", "coat"]


def test_what_a_map_joins_is_there_once_where_the_new_tag_stood(made):
    with made.door() as edits:
        edits.caption(made.key("000"), "mira, hat, coat, cap")
        carry_out(edits, {"do": "rename", "map": {"hat": "cap", "coat": "jacket"}, "pictures": [made.key("000")]})
        assert edits.text(made.key("000")) == "mira, jacket, cap"


def test_a_tag_moves_behind_the_trigger_words_and_stays_there(made):
    with made.door() as edits:
        before = tags(made.text("000"))
        assert edits.move(before[-1], 0, [made.key("000")])
    moved = [before[0], before[-1], *before[1:-1]]
    assert tags(made.text("000")) == moved
    made.run()
    assert tags(made.text("000")) == moved
    with made.door() as edits:
        edits.move(before[-1], None, [made.key("000")])
    assert tags(made.text("000")) == before


def test_a_setting_is_written_with_its_neighbours_untouched_and_undone_by_one_step(made):
    file = made.out / "settings.toml"
    file.write_text('# mine\n[captions]  # here too\nmax_tags = 7\n\n[characters.noa]\ntrigger = "noa_"\n')
    before = file.read_text()
    with made.door() as edits:
        assert edits.set_values({KEEP: ["red eyes"], ("characters", "noa", "keep"): ["hat"]})
        assert not edits.set_values({KEEP: ["red eyes"]})
        assert edits.setting(KEEP) == ["red eyes"] and file.read_text().startswith(before[:60])
        assert len(edits.undo()) == 1
    assert file.read_text() == before
    with made.door() as edits:
        edits.redo()
        assert edits.setting(KEEP) == ["red eyes"]


def test_a_setting_that_was_changed_since_is_not_undone(made):
    with made.door() as edits:
        edits.add("hat", [made.key("000")])
        edits.set_values({KEEP: ["red eyes"]})
        write_settings(made.out, changed_text(made.out, {KEEP: ["blue eyes"]}))
        assert len(edits.undo()) == 1 and edits.setting(KEEP) == ["blue eyes"]
        assert len(edits.undo()) == 1 and "hat" not in tags(made.text("000"))  # the step before is next


@pytest.mark.parametrize("text", ["[captions\n", "characters = 3\n", "\xff"])
def test_settings_that_cannot_be_read_are_said_and_left_alone(made, text):
    (made.out / "settings.toml").write_bytes(text.encode("latin-1"))
    with made.door() as edits, pytest.raises(UsageError, match="settings.toml"):
        edits.set_values({KEEP: ["red eyes"]})
    assert (made.out / "settings.toml").read_bytes() == text.encode("latin-1")


def test_with_a_dry_ledger_a_decision_shows_and_changes_no_file(made):
    files = {path: path.read_bytes() for path in made.out.rglob("*") if path.is_file()}
    edits = Set(made.out).edits(DryLedger(made.out / ".prep" / "ledger"), "page")
    edits.look()
    edits.add("hat", [made.key("000")])
    edits.exclude([made.key("001")])
    edits.set_values({KEEP: ["red eyes"]})
    assert "hat" in edits.text(made.key("000")) and edits.decisions.verdict(made.key("001")) == "excluded"
    edits.undo(3)
    assert "hat" not in edits.text(made.key("000"))
    assert {path: path.read_bytes() for path in made.out.rglob("*") if path.is_file()} == files


def test_what_waits_is_merged_by_the_next_run_and_is_there_once(made):
    base = made.text("001").read_text()
    keep_waiting(made.out, {"do": "add", "tag": "red scarf", "pictures": [made.key("000")]})
    keep_waiting(made.out, {"do": "caption", "picture": made.key("001"), "text": base, "base": base})
    keep_waiting(made.out, {"do": "exclude", "pictures": [made.key("002")]})
    assert [action["do"] for action in waiting(made.out)] == ["add", "caption", "exclude"]
    made.run()
    assert "red scarf" in tags(made.text("000")) and made.row("002")["status"] == "excluded"
    assert not is_waiting(made.out)
    with made.door() as edits:
        assert [step.by for step in edits.history if step.by != "moved"] == ["page", "page"]  # the caption was the same


def test_the_newest_that_waits_can_be_taken_back(made):
    for tag in ("hat", "scarf"):
        keep_waiting(made.out, {"do": "add", "tag": tag, "pictures": [made.key("000")]})
    assert take_back(made.out)["tag"] == "scarf" and [action["tag"] for action in waiting(made.out)] == ["hat"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"do": "explode"}', '{"do": "add"}', '{"do": "remove", "tag": "a,b", "pictures": []}',
             json.dumps({"do": "caption", "picture": "mira/none", "text": "x"})]
)  # fmt: skip
def test_what_cannot_be_carried_out_is_set_aside_and_said(made, text):
    keep_waiting(made.out, {"do": "add", "tag": "hat", "pictures": [made.key("000")]})
    (made.out / ".prep" / "waiting" / SECOND).write_text(text)
    with made.door() as edits:
        done = [why for _, why in carry_out_waiting(edits)]
    assert done[0] is None and "hat" in tags(made.text("000")) and not is_waiting(made.out)
    assert (made.out / "set_aside" / ".prep" / "waiting" / SECOND.replace(".json", ".doing")).read_text() == text
    made.run()
    assert SECOND.removesuffix(".json") in (made.out / "problems.txt").read_text()


def test_an_out_that_somebody_has_is_in_use(made):
    there, go = threading.Event(), threading.Event()

    @contextmanager
    def held():
        with locked(made.out / ".prep" / "lock"):
            there.set()
            yield

    def hold():
        with held():
            go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    there.wait()
    with pytest.raises(InUseError, match="in use by process"), locked(made.out / ".prep" / "lock"):
        pass
    go.set()
    thread.join()
    assert Edits(made.out, DryLedger(made.out / ".prep" / "ledger")).dry
