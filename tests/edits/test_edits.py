"""The door by which decisions enter: what leaves or is retagged does so at once, what comes back with the next run."""

import hashlib

import pytest

from prep.edits.history import Change
from prep.edits.merge import edited
from prep.errors import UsageError
from tests.support.person import LOW, small, tags


def test_a_caption_is_in_its_file_at_once_and_by_hand_from_then_on(made):
    path = made.text("000")
    with made.door() as edits:
        assert edits.text(made.key("000")) == path.read_text() and edits.trigger(made.key("000")) == "mira"
        assert edits.caption(made.key("000"), "mira, red scarf \n") == "mira, red scarf"
    assert path.read_text() == "mira, red scarf"
    made.run()
    assert path.read_text() == "mira, red scarf" and made.row("000")["caption_source"] == "hand"
    with made.door() as edits:
        assert len(edits.history) == 1, "what prep wrote is no edit of a file"


def test_a_caption_written_over_another_is_merged_with_what_was_saved_since(made):
    with made.door() as edits:
        base = edits.text(made.key("000"))
        made.add("000", "red scarf")
    with made.door() as edits:
        now = edits.caption(made.key("000"), f"{base}, umbrella", base=base)
        assert now.split(", ") == [*base.split(", "), "red scarf", "umbrella"]
        gone = base.split(", ")[1]
        now = edits.caption(made.key("000"), base.replace(f"{gone}, ", ""), base=base)
        assert now.split(", ") == [*(tag for tag in base.split(", ") if tag != gone), "red scarf", "umbrella"]
    made.run(*LOW)
    assert {"red scarf", "umbrella"} <= set(tags(made.text("000"))) and gone not in tags(made.text("000"))


def test_a_picture_without_a_caption_takes_none(made):
    with made.door() as edits, pytest.raises(UsageError, match="has no caption yet"):
        edits.caption("mira/00", "mira")
    with made.door() as edits, pytest.raises(UsageError, match="not valid text"):
        edits.caption(made.key("000"), "mira\0")


def test_an_excluded_picture_leaves_at_once_and_comes_back_with_the_next_run(made):
    made.add("000", "red scarf")
    picture, text, key = made.image("000"), made.text("000"), made.key("000")
    with made.door() as edits:
        assert edits.exclude([key]) == {key} and edits.exclude([key]) == set()
        assert not picture.exists() and not text.exists()
    made.run()
    assert made.row("000")["status"] == "excluded"
    with made.door() as edits:
        assert edits.restore([key]) == {key} and not picture.exists()
    made.run()
    assert picture.exists() and tags(text)[-1] == "red scarf"


def test_a_picture_excluded_by_a_command_is_back_when_its_file_is(made):
    picture = made.image("000")
    data = picture.read_bytes()
    with made.door() as edits:
        edits.exclude([made.key("000")])
    made.run()
    picture.write_bytes(data)
    made.run()
    assert made.row("000")["status"] == "kept"


def test_a_picture_that_is_too_small_is_taken_by_hand(made):
    small(20, made.art / "mira" / "tiny.png")
    made.run("scan.min_side_px=50")
    assert made.row("mira/tiny.png")["reason"] == "too_small"
    keys = [made.key("mira/tiny.png"), made.key("000")]
    with made.door() as edits:
        assert edits.accept(keys) == set(keys)
    made.run("scan.min_side_px=50")
    for name in ("mira/tiny.png", "000"):
        assert made.row(name)["status"] == "kept" and "by_hand" in made.row(name)["flags"] and made.text(name).exists()
    assert made.row("001")["reason"] == "too_small"
    with made.door() as edits:
        edits.restore(keys)
    made.run("scan.min_side_px=50")
    assert made.row("mira/tiny.png")["status"] == "rejected"


def test_a_real_picture_is_rejected_by_hand(made):
    picture, key = made.image("000"), made.key("000")
    with made.door() as edits:
        edits.reject([key])
        assert not picture.exists()
    made.run()
    assert (made.row("000")["status"], made.row("000")["reason"]) == ("rejected", "by_hand") and not picture.exists()


def test_a_rejected_drawn_picture_is_accepted_and_trains(painted):
    row = painted.drawn("rejected")[0]
    with painted.door() as edits:
        edits.accept([f"{row['character']}/{row['image_id']}"])
    for more in ((), ("generator.model=none",)):
        painted.run(*more)
        now = next(each for each in painted.drawn() if each["image_id"] == row["image_id"])
        assert now["file"].startswith("kohya/") and (painted.out / now["file"]).with_suffix(".txt").exists()
        assert now["flags"] == ["by_hand"] and now["check_score"] == row["check_score"]
        assert not (painted.out / row["file"]).exists()
    assert painted.generator.drawn == []


def test_a_drawn_picture_is_named_by_its_file_in_generated_too(painted, typed):
    row = painted.drawn()[0]
    for path in (painted.out / "generated").rglob("*.png"):
        if hashlib.sha256(path.read_bytes()).hexdigest() == row["image_id"]:
            break
    said = typed("reject", painted.out, path.name[:2])  # nothing is decided by a guess
    assert said.code == 2 and "is not a picture of" in said.err
    for key in (path, path.name, path.relative_to(painted.out)):
        said = typed("reject", painted.out, key)
        assert said.code == 0 and "1 picture rejected" in said.out, said
        assert typed("undo", painted.out).code == 0
        painted.run()


def test_an_accepted_drawn_picture_is_rejected_and_moves_aside(painted):
    row = painted.drawn()[0]
    key = f"{row['character']}/{row['image_id']}"
    with painted.door() as edits:
        edits.reject([key])
        assert not (painted.out / row["file"]).exists()
    painted.run("generator.model=none")
    now = next(each for each in painted.drawn("rejected") if each["image_id"] == row["image_id"])
    assert (
        now["reason"] == "by_hand" and now["file"].split("/")[2] == "rejected" and (painted.out / now["file"]).exists()
    )
    with painted.door() as edits:
        edits.undo()
    painted.run("generator.model=none")
    assert row["image_id"] in [each["image_id"] for each in painted.drawn()]


def test_tags_are_added_removed_and_renamed_at_once_and_stay_so(made):
    sentence = "A girl stands in the rain."
    made.text("noa/000.png").write_text(sentence)
    with made.door() as edits:
        keys = [made.key(name) for name in ("000", "001", "002", "noa/000.png")]
        assert edits.add(" red scarf", keys) == set(keys[:3]) and edits.add("Red_Scarf", keys) == set()
        first = tags(made.text("000"))[1]
        assert keys[0] in edits.remove(first, keys)
        edits.rename({"red scarf": "blue scarf"}, keys)
        assert edits.rename({"purple scarf": "blue scarf"}, keys) == set()
    for sets in (LOW, ()):
        assert all("blue scarf" in tags(made.text(name)) for name in ("000", "001", "002"))
        assert all("red scarf" not in tags(made.text(name)) for name in ("000", "001", "002"))
        assert first not in tags(made.text("000")) and made.text("noa/000.png").read_text() == sentence
        made.run(*sets)


def test_renaming_into_a_tag_that_is_there_leaves_one(made):
    with made.door() as edits:
        edits.caption(made.key("000"), "mira, solo, hat, witch hat")
        edits.rename({"hat": "witch hat"}, [made.key("000")])
    assert made.text("000").read_text() == "mira, solo, witch hat"


def test_what_somebody_saves_while_tags_change_is_merged(made, monkeypatch):
    key, path = made.key("000"), made.text("000")
    before = path.read_text()
    with made.door() as edits:
        says = edits.files.says

        def now(*arguments):
            path.write_text(f"{before}, umbrella")
            return says(*arguments)

        monkeypatch.setattr(edits.files, "says", now)
        edits.add("red scarf", [key])
    assert path.read_text() == f"{before}, umbrella"
    made.run()
    assert set(tags(path)) == {*before.split(", "), "umbrella", "red scarf"}


@pytest.mark.parametrize("what", ["caption", "excluded", "accepted"])
def test_a_command_that_was_killed_after_the_history_leaves_what_the_history_says(made, what):
    key, picture, path = made.key("000"), made.image("000"), made.text("000")
    with made.door() as edits:
        history = edits.decisions.history
        if what == "caption":
            hand = edits.decisions.entry(key).hand
            history.record("command", [Change("caption", key, None, edited(hand, f"{hand.text}, red scarf"))])
        else:
            history.record("command", [Change("verdict", key, None, what)])
    size = ("scan.min_side_px=50",)
    made.run(*(size if what == "accepted" else ()))
    if what == "caption":
        assert tags(path)[-1] == "red scarf" and made.row("000")["caption_source"] == "hand"
    elif what == "accepted":
        assert made.row("000")["status"] == "kept" and made.row("001")["status"] == "rejected"
    else:
        assert made.row("000")["status"] == "excluded" and not picture.exists() and not path.exists()
        picture.write_bytes((made.art / "mira" / "000.png").read_bytes())
        made.run()
        assert made.row("000")["status"] == "kept", "put back by hand, as after any exclusion"


@pytest.mark.parametrize("verb", ["exclude", "reject"])
def test_a_command_that_was_killed_while_pictures_leave_is_ended_by_the_next_run(made, monkeypatch, verb):
    keys = [made.key("000"), made.key("001")]
    with made.door() as edits, monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        left = []

        def take_out(*_):
            left.append(1)
            raise KeyboardInterrupt

        patch.setattr("prep.edits.edits.take_out", take_out)
        getattr(edits, verb)(keys)
    assert left == [1] and made.image("000").exists()
    for _ in range(2):
        made.run()
        for name in ("000", "001"):
            assert made.row(name)["status"] == {"exclude": "excluded", "reject": "rejected"}[verb]
    assert len(list(made.image("002").parent.iterdir())) == 2
