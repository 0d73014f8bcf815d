"""Captions saved at any moment are kept and merged: while a run draws or exports, after a kill, out of the set."""

from pathlib import Path

import pytest

from prep.dataset.kohya import KohyaExporter
from prep.edits.from_files import HandEdits
from prep.edits.placed import Placement
from tests.support.person import HIGH, LOW, small, tags


def interrupted(made, monkeypatch, where, name, act, *sets, at: Path | None = None) -> None:
    """A run in which something happens right before `where.name` does its work (at: on this file)."""
    real, seen = getattr(where, name), []

    def now(self, *arguments):
        if not seen and (at is None or arguments[0] == at):
            seen.append(1)
            act()
        return real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(where, name, now)
        made.run(*sets)
    assert seen


@pytest.mark.parametrize("where, name", [(KohyaExporter, "write"), (HandEdits, "write"), (HandEdits, "confirm")])
def test_a_caption_saved_in_the_middle_of_the_export_is_merged(made, monkeypatch, where, name):
    at = made.text("000") if (where, name) == (HandEdits, "write") else None
    interrupted(made, monkeypatch, where, name, lambda: made.add("000", "red scarf"), *LOW, at=at)
    made.run(*LOW)
    after = tags(made.text("000"))
    assert "red scarf" in after and len(after) > 4
    assert set(after) - {"red scarf"} == set(made.row("000")["caption"].split(", ")) - {"red scarf"}
    made.run(*HIGH)
    assert "red scarf" in tags(made.text("000"))


def test_a_tag_taken_out_in_the_middle_of_the_export_stays_out(made, monkeypatch):
    made.run(*LOW)
    path, gone = made.text("000"), tags(made.text("000"))[1]
    kept = ", ".join(tag for tag in tags(path) if tag != gone)
    trigger = "characters.mira.trigger=mk1"
    interrupted(made, monkeypatch, HandEdits, "write", lambda: path.write_text(kept), *LOW, trigger, at=path)
    for _ in range(2):
        assert tags(path)[0] == "mk1" and gone not in tags(path)
        made.run(*LOW, trigger)


def test_a_caption_saved_while_the_run_draws_is_kept(painted):
    draw, generator = painted.generator.draw, painted.generator

    def slowly(*arguments):
        painted.add("000", "red scarf")
        generator.draw = draw
        yield from draw(*arguments)

    generator.draw = slowly
    row = painted.drawn()[0]
    with painted.door() as edits:
        edits.reject([f"{row['character']}/{row['image_id']}"])
    painted.run()  # draws another in its place
    for _ in range(2):
        painted.run("thresholds.fixed=0.3")
        assert generator.drawn and "red scarf" in tags(painted.text("000")) and len(tags(painted.text("000"))) > 5
    assert painted.row("000")["caption_source"] == "merged"


@pytest.mark.parametrize("written", [0, 2])
def test_captions_saved_between_a_kill_and_the_next_run_are_merged(made, monkeypatch, written):
    """written: captions that the killed run had written."""
    made.run(*LOW)
    low = {name: set(tags(made.text(name))) for name in ("000", "001", "002")}
    made.run(*HIGH)
    real, done = HandEdits.write, []

    def write(self, *arguments):
        if len(done) == written:
            raise KeyboardInterrupt
        done.append(1)
        return real(self, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("prep.dataset.kohya.WRITERS", 1)
        patch.setattr(HandEdits, "write", write)
        made.run(*LOW)
    for name in ("000", "002"):
        made.add(name, "red scarf")
    made.run(*LOW)
    assert made.row("001")["caption_source"] == "machine"
    for name in ("000", "002"):
        assert set(tags(made.text(name))) == low[name] | {"red scarf"}
    made.run(*HIGH)
    assert all("red scarf" in tags(made.text(name)) for name in ("000", "002"))


def test_a_caption_saved_beside_the_source_in_the_middle_of_the_export_is_merged_in_both(made, monkeypatch):
    source = ("captions.sidecars=source",)
    made.run(*HIGH, *source)
    beside = made.art / "mira" / "000.txt"
    before = beside.read_text()

    def save():
        beside.write_text(f"{before}, red scarf")

    interrupted(made, monkeypatch, HandEdits, "write", save, *LOW, *source, at=beside)
    for sets in (LOW, LOW, HIGH):
        assert "red scarf" in tags(beside) and tags(beside) == tags(made.text("000"))
        made.run(*sets, *source)


def test_a_caption_saved_in_kohya_in_the_middle_of_the_export_reaches_the_source_too(made, monkeypatch):
    source = ("captions.sidecars=source",)
    made.run(*HIGH, *source)
    beside = made.art / "mira" / "000.txt"

    def save():
        made.add("000", "red scarf")

    interrupted(made, monkeypatch, HandEdits, "write", save, *LOW, *source, at=made.text("000"))
    low = tags(beside)
    assert "red scarf" in low and low == tags(made.text("000"))
    made.run(*HIGH, *source)  # what the machine alone had found goes again
    assert len(tags(beside)) < len(low) and "red scarf" in tags(beside) and tags(beside) == tags(made.text("000"))


@pytest.mark.parametrize("state", ["excluded", "rejected", "moved out", "unplaced"])
def test_a_caption_edited_as_its_picture_leaves_waits_for_it(made, state):
    path, picture = made.text("000"), made.image("000")
    source, away = made.art / "mira" / "000.png", made.art.parent / "away.png"
    if state == "unplaced":  # out of the set for a while: its caption is put back by hand
        text = path.read_text()
        source.rename(away)
        made.run()
        path.write_text(f"{text}, red scarf")
    else:
        made.add("000", "red scarf")
        if state == "excluded":
            picture.unlink()
        elif state == "moved out":
            source.rename(away)
    made.run(*HIGH, *(("scan.min_side_px=60",) if state == "rejected" else ()))
    assert not path.exists() and not picture.exists()
    if away.exists():
        away.rename(source)
    made.run(restore=state == "excluded")
    assert tags(path)[-1] == "red scarf" and made.row("000")["caption_source"] == "hand"


def test_a_caption_of_a_picture_that_the_ledger_does_not_know_yet_is_taken_as_by_hand(made, monkeypatch):
    """A killed run placed the picture, and its captions were not written."""
    small(40, made.art / "mira" / "003.png")
    real = Placement.update

    def update(self, placed):
        if any(each.name.startswith("003-") for each in placed.values()):
            raise KeyboardInterrupt
        real(self, placed)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Placement, "update", update)
        made.run()
    (picture,) = made.out.glob("kohya/*/003-*.png")
    picture.with_suffix(".txt").write_text("mira, red scarf")
    made.run()
    assert "red scarf" in tags(made.text("003")) and made.row("003")["caption_source"] != "machine"
